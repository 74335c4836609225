import { open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

/** The fold's state behind a record of the journal. */
export interface Checkpoint {
  readonly journalId: string;
  /** First offset that is not in the state: where to fold on. */
  readonly nextOffset: number;
  /** A snapshot, as JSON. */
  readonly state: string;
}

/** The file's first line; the state follows as its second. */
interface Head {
  readonly version: number;
  readonly journalId: string;
  readonly nextOffset: number;
  /** CRC-32 of the state's UTF-8. */
  readonly crc: number;
}

const NAME = 'checkpoint.jsonl';
const VERSION = 1;

/** Writes aside, syncs, renames and syncs the folder: a crash leaves the old checkpoint or the new one, never half of one. */
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
  await rename(aside, join(folder, NAME));
  const parent = await open(folder, 'r');
  await parent.sync();
  await parent.close();
}

/** Undefined where there is none. Throws where one stands there that cannot be read. */
export async function readCheckpoint(folder: string): Promise<Checkpoint | undefined> {
  const path = join(folder, NAME);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const end = text.indexOf('\n');
  const head = parseHead(text.slice(0, end < 0 ? text.length : end), path);
  if (head.version !== VERSION) {
    throw new Error(
      `${path} has version ${head.version}, this Weir reads version ${VERSION}. Start the Weir that wrote it.`,
    );
  }
  const state = text.slice(end + 1);
  if (end < 0 || crc32(state) !== head.crc) throw unreadable(path, 'its checksum does not fit');
  return { journalId: head.journalId, nextOffset: head.nextOffset, state };
}

function parseHead(line: string, path: string): Head {
  try {
    return JSON.parse(line) as Head;
  } catch (error) {
    throw unreadable(path, (error as Error).message);
  }
}

function unreadable(path: string, why: string): Error {
  return new Error(
    `${path} cannot be read: ${why}. Restore it, or move it aside to begin with what the journal holds.`,
  );
}
