import { rmSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { makeFolder } from '../journal/make-folder.ts';
import type { Batch } from '../model/output.ts';

/** A batch that waits for its sink, in memory or on the disk. */
export interface SpillableBatch {
  /** Table of the batch. */
  readonly table: string;
  /** Bytes of memory that the batch takes. */
  readonly bytes: number;
  /** Gets the batch, from the disk if necessary. From then on it stays in memory, and each call returns the same object. Rejects if the disk fails. */
  load(): Promise<Batch>;
  /** Moves the batch to the disk. False if it stays in memory, because it was loaded meanwhile. Rejects if the disk fails. */
  spill(): Promise<boolean>;
  /** Deletes the file of the batch, after it was delivered. */
  delete(): Promise<void>;
}

/** Keeps batches on the disk that memory has no room for. */
export interface Spill {
  /** Bytes on the disk. */
  readonly bytes: number;
  /** Wraps a batch, which is still in memory then. */
  wrap(batch: Batch): SpillableBatch;
}

/**
 * Creates an empty spill in its own folder, and deletes older files there. Spilled batches need not survive a crash: the journal keeps the
 * records that they are made of until they are delivered.
 */
export function createSpill(folder: string): Spill {
  rmSync(folder, { recursive: true, force: true });
  makeFolder(folder);
  let count = 0;
  let bytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    wrap: (batch) =>
      createSpillableBatch(batch, join(folder, `${count++}.batch`), (change) => {
        bytes += change;
      }),
  };
}

function createSpillableBatch(whole: Batch, path: string, onChange: (bytes: number) => void): SpillableBatch {
  let batch: Batch | undefined = whole;
  let loaded = false;
  let deleted = false;
  let fileBytes = 0;
  const remove = async () => {
    onChange(-fileBytes);
    fileBytes = 0;
    await rm(path, { force: true });
  };
  return {
    table: whole.table,
    bytes: whole.bytes.length + whole.rowEnds.byteLength + whole.rowOffsets.byteLength,
    async load() {
      loaded = true;
      batch ??= deserialize(await readFile(path)) as Batch;
      return batch;
    },
    async spill() {
      // Not `whole`: a closure keeps every variable that it names in memory.
      if (loaded || batch === undefined) return false;
      const content = serialize(batch);
      await writeFile(path, content);
      fileBytes = content.length;
      onChange(fileBytes);
      if (deleted) await remove();
      else if (!loaded) batch = undefined;
      return !loaded;
    },
    async delete() {
      deleted = true;
      if (fileBytes > 0) await remove();
    },
  };
}
