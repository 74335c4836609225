import { rmSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { makeFolder } from '../journal/make-folder.ts';

/** Content that waits for its sink, in memory or on the disk: a batch of rows, or many events. */
export interface Spillable<T> {
  /** Bytes of memory that the content takes. */
  readonly bytes: number;
  /** Gets the content, from the disk if necessary. From then on it stays in memory, and each call returns the same object. Rejects if the disk fails. */
  load(): Promise<T>;
  /** Moves the content to the disk. False if it stays in memory, because it was loaded meanwhile. Rejects if the disk fails. */
  spill(): Promise<boolean>;
  /** Deletes the file of the content, after it was delivered. */
  delete(): Promise<void>;
}

/** Keeps content on the disk that memory has no room for. */
export interface Spill<T> {
  /** Bytes on the disk. */
  readonly bytes: number;
  /** Wraps content, which is still in memory then and takes this number of bytes. */
  wrap(content: T, bytes: number): Spillable<T>;
}

/**
 * Creates an empty spill in its own folder, and deletes older files there. What is spilled need not survive a crash: the journal keeps the
 * records that it is made of until it is delivered. The content must be plain data.
 */
export function createSpill<T>(folder: string): Spill<T> {
  rmSync(folder, { recursive: true, force: true });
  let count = 0;
  let bytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    wrap(content, contentBytes) {
      // Most runs spill nothing, so the folder is made for the first content.
      if (count === 0) makeFolder(folder);
      return createSpillable(content, contentBytes, join(folder, `${count++}.spilled`), (change) => {
        bytes += change;
      });
    },
  };
}

function createSpillable<T>(whole: T, bytes: number, path: string, onChange: (bytes: number) => void): Spillable<T> {
  let content: T | undefined = whole;
  let loaded = false;
  let deleted = false;
  let fileBytes = 0;
  const remove = async () => {
    onChange(-fileBytes);
    fileBytes = 0;
    await rm(path, { force: true });
  };
  return {
    bytes,
    async load() {
      loaded = true;
      content ??= deserialize(await readFile(path)) as T;
      return content;
    },
    async spill() {
      // Not `whole`: a closure keeps every variable that it names in memory.
      if (loaded || content === undefined) return false;
      const serialized = serialize(content);
      await writeFile(path, serialized);
      fileBytes = serialized.length;
      onChange(fileBytes);
      if (deleted) await remove();
      else if (!loaded) content = undefined;
      return !loaded;
    },
    async delete() {
      deleted = true;
      if (fileBytes > 0) await remove();
    },
  };
}
