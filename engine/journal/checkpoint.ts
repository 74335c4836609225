import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { StreamPositions } from '../ports.ts';
import { Damaged, readLines, verify } from './checkpoint-lines.ts';
import { type Disk, realDisk } from './disk.ts';
import { syncFolder } from './sync-folder.ts';

/** The fold's state behind a record of the journal, to be written. */
export interface Checkpoint {
  readonly journalId: string;
  /** First offset that is not in the state: where to fold on. */
  readonly nextOffset: number;
  /** Events of records from there on are behind these positions. Absent: that is not known. */
  readonly events?: StreamPositions;
  /** Lines of JSON in UTF-8, none longer than `MAX_LINE_BYTES`; chunks may end anywhere. */
  readonly state: readonly Buffer[];
}

/** A checkpoint on disk whose checksum is right. */
export interface StoredCheckpoint {
  readonly journalId: string;
  readonly nextOffset: number;
  /** See `Checkpoint`. */
  readonly events?: StreamPositions;
  /** Reads the lines of its state one after another, synchronously, so that they are never in memory together. */
  lines(): Generator<string>;
}

/** A line of a checkpoint that is longer is not written: half of what Node.js can read as one string. */
export const MAX_LINE_BYTES = 256 * 1024 * 1024;

/** The file's first line; the lines of the state follow. */
interface Head {
  readonly version: number;
  readonly journalId: string;
  readonly nextOffset: number;
  /** Absent in what older versions wrote. */
  readonly events?: StreamPositions;
  /** CRC-32 of everything behind this line. */
  readonly crc: number;
}

const NAME = 'checkpoint.jsonl';
/** The one before it, for the case that it cannot be read. */
const BEFORE = 'checkpoint-before.jsonl';
/** One that could not be read, kept for whoever looks into it. */
const DAMAGED = 'checkpoint-damaged.jsonl';
const VERSION = 2;
/** Version 1 had the whole state in one line. */
const OLDEST_VERSION = 1;

/**
 * Writes aside, syncs, renames and syncs the folder: a crash leaves the old checkpoint or the new one, never half of one. The old one
 * stays beside it, so the journal must be kept from there on.
 */
export async function writeCheckpoint(folder: string, checkpoint: Checkpoint, disk: Disk = realDisk): Promise<void> {
  const { state, ...rest } = checkpoint;
  const crc = state.reduce((sum, chunk) => crc32(chunk, sum), 0);
  const head: Head = { version: VERSION, ...rest, crc };
  const aside = join(folder, `${NAME}.new`);
  const file = await disk.open(aside, 'w');
  try {
    await file.writeFile(`${JSON.stringify(head)}\n`);
    for (const chunk of state) await file.writeFile(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
  await renameIfThere(disk, join(folder, NAME), join(folder, BEFORE));
  await disk.rename(aside, join(folder, NAME));
  await syncFolder(folder);
}

/** The newest checkpoint that can be read, and why each newer one cannot be. */
export interface FoundCheckpoint {
  readonly checkpoint: StoredCheckpoint | undefined;
  readonly unreadable: readonly string[];
}

/**
 * Finds the newest of the checkpoints that `fits`. Throws where the system does not let us read one, or where another version of Weir
 * wrote it: neither is damage, and going on without it would lose what it holds.
 */
export async function readCheckpoint(
  folder: string,
  fits: (checkpoint: StoredCheckpoint) => boolean = () => true,
): Promise<FoundCheckpoint> {
  const unreadable: string[] = [];
  for (const name of [NAME, BEFORE]) {
    try {
      const checkpoint = await readOne(join(folder, name));
      if (checkpoint !== undefined && fits(checkpoint)) return { checkpoint, unreadable };
    } catch (error) {
      if (!(error instanceof Damaged)) throw error;
      unreadable.push(error.message);
    }
  }
  return { checkpoint: undefined, unreadable };
}

/**
 * Moves the newest checkpoint, which cannot be used, out of the way: the next one written would else put it in the place of the one before,
 * which can. Returns where it is.
 */
export async function putAside(folder: string): Promise<string> {
  const path = join(folder, DAMAGED);
  await renameIfThere(realDisk, join(folder, NAME), path);
  await syncFolder(folder);
  return path;
}

async function renameIfThere(disk: Disk, from: string, to: string): Promise<void> {
  try {
    await disk.rename(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** Undefined where there is none. */
async function readOne(path: string): Promise<StoredCheckpoint | undefined> {
  try {
    if (!(await stat(path)).isFile()) throw new Damaged(path, 'it is not a file');
    const { head, crc } = verify(path);
    const { version, crc: expected, ...rest } = parseHead(head, path);
    if (version < OLDEST_VERSION || version > VERSION) {
      throw new Error(
        `${path} has version ${version}, this Weir reads versions ${OLDEST_VERSION} to ${VERSION}. Start the Weir that wrote it.`,
      );
    }
    if (crc !== expected) throw new Damaged(path, 'its checksum does not fit');
    return { ...rest, lines: () => readState(path) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'EACCES' || code === 'EPERM') {
      throw new Error(`${path} may not be read (${message}). Let the user that Weir runs as read and write it.`);
    }
    // What the disk itself no longer gives.
    if (code === 'EIO') throw new Damaged(path, message);
    throw error;
  }
}

function* readState(path: string): Generator<string> {
  const lines = readLines(path);
  lines.next();
  yield* lines;
}

function parseHead(line: string, path: string): Head {
  let head: Partial<Head> | null;
  try {
    head = JSON.parse(line) as Partial<Head> | null;
  } catch (error) {
    throw new Damaged(path, (error as Error).message);
  }
  if (!Number.isSafeInteger(head?.version)) throw new Damaged(path, 'its first line has no version');
  return head as Head;
}
