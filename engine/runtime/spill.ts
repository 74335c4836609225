import { rmSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { makeFolder } from '../journal/make-folder.ts';
import type { Batch } from '../model/output.ts';

/** A batch on its way to a sink, in memory or on the disk. */
export interface SpillableBatch {
  /** Of the batch. */
  readonly table: string;
  /** What it takes in memory; bytes. */
  readonly bytes: number;
  /** The batch, read back where it is on the disk; from then on it stays in memory. The same object each time. */
  take(): Promise<Batch>;
  /** Moves it to the disk; false where it stays, since it has been taken meanwhile. Rejects where the disk fails. */
  spill(): Promise<boolean>;
  /** Delivered: nothing of it is kept. */
  drop(): Promise<void>;
}

/** Where batches wait that memory has no room for. */
export interface Spill {
  /** Bytes on the disk. */
  readonly bytes: number;
  pack(batch: Batch): SpillableBatch;
}

/**
 * Begins an empty spill in a folder of its own. What stands there is swapped memory and no more: it need not survive a crash, since the
 * journal has what the batches are made of, and keeps it until they are delivered.
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
    pack: (batch) =>
      createParcel(batch, join(folder, `${count++}.batch`), (change) => {
        bytes += change;
      }),
  };
}

function createParcel(packed: Batch, path: string, onChange: (bytes: number) => void): SpillableBatch {
  let batch: Batch | undefined = packed;
  let taken = false;
  let dropped = false;
  let fileBytes = 0;
  const remove = async () => {
    onChange(-fileBytes);
    fileBytes = 0;
    await rm(path, { force: true });
  };
  return {
    table: packed.table,
    bytes: packed.bytes.length + packed.rowEnds.byteLength + packed.rowOffsets.byteLength,
    async take() {
      taken = true;
      batch ??= deserialize(await readFile(path)) as Batch;
      return batch;
    },
    async spill() {
      // Not `packed`: what a closure names is kept as long as the closure.
      if (taken || batch === undefined) return false;
      const content = serialize(batch);
      await writeFile(path, content);
      fileBytes = content.length;
      onChange(fileBytes);
      if (dropped) await remove();
      else if (!taken) batch = undefined;
      return !taken;
    },
    async drop() {
      dropped = true;
      if (fileBytes > 0) await remove();
    },
  };
}
