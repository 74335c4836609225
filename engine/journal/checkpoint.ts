import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { StreamPositions } from '../ports.ts';
import { DamagedCheckpoint, readHeadAndCrc, readLines } from './checkpoint-lines.ts';
import { type Disk, realDisk } from './disk.ts';
import { syncFolder } from './sync-folder.ts';

/** The state of the fold after a record of the journal, to be written to the disk. */
export interface Checkpoint {
  readonly journalId: string;
  /** First offset that is not in the state: the fold continues there. */
  readonly nextOffset: number;
  /** Positions of the event streams: events of records from `nextOffset` on come after them. Absent if the positions are unknown. */
  readonly events?: StreamPositions;
  /** Lines of JSON in UTF-8, none longer than `MAX_LINE_BYTES`; chunks may end anywhere. */
  readonly state: readonly Buffer[];
}

/** A checkpoint on the disk with a correct checksum. */
export interface StoredCheckpoint {
  readonly journalId: string;
  readonly nextOffset: number;
  /** As in `Checkpoint`. */
  readonly events?: StreamPositions;
  /** Reads the lines of the state one by one, synchronously, so that they are never in memory together. */
  lines(): Generator<string>;
}

/** The longest line that is written: half of the longest string of Node.js; bytes. */
export const MAX_LINE_BYTES = 256 * 1024 * 1024;

/** The file's first line; the lines of the state follow. */
interface Head {
  readonly version: number;
  readonly journalId: string;
  readonly nextOffset: number;
  /** Absent in files of older versions. */
  readonly events?: StreamPositions;
  /** CRC-32 of everything after this line. */
  readonly crc: number;
}

const NAME = 'checkpoint.jsonl';
/** The previous checkpoint, in case the newest cannot be read. */
const PREVIOUS = 'checkpoint-before.jsonl';
/** A checkpoint that could not be used, kept for analysis. */
const DAMAGED = 'checkpoint-damaged.jsonl';
const VERSION = 2;
/** Version 1 has the whole state in one line. */
const OLDEST_VERSION = 1;

/**
 * Writes a new file, syncs it, renames it and syncs the folder: a crash leaves the old checkpoint or the new one, never half of one. The old
 * one is kept as the previous checkpoint, so the journal must be kept from its offset on. Rejects if the disk fails.
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
  await renameIfThere(disk, join(folder, NAME), join(folder, PREVIOUS));
  await disk.rename(aside, join(folder, NAME));
  await syncFolder(folder);
}

/** The newest usable checkpoint, and why each newer one cannot be read. */
export interface FoundCheckpoint {
  readonly checkpoint: StoredCheckpoint | undefined;
  readonly unreadable: readonly string[];
}

/**
 * Finds the newest readable checkpoint for which `fits` is true. Rejects if the operating system denies access, or if another version of
 * Weir wrote a checkpoint: neither is damage, and a start without that checkpoint would lose state.
 */
export async function readCheckpoint(
  folder: string,
  fits: (checkpoint: StoredCheckpoint) => boolean = () => true,
): Promise<FoundCheckpoint> {
  const unreadable: string[] = [];
  for (const name of [NAME, PREVIOUS]) {
    try {
      const checkpoint = await readOne(join(folder, name));
      if (checkpoint !== undefined && fits(checkpoint)) return { checkpoint, unreadable };
    } catch (error) {
      if (!(error instanceof DamagedCheckpoint)) throw error;
      unreadable.push(error.message);
    }
  }
  return { checkpoint: undefined, unreadable };
}

/**
 * Renames the newest checkpoint, which cannot be used. Otherwise the next checkpoint would replace the usable previous one with it. Returns
 * the new path.
 */
export async function setNewestAside(folder: string): Promise<string> {
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

/** Reads one checkpoint; undefined if the file does not exist. */
async function readOne(path: string): Promise<StoredCheckpoint | undefined> {
  try {
    if (!(await stat(path)).isFile()) throw new DamagedCheckpoint(path, 'it is not a file');
    const { head, crc } = readHeadAndCrc(path);
    const { version, crc: expected, ...rest } = parseHead(head, path);
    if (version < OLDEST_VERSION || version > VERSION) {
      throw new Error(
        `${path} has version ${version}; this version of Weir reads ${OLDEST_VERSION} to ${VERSION}. Start the version of Weir that wrote it.`,
      );
    }
    if (crc !== expected) throw new DamagedCheckpoint(path, 'its checksum does not match its content');
    return { ...rest, lines: () => readState(path) };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'EACCES' || code === 'EPERM') {
      throw new Error(
        `${path} may not be read (${message}). Give the user that Weir runs as permission to read and write it.`,
      );
    }
    // The disk itself cannot read the file.
    if (code === 'EIO') throw new DamagedCheckpoint(path, message);
    throw error;
  }
}

/** The lines after the first one. */
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
    throw new DamagedCheckpoint(path, `its first line is not JSON: ${(error as Error).message}`);
  }
  if (!Number.isSafeInteger(head?.version)) throw new DamagedCheckpoint(path, 'its first line has no version');
  return head as Head;
}
