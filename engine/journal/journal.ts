import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, truncate, unlink } from 'node:fs/promises';
import type { Draft, JournalRecord } from '../model/record.ts';
import type { Counters } from '../telemetry.ts';
import { decodeSound, encodeHeader, encodeRecord, HEADER_BYTES, maxEncodedBytes } from './format.ts';
import { hasRecordsBehind, listSegments, readHeader, readSegment, type Segment, segmentPath } from './segment.ts';

export interface JournalOptions {
  readonly folder: string;
  readonly counters: Counters;
  /**
   * Called with records that have become durable, in order, a limited number at a time. Payloads are views of memory that is used again:
   * they hold until the call returns.
   */
  readonly onCommit: (records: readonly JournalRecord[]) => void;
  /** Called once when the disk fails; nothing is committed after it. */
  readonly onFailure: (error: Error) => void;
  /** A new segment begins above this size. Default 16 MiB. */
  readonly segmentBytes?: number;
  /** How long a group gathers records before it is written. Default 2 ms. */
  readonly gatherMs?: number;
}

export interface Journal {
  /** Fixed for the life of the journal; part of every event id and dedup token. */
  readonly id: string;
  /** Offset that the next record will get. */
  readonly nextOffset: number;
  /** Bytes on disk. */
  readonly bytes: number;
  /** Bytes cut off at open because a crash had left the last record incomplete. */
  readonly tornBytes: number;
  /** Takes records into the next group. `durable` is called after the group's sync, before `onCommit`. */
  append(drafts: readonly Draft[], durable?: () => void): void;
  /** Arrays of durable records from an offset on, in order. Not to be used while appending. */
  read(fromOffset: number): AsyncGenerator<readonly JournalRecord[]>;
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
/** A group this large is written without waiting for more. */
const FULL_GROUP_BYTES = 256 * 1024;
const FIRST_GROUP_BYTES = 64 * 1024;
/** A buffer that had to grow beyond this is not kept. */
const KEPT_GROUP_BYTES = 1024 * 1024;
/** Records handed over in one call. */
const HANDED_OVER = 256;

/**
 * Opens the journal in a folder, or begins one. An incomplete last record is cut off (nobody was told that it was safe);
 * damage anywhere else is an error: in the last segment at once, in an earlier one when it is read.
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  await mkdir(options.folder, { recursive: true });
  const segments = await listSegments(options.folder);
  const found = await inspect(segments);
  return new SegmentedJournal(options, segments, found);
}

interface Found {
  readonly id: string;
  readonly nextOffset: number;
  readonly tornBytes: number;
}

async function inspect(segments: Segment[]): Promise<Found> {
  const last = segments.at(-1);
  if (last === undefined) return { id: randomUUID().replaceAll('-', '').slice(0, 16), nextOffset: 0, tornBytes: 0 };
  const header = await readHeader(last.path);
  if (header === undefined) {
    // A crash between making the file and writing its header: it holds nothing yet.
    if (last.bytes >= HEADER_BYTES) throw damaged(last, 0);
    await unlink(last.path);
    segments.pop();
    const before = await inspect(segments);
    return { ...before, tornBytes: before.tornBytes + last.bytes };
  }
  let nextOffset = header.firstOffset;
  let tornBytes = 0;
  for await (const part of readSegment(last.path)) {
    if (part.kind === 'records') nextOffset = part.records.at(-1)!.offset + 1;
    else if (part.damage !== 'none') {
      if (await hasRecordsBehind(last.path, part.soundBytes, nextOffset)) throw damaged(last, part.soundBytes);
      tornBytes = last.bytes - part.soundBytes;
      await truncate(last.path, part.soundBytes);
      last.bytes = part.soundBytes;
    }
  }
  return { id: header.journalId, nextOffset, tornBytes };
}

function damaged(segment: Segment, at: number): Error {
  return new Error(
    `${segment.path} is damaged at byte ${at}: no sound record stands there. Move the folder aside to begin a new journal, or restore the file.`,
  );
}

function missing(segment: Segment, expected: number): Error {
  return new Error(
    `The records from ${expected} to ${segment.firstOffset - 1} are missing: they should stand in a file before ${segment.path}. Restore it, or move the folder aside to begin a new journal.`,
  );
}

class SegmentedJournal implements Journal {
  readonly id: string;
  readonly tornBytes: number;
  nextOffset: number;
  readonly #options: JournalOptions;
  readonly #segments: Segment[];
  #file: FileHandle | undefined;
  #group: Group;
  /** Buffers to use again. */
  readonly #spares: Buffer[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #failed = false;

  constructor(options: JournalOptions, segments: Segment[], found: Found) {
    this.#options = options;
    this.#segments = segments;
    this.id = found.id;
    this.tornBytes = found.tornBytes;
    this.nextOffset = found.nextOffset;
    this.#group = this.#beginGroup();
  }

  #beginGroup(): Group {
    const buffer = this.#spares.pop() ?? Buffer.allocUnsafeSlow(FIRST_GROUP_BYTES);
    return { firstOffset: this.nextOffset, buffer, length: 0, durable: [] };
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  append(drafts: readonly Draft[], durable?: () => void): void {
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
    this.#writing = this.#persist(group).then(
      () => {
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
      this.#options.onCommit(records);
    }
    if (buffer.length <= KEPT_GROUP_BYTES) this.#spares.push(buffer);
  }

  async #persist(group: Group): Promise<void> {
    const last = this.#segments.at(-1);
    const limit = this.#options.segmentBytes ?? SEGMENT_BYTES;
    if (last === undefined || last.bytes >= limit) await this.#roll(group.firstOffset);
    this.#file ??= await open(this.#segments.at(-1)!.path, 'a');
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
    this.#file = await open(path, 'ax');
    await this.#file.write(encodeHeader({ journalId: this.id, firstOffset }));
    // The name must be as durable as the content.
    const folder = await open(this.#options.folder, 'r');
    await folder.sync();
    await folder.close();
    this.#segments.push({ path, firstOffset, bytes: HEADER_BYTES });
  }

  async *read(fromOffset: number): AsyncGenerator<readonly JournalRecord[]> {
    const segments = this.#segments;
    let expected: number | undefined;
    for (const [index, segment] of [...segments].entries()) {
      const next = segments[index + 1];
      if (next !== undefined && next.firstOffset <= fromOffset) continue;
      if (expected !== undefined && segment.firstOffset !== expected) throw missing(segment, expected);
      expected = segment.firstOffset;
      for await (const part of readSegment(segment.path)) {
        if (part.kind === 'records') {
          expected = part.records.at(-1)!.offset + 1;
          const wanted = part.records.filter((record) => record.offset >= fromOffset);
          if (wanted.length > 0) yield wanted;
        } else if (part.damage !== 'none') throw damaged(segment, part.soundBytes);
      }
    }
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
