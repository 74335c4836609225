import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { syncFolder } from './sync-folder.ts';

/** The fold's state behind a record of the journal. */
export interface Checkpoint {
  readonly journalId: string;
  /** First offset that is not in the state: where to fold on. */
  readonly nextOffset: number;
  /** A snapshot, as JSON in UTF-8. */
  readonly state: Buffer;
}

/** The file's first line; the state follows as its second. */
interface Head {
  readonly version: number;
  readonly journalId: string;
  readonly nextOffset: number;
  /** CRC-32 of the state. */
  readonly crc: number;
}

const NAME = 'checkpoint.jsonl';
/** The one before it, for the case that it cannot be read. */
const BEFORE = 'checkpoint-before.jsonl';
const VERSION = 1;

/**
 * Writes aside, syncs, renames and syncs the folder: a crash leaves the old checkpoint or the new one, never half of one. The old one
 * stays beside it, so the journal must be kept from there on.
 */
export async function writeCheckpoint(folder: string, { journalId, nextOffset, state }: Checkpoint): Promise<void> {
  const head: Head = { version: VERSION, journalId, nextOffset, crc: crc32(state) };
  const aside = join(folder, `${NAME}.new`);
  const file = await open(aside, 'w');
  try {
    await file.writeFile(`${JSON.stringify(head)}\n`);
    await file.writeFile(state);
    await file.sync();
  } finally {
    await file.close();
  }
  await keepBefore(folder);
  await rename(aside, join(folder, NAME));
  await syncFolder(folder);
}

async function keepBefore(folder: string): Promise<void> {
  try {
    await rename(join(folder, NAME), join(folder, BEFORE));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** The newest checkpoint that can be read, and why a newer one cannot be. */
export interface FoundCheckpoint {
  readonly checkpoint: Checkpoint | undefined;
  readonly unreadable: string | undefined;
}

/** Throws where there are checkpoints and none can be read, or where another version of Weir wrote the newest. */
export async function readCheckpoint(folder: string): Promise<FoundCheckpoint> {
  try {
    const checkpoint = (await readOne(join(folder, NAME))) ?? (await readOne(join(folder, BEFORE)));
    return { checkpoint, unreadable: undefined };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const checkpoint = await readOne(join(folder, BEFORE));
    if (checkpoint === undefined) throw error;
    return { checkpoint, unreadable: error.message };
  }
}

/** Undefined where there is none. */
async function readOne(path: string): Promise<Checkpoint | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const end = bytes.indexOf('\n');
  const head = parseHead(bytes.toString('utf8', 0, end < 0 ? bytes.length : end), path);
  if (head.version !== VERSION) {
    throw new Error(
      `${path} has version ${head.version}, this Weir reads version ${VERSION}. Start the Weir that wrote it.`,
    );
  }
  const state = bytes.subarray(end + 1);
  if (end < 0 || crc32(state) !== head.crc) throw new Unreadable(path, 'its checksum does not fit');
  return { journalId: head.journalId, nextOffset: head.nextOffset, state };
}

function parseHead(line: string, path: string): Head {
  try {
    return JSON.parse(line) as Head;
  } catch (error) {
    throw new Unreadable(path, (error as Error).message);
  }
}

class Unreadable extends Error {
  constructor(path: string, why: string) {
    super(`${path} cannot be read: ${why}. Restore it, or move it aside to begin with what the journal holds.`);
  }
}
