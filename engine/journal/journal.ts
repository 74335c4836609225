import { randomUUID } from 'node:crypto';
import { chmod, truncate, unlink } from 'node:fs/promises';
import type { JournalRecord, NewRecord } from '../model/record.ts';
import type { Counters } from '../telemetry.ts';
import { type Disk, type DiskFile, realDisk } from './disk.ts';
import { decodeSound, encodeHeader, encodeRecord, HEADER_BYTES, maxEncodedBytes } from './format.ts';
import { makeFolder } from './make-folder.ts';
import { listSegments, readHeader, readSegment, type Segment, segmentPath } from './segment.ts';
import { syncFolder } from './sync-folder.ts';

export interface JournalOptions {
  readonly folder: string;
  readonly counters: Counters;
  /** Called once when the disk fails; nothing is committed after it. */
  readonly onFailure: (error: Error) => void;
  /** Called for what cannot be read any more, while reading; everything behind it is read all the same. */
  readonly onLoss: (loss: JournalLoss) => void;
  /** A new segment begins above this size. Default 16 MiB. */
  readonly segmentBytes?: number;
  /** How long a group gathers records before it is written. Default 2 ms. */
  readonly gatherMs?: number;
  /** Where segments are written. Default: the disk of this machine. */
  readonly disk?: Disk | undefined;
}

/** Records that somebody was told are safe, and that are gone. */
export interface JournalLoss {
  /** The segment that they stood in, or the one in front of those that are missing. */
  readonly path: string;
  /** The bytes that are no records: from, and up to. Both 0 where there are none. */
  readonly from: number;
  readonly to: number;
  /** Offsets of the first record that is lost, and of the first that is not. */
  readonly firstLost: number;
  readonly nextOffset: number;
}

/** Takes records that have become durable. Payloads are views of memory that is used again: they are valid until the call returns. */
export type CommitListener = (records: readonly JournalRecord[]) => void;

export interface Journal {
  /** Fixed for the life of the journal; part of every event id and dedup token. */
  readonly id: string;
  /** Offset of the first record that it still has to have. */
  readonly firstOffset: number;
  /** Offset that the next record will get. */
  readonly nextOffset: number;
  /** Bytes on disk. */
  readonly bytes: number;
  /** Bytes cut off at open because a crash had left the last record incomplete. */
  readonly tornBytes: number;
  /** Gives the next record this offset, in a new segment: those in between are gone. To be called before the first `append`. */
  skipTo(offset: number): void;
  /**
   * Passes every record to `listener` once it is durable, in order, a limited number at a time. To be called once, before the first `append`;
   * records that are appended without a listener become durable and go nowhere.
   */
  commitTo(listener: CommitListener): void;
  /** Takes records into the next group. `durable` is called after the group's sync, before the commit listener. */
  append(drafts: readonly NewRecord[], durable?: () => void): void;
  /**
   * Arrays of the records from an offset on that are durable when the first is asked for, in order; `onLoss` hears of those that are gone.
   * It may be used while appending. Rejects where a segment is released before it is read.
   */
  read(fromOffset: number): AsyncGenerator<readonly JournalRecord[]>;
  /**
   * The record at this offset; undefined where it is lost or released, or not durable yet. It may be used while appending, and reports no
   * loss.
   */
  find(offset: number): Promise<JournalRecord | undefined>;
  /** Deletes segments all of whose records are below `offset`. */
  release(offset: number): Promise<void>;
  /** Commits what was appended and closes the file. */
  close(): Promise<void>;
}

/**
 * Records that become durable together, as bytes alone: as objects they would outlive the wait for the disk, and the garbage collector would
 * copy each of them twice. They are made again when they are due.
 */
interface Group {
  readonly firstOffset: number;
  buffer: Buffer;
  length: number;
  readonly durable: (() => void)[];
}

const SEGMENT_BYTES = 16 * 1024 * 1024;
const GATHER_MS = 2;
/** The place of damage that left no bytes. */
const NOWHERE = { from: 0, to: 0 };
/** A group this large is written without waiting for more. */
const FULL_GROUP_BYTES = 256 * 1024;
const FIRST_GROUP_BYTES = 64 * 1024;
/** A buffer that had to grow beyond this is not kept. */
const KEPT_GROUP_BYTES = 1024 * 1024;
/** Records handed over in one call. */
const HANDED_OVER = 256;

/**
 * Opens the journal in a folder, or begins one. An incomplete last record is cut off (nobody was told that it was safe). Rejects where
 * there are segments, and not one of them has a header that can be read.
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  makeFolder(options.folder);
  const segments = await listSegments(options.folder);
  await makePrivate(segments);
  const found = await inspect(segments);
  return new SegmentedJournal(options, segments, found);
}

/** Earlier versions left segments that every user of the machine could read, and the last one is written on. */
async function makePrivate(segments: readonly Segment[]): Promise<void> {
  for (const { path } of segments) {
    await chmod(path, 0o600).catch((error: NodeJS.ErrnoException) => {
      // A file of somebody else's, which we may use all the same.
      if (error.code !== 'EPERM' && error.code !== 'EROFS') throw error;
    });
  }
}

interface Found {
  readonly id: string;
  readonly nextOffset: number;
  readonly tornBytes: number;
}

async function inspect(segments: Segment[]): Promise<Found> {
  const last = segments.at(-1);
  if (last === undefined) return { id: randomUUID().replaceAll('-', '').slice(0, 16), nextOffset: 0, tornBytes: 0 };
  if (last.bytes < HEADER_BYTES) {
    // A crash between making the file and writing its header: it holds nothing yet.
    await unlink(last.path);
    segments.pop();
    const before = await inspect(segments);
    const nextOffset = Math.max(before.nextOffset, last.firstOffset);
    return { ...before, nextOffset, tornBytes: before.tornBytes + last.bytes };
  }
  const id = await findJournalId(segments);
  let nextOffset = last.firstOffset;
  let tornBytes = 0;
  for await (const part of readSegment(last)) {
    if (part.kind === 'records') nextOffset = part.records.at(-1)!.offset + 1;
    else if (part.kind === 'end' && part.soundBytes < last.bytes) {
      tornBytes = last.bytes - part.soundBytes;
      await truncate(last.path, part.soundBytes);
      last.bytes = part.soundBytes;
    }
  }
  return { id, nextOffset, tornBytes };
}

/** Every header has it, so that one damaged header does not matter. */
async function findJournalId(segments: readonly Segment[]): Promise<string> {
  for (const { path } of segments.toReversed()) {
    const header = await readHeader(path);
    if (header !== undefined) return header.journalId;
  }
  const { path } = segments.at(-1)!;
  throw new Error(
    `${path} does not begin as a journal does, and no other segment tells its id. Restore the file, or move the folder aside to begin a new journal.`,
  );
}

class SegmentedJournal implements Journal {
  readonly id: string;
  readonly tornBytes: number;
  nextOffset: number;
  readonly #options: JournalOptions;
  readonly #segments: Segment[];
  #commit: CommitListener = () => undefined;
  readonly #disk: Disk;
  #file: DiskFile | undefined;
  #group: Group;
  /** Buffers to use again. */
  readonly #spares: Buffer[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #failed = false;
  /** Records below this offset are on disk. */
  #durableTo: number;
  /** The last segment ends before `nextOffset`. */
  #skipped = false;

  constructor(options: JournalOptions, segments: Segment[], found: Found) {
    this.#options = options;
    this.#disk = options.disk ?? realDisk;
    this.#segments = segments;
    this.id = found.id;
    this.tornBytes = found.tornBytes;
    this.nextOffset = found.nextOffset;
    this.#durableTo = found.nextOffset;
    this.#group = this.#beginGroup();
  }

  #beginGroup(): Group {
    const buffer = this.#spares.pop() ?? Buffer.allocUnsafeSlow(FIRST_GROUP_BYTES);
    return { firstOffset: this.nextOffset, buffer, length: 0, durable: [] };
  }

  get firstOffset(): number {
    return this.#segments[0]?.firstOffset ?? this.nextOffset;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  skipTo(offset: number): void {
    this.nextOffset = offset;
    this.#durableTo = offset;
    this.#group = this.#beginGroup();
    this.#skipped = true;
  }

  commitTo(listener: CommitListener): void {
    this.#commit = listener;
  }

  append(drafts: readonly NewRecord[], durable?: () => void): void {
    const group = this.#group;
    for (const draft of drafts) {
      makeRoom(group, maxEncodedBytes(draft));
      group.length = encodeRecord(group.buffer, group.length, draft, this.nextOffset++);
    }
    if (durable !== undefined) group.durable.push(durable);
    if (this.#writing === undefined) this.#schedule();
  }

  #schedule(): void {
    if (this.#group.length === 0) return;
    if (this.#group.length >= FULL_GROUP_BYTES) this.#write();
    else this.#timer ??= setTimeout(() => this.#write(), this.#options.gatherMs ?? GATHER_MS);
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#writing !== undefined || this.#failed) return;
    const group = this.#group;
    this.#group = this.#beginGroup();
    const { nextOffset } = this;
    this.#writing = this.#persist(group).then(
      () => {
        this.#durableTo = nextOffset;
        this.#writing = undefined;
        for (const durable of group.durable) durable();
        this.#schedule();
        this.#handOver(group);
      },
      (error: unknown) => {
        this.#failed = true;
        this.#options.onFailure(error as Error);
      },
    );
  }

  #handOver({ buffer, length }: Group): void {
    for (let at = 0; at < length; ) {
      const records: JournalRecord[] = [];
      at = decodeSound(buffer, at, length, HANDED_OVER, records);
      this.#commit(records);
    }
    if (buffer.length <= KEPT_GROUP_BYTES) this.#spares.push(buffer);
  }

  async #persist(group: Group): Promise<void> {
    const last = this.#segments.at(-1);
    const limit = this.#options.segmentBytes ?? SEGMENT_BYTES;
    if (last === undefined || last.bytes >= limit || this.#skipped) await this.#roll(group.firstOffset);
    this.#file ??= await this.#disk.open(this.#segments.at(-1)!.path, 'a');
    let written = 0;
    while (written < group.length) {
      written += (await this.#file.write(group.buffer, written, group.length - written)).bytesWritten;
    }
    await this.#file.datasync();
    this.#segments.at(-1)!.bytes += group.length;
    const { counters } = this.#options;
    counters.journal_syncs += 1;
    counters.journal_bytes += group.length;
  }

  async #roll(firstOffset: number): Promise<void> {
    await this.#file?.close();
    const path = segmentPath(this.#options.folder, firstOffset);
    this.#file = await this.#disk.open(path, 'ax');
    await this.#file.write(encodeHeader({ journalId: this.id, firstOffset }));
    // The name must be as durable as the content.
    await syncFolder(this.#options.folder);
    this.#segments.push({ path, firstOffset, bytes: HEADER_BYTES });
    this.#skipped = false;
  }

  async *read(fromOffset: number): AsyncGenerator<readonly JournalRecord[]> {
    const segments = [...this.#segments];
    const end = this.#durableTo;
    let expected = fromOffset;
    for (const [index, segment] of segments.entries()) {
      const next = segments[index + 1];
      if (next !== undefined && next.firstOffset <= fromOffset) continue;
      let damage = NOWHERE;
      for await (const part of readSegment(segment)) {
        if (part.kind === 'damage') damage = part;
        else if (part.kind === 'end') {
          if (part.soundBytes < segment.bytes) damage = { from: part.soundBytes, to: segment.bytes };
        } else {
          const wanted = part.records.filter(({ offset }) => offset >= fromOffset && offset < end);
          for (const { offset } of wanted) {
            this.#reportLoss(segment, damage, expected, offset);
            expected = offset + 1;
            damage = NOWHERE;
          }
          if (wanted.length > 0) yield wanted;
          // What is behind them may be half written.
          if (expected >= end) return;
        }
      }
      // What stood between its last sound record and the next segment.
      if (next !== undefined) this.#reportLoss(segment, damage, expected, next.firstOffset);
      expected = Math.max(expected, next?.firstOffset ?? 0);
    }
  }

  async find(offset: number): Promise<JournalRecord | undefined> {
    const segment = this.#segments.findLast(({ firstOffset }) => firstOffset <= offset);
    if (segment === undefined || offset >= this.#durableTo) return undefined;
    try {
      for await (const part of readSegment(segment)) {
        if (part.kind !== 'records') continue;
        const found = part.records.find((record) => record.offset === offset);
        if (found !== undefined || part.records.at(-1)!.offset > offset) return found;
      }
    } catch (error) {
      // It was released meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return undefined;
  }

  #reportLoss(
    { path }: Segment,
    { from, to }: { from: number; to: number },
    firstLost: number,
    nextOffset: number,
  ): void {
    if (nextOffset > firstLost) this.#options.onLoss({ path, from, to, firstLost, nextOffset });
  }

  async release(offset: number): Promise<void> {
    while (this.#segments.length > 1 && this.#segments[1]!.firstOffset <= offset) {
      const [segment] = this.#segments.splice(0, 1);
      await unlink(segment!.path);
    }
  }

  async close(): Promise<void> {
    while (!this.#failed && (this.#writing !== undefined || this.#group.length > 0)) {
      if (this.#writing === undefined) this.#write();
      await this.#writing;
    }
    await this.#file?.close();
  }
}

function makeRoom(group: Group, bytes: number): void {
  if (group.length + bytes <= group.buffer.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(group.buffer.length * 2, group.length + bytes));
  group.buffer.copy(larger, 0, 0, group.length);
  group.buffer = larger;
}
