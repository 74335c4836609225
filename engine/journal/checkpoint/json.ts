import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { StreamPositions } from '../../ports.ts';
import type { Disk } from '../disk.ts';
import { DamagedCheckpoint, newerVersion, readIfThere } from './access.ts';
import { readHeadAndCrc, readLineBytes } from './json-lines.ts';

/**
 * The checkpoints of older versions of Weir: the first line is the head as JSON, the other lines are the state. They are read once, and
 * deleted when the new files have replaced them. In their place a file with only a head of version 3 remains, because an older version of
 * Weir refuses to start with it. Without it, that version would begin with an empty state.
 */
export interface JsonCheckpoint {
  readonly journalId: string;
  readonly nextOffset: number;
  /** Absent if the positions are unknown, and in files of version 1. */
  readonly events?: StreamPositions;
  /** Reads the lines of the state. A line is valid until the next one is read. */
  lines(): Generator<Buffer>;
}

/** The file's first line. */
interface Head extends Omit<JsonCheckpoint, 'lines'> {
  readonly version: number;
  /** CRC-32 of everything after this line. */
  readonly crc: number;
}

const NAME = 'checkpoint.jsonl';
const PREVIOUS = 'checkpoint-before.jsonl';
const DAMAGED = 'checkpoint-damaged.jsonl';
/** Version 1 has the whole state in one line. */
const VERSIONS = [1, 2];
const REPLACED_VERSION = 3;

/** The paths of the newest and of the previous checkpoint. */
export function jsonPaths(folder: string): readonly string[] {
  return [join(folder, NAME), join(folder, PREVIOUS)];
}

/**
 * Reads a checkpoint and verifies its checksum; undefined if the file does not exist, `replaced` if new files replaced it. Rejects with
 * `DamagedCheckpoint` if it is damaged, and with an Error for the operator if access is denied or its version is newer.
 */
export async function readJsonCheckpoint(path: string): Promise<JsonCheckpoint | 'replaced' | undefined> {
  const stats = await stat(path).catch((error: unknown) => error as Error);
  const found = readIfThere(path, () => {
    if (stats instanceof Error) throw stats;
    if (!stats.isFile()) throw new DamagedCheckpoint(path, 'it is not a file');
    return readHeadAndCrc(path);
  });
  if (found === undefined) return undefined;
  const { version, crc, ...rest } = parseHead(found.head, path);
  if (version === REPLACED_VERSION) return 'replaced';
  if (!VERSIONS.includes(version)) throw newerVersion(path, version, '1 to 3');
  if (crc !== found.crc) throw new DamagedCheckpoint(path, 'its checksum does not match its content');
  return { ...rest, lines: () => readState(path) };
}

/** Deletes both checkpoints, and leaves the head that older versions refuse. A newest one that could not be used is kept for analysis. */
export async function replaceJson(folder: string, disk: Disk, isUnusable: boolean): Promise<void> {
  const [newest, previous] = jsonPaths(folder) as [string, string];
  if (isUnusable) await ifThere(disk.rename(newest, join(folder, DAMAGED)));
  const aside = `${newest}.new`;
  const file = await disk.open(aside, 'w');
  try {
    await file.writeFile(`${JSON.stringify({ version: REPLACED_VERSION, state: 'checkpoint-*.bin' })}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(aside, newest);
  await ifThere(disk.unlink(previous));
}

/** Ignores that a file does not exist. */
export async function ifThere(change: Promise<void>): Promise<void> {
  try {
    await change;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** The lines after the first one. */
function* readState(path: string): Generator<Buffer> {
  const lines = readLineBytes(path);
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
