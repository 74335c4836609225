import { unlink } from 'node:fs/promises';
import type { JournalRecord, MessageContent, NewRecord } from '../model/record.ts';
import type { Counters } from '../telemetry.ts';
import { type Disk, realDisk } from './disk.ts';
import { addMessage, addRecord, createGroupPool, type Group, type GroupPool, recordsOf } from './group.ts';
import { type FoundJournal, inspectJournal } from './inspect.ts';
import { makeFolder } from './make-folder.ts';
import { findRecord, type JournalLoss, readRecords } from './read-journal.ts';
import type { Segment } from './segment.ts';
import { createSegmentWriter, type SegmentWriter } from './segment-writer.ts';

export interface JournalOptions {
  readonly folder: string;
  readonly counters: Counters;
  /** Called once when the disk fails; nothing is committed after it. */
  readonly onFailure: (error: Error) => void;
  /** Called by `read` for records that can no longer be read; later records are read all the same. */
  readonly onLoss: (loss: JournalLoss) => void;
  /** A new segment begins above this size. Default 16 MiB. */
  readonly segmentBytes?: number;
  /**
   * Least time between the starts of two commits; milliseconds. Records that arrive after a longer time are committed at once, the others
   * together at its end. Default 2.
   */
  readonly commitEveryMs?: number;
  /** Where segments are written. Default: the disk of this machine. */
  readonly disk?: Disk | undefined;
}

/** Receives records that have become durable. Payloads are views of memory that is used again: they are valid until the call returns. */
export type CommitListener = (records: readonly JournalRecord[]) => void;

/** The journal of an engine: it appends records, makes them durable in groups, and reads them back. */
export interface Journal {
  /** Fixed for the life of the journal. It is part of every event id and deduplication token. */
  readonly id: string;
  /** Offset of the first record that the journal must still have. */
  readonly firstOffset: number;
  /** Offset that the next record gets. */
  readonly nextOffset: number;
  /** Bytes on the disk. */
  readonly bytes: number;
  /** Bytes that were cut off when the journal was opened, because a crash had left the last record incomplete. */
  readonly tornBytes: number;
  /** Gives the next record this offset, in a new segment. The skipped offsets have no records. Call it before the first `append`. */
  skipTo(offset: number): void;
  /**
   * Passes every record to `listener` once it is durable, in order, a limited number at a time. Call it once, before the first `append`;
   * without a listener, records become durable and are passed to nobody.
   */
  commitTo(listener: CommitListener): void;
  /** Adds records to the next group. `durable` is called after the sync of this group, before the commit listener. */
  append(records: readonly NewRecord[], durable?: () => void): void;
  /**
   * As `append`, for messages that a connection has received at `at` (milliseconds since the epoch), and without an object for each of them.
   * Their topics must be texts that were decoded from UTF-8.
   */
  appendMessages(at: number, connection: number, messages: readonly MessageContent[], durable: () => void): void;
  /**
   * Arrays of records in order, from an offset on, up to the last one that is durable when the first array is requested. Lost records are
   * reported to `onLoss`. It may be used while appending. Rejects if a segment is released before it is read.
   */
  read(fromOffset: number): AsyncGenerator<readonly JournalRecord[]>;
  /**
   * The record at this offset; undefined if it is lost, released or not durable yet. It may be used while appending, and reports no
   * loss.
   */
  find(offset: number): Promise<JournalRecord | undefined>;
  /** Deletes segments all of whose records are below `offset`. */
  release(offset: number): Promise<void>;
  /** Commits all appended records and closes the file. */
  close(): Promise<void>;
}

const SEGMENT_BYTES = 16 * 1024 * 1024;
/** Each commit costs about 0.2 ms of CPU time, mostly in the kernel, so their number per second is bounded. */
const COMMIT_EVERY_MS = 1;
/** A group of this size is written at once. */
const FULL_GROUP_BYTES = 256 * 1024;

/**
 * Opens the journal in a folder, or begins a new one. Cuts off an incomplete last record: it was never reported as durable. Rejects if
 * there are segments, and none has a readable header.
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  makeFolder(options.folder);
  return new SegmentedJournal(options, await inspectJournal(options.folder));
}

class SegmentedJournal implements Journal {
  readonly id: string;
  readonly tornBytes: number;
  nextOffset: number;
  readonly #options: JournalOptions;
  readonly #segments: Segment[];
  readonly #writer: SegmentWriter;
  readonly #groups: GroupPool = createGroupPool();
  #commit: CommitListener = () => undefined;
  #group: Group;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #begunAt = Number.NEGATIVE_INFINITY;
  #writing: Promise<void> | undefined;
  #failed = false;
  /** Records below this offset are on the disk. */
  #durableTo: number;

  constructor(options: JournalOptions, { id, segments, nextOffset, tornBytes }: FoundJournal) {
    const { folder, counters, disk = realDisk, segmentBytes = SEGMENT_BYTES } = options;
    this.#options = options;
    this.#segments = segments;
    this.#writer = createSegmentWriter({ folder, disk, segments, journalId: id, segmentBytes, counters });
    this.id = id;
    this.tornBytes = tornBytes;
    this.nextOffset = nextOffset;
    this.#durableTo = nextOffset;
    this.#group = this.#groups.begin(nextOffset);
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
    this.#group = this.#groups.begin(offset);
    this.#writer.endSegment();
  }

  commitTo(listener: CommitListener): void {
    this.#commit = listener;
  }

  append(records: readonly NewRecord[], durable?: () => void): void {
    for (const record of records) addRecord(this.#group, record, this.nextOffset++);
    this.#added(durable);
  }

  appendMessages(at: number, connection: number, messages: readonly MessageContent[], durable: () => void): void {
    for (let i = 0; i < messages.length; i++) addMessage(this.#group, messages[i]!, connection, at, this.nextOffset++);
    this.#added(durable);
  }

  #added(durable: (() => void) | undefined): void {
    if (durable !== undefined) this.#group.durable.push(durable);
    if (this.#writing === undefined) this.#schedule();
  }

  #schedule(): void {
    if (this.#group.length === 0) return;
    if (this.#group.length >= FULL_GROUP_BYTES) {
      this.#write();
      return;
    }
    if (this.#timer !== undefined || this.#immediate !== undefined) return;
    const waitMs = this.#untilDueMs();
    // After this turn of the event loop, in which other sockets may bring more records.
    if (waitMs <= 0) this.#immediate = setImmediate(() => this.#write());
    else this.#timer = setTimeout(() => this.#write(), waitMs);
  }

  /** Time until the next commit may start; not above 0 if it may start now. */
  #untilDueMs(): number {
    return this.#begunAt + (this.#options.commitEveryMs ?? COMMIT_EVERY_MS) - performance.now();
  }

  #write(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
    if (this.#writing !== undefined || this.#failed) return;
    this.#begunAt = performance.now();
    const group = this.#group;
    const { nextOffset } = this;
    this.#group = this.#groups.begin(nextOffset);
    this.#writing = this.#writer.write(group).then(
      () => {
        this.#durableTo = nextOffset;
        this.#writing = undefined;
        for (const durable of group.durable) durable();
        // The disk works on the next group while the fold works on this one.
        if (this.#group.length > 0 && this.#untilDueMs() <= 0) this.#write();
        else this.#schedule();
        for (const records of recordsOf(group)) this.#commit(records);
        this.#groups.recycle(group);
      },
      (error: unknown) => {
        this.#failed = true;
        this.#options.onFailure(error as Error);
      },
    );
  }

  async *read(from: number): AsyncGenerator<readonly JournalRecord[]> {
    const { onLoss } = this.#options;
    yield* readRecords({ segments: [...this.#segments], from, end: this.#durableTo, onLoss });
  }

  async find(offset: number): Promise<JournalRecord | undefined> {
    return offset < this.#durableTo ? findRecord(this.#segments, offset) : undefined;
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
    await this.#writer.close();
  }
}
