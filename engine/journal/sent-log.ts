import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SentRange } from '../delivery/ranges.ts';
import { type Disk, type DiskFile, realDisk } from './disk.ts';
import { syncFolder } from './sync-folder.ts';

/** The log of inserts: the rows and the token of each insert that was sent to ClickHouse, as long as the journal has the records of these rows. */
export interface SentLog {
  /** Inserts of earlier runs. */
  readonly earlier: readonly SentRange[];
  /** Number of unreadable lines. The rows of such a line go into batches of the current config, with other tokens. */
  readonly damaged: number;
  /** Adds inserts that are about to be sent; they replace the one with the token `replaces`. Resolves once this is durable; rejects if the disk fails. */
  write(ranges: readonly SentRange[], replaces?: string): Promise<void>;
  /** Removes inserts all of whose rows are before an offset of the journal. */
  release(offset: number): Promise<void>;
  close(): Promise<void>;
}

const NAME = 'sent.jsonl';
const VERSION = 1;

/** The file's first line. */
interface Head {
  readonly version: number;
  readonly journalId: string;
}

/** Each line after it. */
interface Line {
  readonly sent: readonly SentRange[];
  /** Token of an insert that these replace. */
  readonly instead?: string;
}

/** Opens the log in the folder of the journal; begins a new one if the file belongs to another journal. Rejects if the file has another version. */
export async function openSentLog(folder: string, journalId: string, disk: Disk = realDisk): Promise<SentLog> {
  const path = join(folder, NAME);
  const { ranges, damaged } = await readLog(path, journalId);
  const earlier = [...ranges.values()];
  let file = await rewrite(disk, path, journalId, ranges);
  let last: Promise<unknown> = Promise.resolve();
  /** Runs changes one after another. A failed one does not prevent the next. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work, work);
    last = done.catch(() => undefined);
    return done;
  };
  return {
    earlier,
    damaged,
    write: (sent, replaces) =>
      inTurn(async () => {
        const line: Line = { sent, ...(replaces !== undefined && { instead: replaces }) };
        // It begins with a line break, so that the rest of a failed write does not damage this line.
        await file.appendFile(`\n${JSON.stringify(line)}\n`);
        await file.datasync();
        apply(ranges, line);
      }),
    release: (offset) =>
      inTurn(async () => {
        const before = ranges.size;
        for (const [token, { to }] of ranges) if (to < offset) ranges.delete(token);
        if (ranges.size === before) return;
        const next = await rewrite(disk, path, journalId, ranges);
        await file.close();
        file = next;
      }),
    close: () => inTurn(() => file.close()),
  };
}

function apply(ranges: Map<string, SentRange>, { sent, instead }: Line): void {
  if (instead !== undefined) ranges.delete(instead);
  for (const range of sent) ranges.set(range.token, range);
}

async function readLog(path: string, journalId: string) {
  const ranges = new Map<string, SentRange>();
  const [first, ...lines] = (await readText(path)).split('\n').filter(Boolean);
  const head = first === undefined ? undefined : parse<Head>(first);
  if (head !== undefined && head.version !== VERSION) {
    throw new Error(
      `${path} has version ${head.version}; this version of Weir reads version ${VERSION}. Start the version of Weir that wrote it.`,
    );
  }
  let damaged = first !== undefined && head === undefined ? 1 : 0;
  if (head?.journalId !== journalId) return { ranges, damaged };
  for (const each of lines) {
    const line = parse<Line>(each);
    if (line === undefined) damaged += 1;
    else apply(ranges, line);
  }
  return { ranges, damaged };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** Parses a line; undefined if it is damaged, for example because a crash has left half of it. */
function parse<T>(line: string): T | undefined {
  try {
    return JSON.parse(line) as T;
  } catch {
    return undefined;
  }
}

/** Writes the whole log to a new file, renames it over the old one, and returns it, open for appending. */
async function rewrite(
  disk: Disk,
  path: string,
  journalId: string,
  ranges: ReadonlyMap<string, SentRange>,
): Promise<DiskFile> {
  const head: Head = { version: VERSION, journalId };
  const lines = [head, ...Array.from(ranges.values(), (range): Line => ({ sent: [range] }))];
  const aside = `${path}.new`;
  const file = await disk.open(aside, 'a', 0o600);
  try {
    await file.truncate();
    await file.writeFile(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    await file.sync();
    await disk.rename(aside, path);
    await syncFolder(join(path, '..'));
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
