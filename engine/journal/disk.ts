import { constants } from 'node:fs';
import { open, rename, unlink } from 'node:fs/promises';

/** An open file whose content must become durable. File handles of `node:fs/promises` have all of these methods. */
export interface DiskFile {
  /**
   * Appends `length` bytes of `bytes`, from `offset` on, to the file. It may write fewer bytes. If the file was opened with one of
   * `DURABLE`, it resolves once they are on the disk.
   */
  write(bytes: Buffer, offset?: number, length?: number): Promise<{ readonly bytesWritten: number }>;
  /** Writes all of the data. */
  writeFile(data: string | Buffer): Promise<void>;
  appendFile(text: string): Promise<void>;
  /** Cuts the file off at this length; bytes, default 0. */
  truncate(length?: number): Promise<void>;
  /** Resolves once all written data is on the disk. */
  datasync(): Promise<void>;
  /** The same as `datasync`, also for the attributes of the file. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** File access for the journal, the checkpoints and the log of inserts. Errors are those of `node:fs`. */
export interface Disk {
  /** `flags`: as in `node:fs`, or one of `DURABLE`. `mode`: permissions of a new file. */
  open(path: string, flags: string | number, mode?: number): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  /** Deletes a file. */
  unlink(path: string): Promise<void>;
}

const { O_WRONLY, O_APPEND, O_DSYNC, O_CREAT, O_EXCL } = constants;

/**
 * Flags of files each of whose writes is durable when it resolves, as if `datasync` followed. It is one call instead of two, and the event
 * loop, which may be busy, is needed once instead of twice.
 */
export const DURABLE = {
  append: O_WRONLY | O_APPEND | O_DSYNC,
  /** Fails if the file exists. */
  create: O_WRONLY | O_APPEND | O_DSYNC | O_CREAT | O_EXCL,
} as const;

/** The disk of this machine. */
export const realDisk: Disk = { open, rename, unlink };
