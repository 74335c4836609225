import type { Disk } from '../disk.ts';
import { syncFolder } from '../sync-folder.ts';
import { createFilePair, type FilePair } from './file-pair.ts';
import { alignUp, type CheckpointHead, encodeCommit, encodeHeader, HEADER_BYTES, linkOf } from './format.ts';
import { FrameBuffer } from './frame-buffer.ts';
import type { Generations } from './generations.ts';
import { copiesOf } from './names.ts';
import { PartSet } from './part-set.ts';

/**
 * Writes checkpoints: full sections, and sections of changes after them. The caller writes one section at a time, and may begin the next one
 * once `commit` is called. If a call rejects, the parts of that section may not be stored: a later section must have them again.
 */
export interface CheckpointStore {
  /** Bytes of the last full section; 0 before the first. */
  readonly fullBytes: number;
  /** Bytes of all sections of changes after it. */
  readonly changedBytes: number;
  /** `nextOffset` of the newest committed section, also of an earlier run; undefined if there is none. */
  readonly newest: number | undefined;
  /** The same for the one before, which is still on the disk: the journal must be kept from it on. */
  readonly previous: number | undefined;
  /**
   * Begins a section; drops one that was begun before and is not committed. A full section has all parts, another one those that changed or
   * were removed since the last section. Throws if the first section of a run is not full: part numbers mean nothing in the next run.
   */
  begin(full: boolean): void;
  /**
   * Adds a part to the section; undefined if it was removed. Copies the content, and never waits. Throws a RangeError if the part has more
   * than 256 MiB, and an Error if the section already has it.
   */
  add(part: number, content: Uint8Array | undefined): void;
  /** Writes what was added. Resolves once it is written; it may not be durable yet. Call it often: added parts are in memory until then. */
  flush(): Promise<void>;
  /** Ends the section. Resolves once it is durable, and files that are no longer needed are deleted. */
  commit(head: CheckpointHead): Promise<void>;
  /** Closes the files. A section that is not committed is lost. */
  close(): Promise<void>;
}

/** Written bytes are synced in pieces of this size: while hundreds of megabytes are synced at once, a sync of the journal waits. */
const SYNC_BYTES = 4 * 1024 * 1024;

/** The files that the run writes to, up to the last committed section. */
interface Generation {
  readonly number: number;
  readonly pair: FilePair;
  readonly fullBytes: number;
  readonly changedBytes: number;
  /** Where the next section begins. */
  readonly end: number;
  /** The link in the next commit record. */
  readonly link: number;
}

interface Section {
  readonly isFull: boolean;
  readonly parts: PartSet;
  /** Where it is written to; undefined before the first write. */
  into: Generation | undefined;
  unsyncedBytes: number;
  /** Why it cannot be committed any more. */
  failure: { readonly error: unknown } | undefined;
}

export interface StoreOptions {
  readonly folder: string;
  readonly disk: Disk;
  /** The files of earlier runs. */
  readonly generations: Generations;
  /** The checkpoint that the run begins with; undefined if there is none. */
  readonly restored: { readonly nextOffset: number; readonly generation: number } | undefined;
}

/** Creates the store of a run. It writes to new files only. */
export function createStore(options: StoreOptions): CheckpointStore {
  return new SectionStore(options);
}

class SectionStore implements CheckpointStore {
  newest: number | undefined;
  previous: number | undefined;
  readonly #options: StoreOptions;
  readonly #buffer = new FrameBuffer();
  /** The section that parts are added to. */
  #section: Section | undefined;
  #generation: Generation | undefined;
  /** The generation that has the newest committed section. */
  #newestIn: number | undefined;
  /** The files of a full section that is not committed yet. */
  #uncommitted: FilePair | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: StoreOptions) {
    this.#options = options;
    this.newest = options.restored?.nextOffset;
    this.#newestIn = options.restored?.generation;
  }

  get fullBytes(): number {
    return this.#generation?.fullBytes ?? 0;
  }

  get changedBytes(): number {
    return this.#generation?.changedBytes ?? 0;
  }

  begin(full: boolean): void {
    if (!full && this.#generation === undefined) throw new Error('the first section of a run must be full');
    this.#buffer.clear();
    this.#section = { isFull: full, parts: new PartSet(), into: undefined, unsyncedBytes: 0, failure: undefined };
  }

  add(part: number, content: Uint8Array | undefined): void {
    const section = this.#current();
    // It would wait in memory for a write that does not come.
    if (section.failure !== undefined) return;
    // A reader takes the first frame of a part, so a second one would have no effect.
    if (!section.parts.add(part)) throw new Error(`part ${part} was added to this section before`);
    this.#buffer.add(part, content);
  }

  flush(): Promise<void> {
    const section = this.#current();
    const chunks = this.#buffer.take();
    return this.#inTurn(async () => {
      if (chunks.length > 0 || section.failure !== undefined) await this.#write(section, chunks);
    });
  }

  commit(head: CheckpointHead): Promise<void> {
    const section = this.#current();
    const chunks = this.#buffer.take();
    const summary = this.#buffer.summary();
    this.#section = undefined;
    return this.#inTurn(async () => {
      const into = await this.#write(section, chunks);
      const record = encodeCommit(summary, into.link, head);
      const recordEnd = into.end + summary.bytes + record.length;
      const end = alignUp(recordEnd);
      await into.pair.write(Buffer.concat([record, Buffer.alloc(end - recordEnd)]));
      await into.pair.sync();
      if (section.isFull) await syncFolder(this.#options.folder);
      const { fullBytes, changedBytes } = into;
      const bytes = end - into.end;
      const sizes = section.isFull ? { fullBytes: bytes } : { fullBytes, changedBytes: changedBytes + bytes };
      await this.#committed({ ...into, ...sizes, end, link: linkOf(record) }, head.nextOffset);
    });
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      this.#section = undefined;
      try {
        if (this.#uncommitted !== undefined) await this.#removeUncommitted();
      } finally {
        await this.#generation?.pair.close();
      }
    });
  }

  #current(): Section {
    if (this.#section === undefined) throw new Error('no section was begun');
    return this.#section;
  }

  /** Runs changes of the files one after another. A failed one does not prevent the next. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Appends the frames of a section to its files. After a failure, it rejects all later writes of the section. */
  async #write(section: Section, chunks: readonly Buffer[]): Promise<Generation> {
    try {
      if (section.failure !== undefined) throw section.failure.error;
      section.into ??= await this.#start(section);
      for (const chunk of chunks) {
        await section.into.pair.write(chunk);
        section.unsyncedBytes += chunk.length;
        if (section.unsyncedBytes < SYNC_BYTES) continue;
        await section.into.pair.datasync();
        section.unsyncedBytes = 0;
      }
      return section.into;
    } catch (error) {
      section.failure = { error };
      throw error;
    } finally {
      this.#buffer.recycle(chunks);
    }
  }

  /** Removes the rest of a section that was not committed, and prepares the files. */
  async #start({ isFull }: Section): Promise<Generation> {
    const { folder, disk, generations } = this.#options;
    await this.#removeUncommitted();
    if (!isFull) {
      const generation = this.#generation!;
      await generation.pair.truncate(generation.end);
      return generation;
    }
    const number = generations.next();
    const pair = await createFilePair(copiesOf(folder, number), disk);
    this.#uncommitted = pair;
    const header = encodeHeader(number);
    await pair.write(header);
    return { number, pair, fullBytes: 0, changedBytes: 0, end: HEADER_BYTES, link: linkOf(header) };
  }

  async #removeUncommitted(): Promise<void> {
    const pair = this.#uncommitted;
    this.#uncommitted = undefined;
    await pair?.close();
    await this.#options.generations.removeUncommitted();
  }

  async #committed(generation: Generation, nextOffset: number): Promise<void> {
    const { generations } = this.#options;
    const before = this.#generation;
    const previousIn = this.#newestIn;
    this.#generation = generation;
    this.#newestIn = generation.number;
    this.#uncommitted = undefined;
    generations.committed(generation.number);
    this.previous = this.newest;
    this.newest = nextOffset;
    if (before !== undefined && before.pair !== generation.pair) await before.pair.close();
    await generations.keepOnly([generation.number, ...(previousIn === undefined ? [] : [previousIn])]);
  }
}
