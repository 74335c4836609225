import type { Disk, DiskFile } from '../disk.ts';
import type { Copies } from './names.ts';

/** Two files that are written alike. Calls reject if one of both files fails; only one call may be in progress. */
export interface FilePair {
  readonly paths: Copies;
  /** Appends the bytes. */
  write(bytes: Buffer): Promise<void>;
  /** Cuts the files off at this length; bytes. */
  truncate(length: number): Promise<void>;
  /** As in `DiskFile`. */
  datasync(): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Creates two files. Rejects if one of them exists. */
export async function createFilePair(paths: Copies, disk: Disk): Promise<FilePair> {
  const files: DiskFile[] = [];
  const both = (step: (file: DiskFile) => Promise<unknown>) => allOf(files.map(step));
  const pair: FilePair = {
    paths,
    write: (bytes) => both((file) => writeAll(file, bytes)),
    truncate: (length) => both((file) => file.truncate(length)),
    datasync: () => both((file) => file.datasync()),
    sync: () => both((file) => file.sync()),
    close: () => both((file) => file.close()),
  };
  try {
    for (const path of paths) files.push(await disk.open(path, 'ax'));
  } catch (error) {
    await pair.close();
    throw error;
  }
  return pair;
}

async function writeAll(file: DiskFile, bytes: Buffer): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    written += (await file.write(bytes, written, bytes.length - written)).bytesWritten;
  }
}

/** Resolves when all are done; rejects with the first error, but not before the others are done. */
async function allOf(steps: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(steps)) if (result.status === 'rejected') throw result.reason;
}
