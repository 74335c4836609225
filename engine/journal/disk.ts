import { open, rename } from 'node:fs/promises';

/** An open file whose content must be durable. `node:fs/promises` has all of these methods. */
export interface DiskFile {
  /** Writes `length` bytes of `bytes` from `offset` on, at the end of the file. It may write fewer. */
  write(bytes: Buffer, offset?: number, length?: number): Promise<{ readonly bytesWritten: number }>;
  /** Writes all of the data. */
  writeFile(data: string | Buffer): Promise<void>;
  appendFile(text: string): Promise<void>;
  /** Makes the file empty. */
  truncate(): Promise<void>;
  /** Resolves once everything that was written is on the disk. */
  datasync(): Promise<void>;
  /** As `datasync`, with the file's attributes. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** How the journal, the checkpoints and the log of inserts are written. Errors are those of `node:fs`. */
export interface Disk {
  /** `flags` as in `node:fs`; `mode` for a file that is made. */
  open(path: string, flags: string, mode?: number): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
}

/** The disk of this machine. */
export const realDisk: Disk = { open, rename };
