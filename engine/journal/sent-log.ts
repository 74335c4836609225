import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SentRange } from '../delivery/ranges.ts';
import { type Disk, type DiskFile, realDisk } from './disk.ts';
import { syncFolder } from './sync-folder.ts';

/** What has gone to ClickHouse, and under which tokens, for as long as the journal may make it again. */
export interface SentLog {
  /** What earlier runs have sent. */
  readonly earlier: readonly SentRange[];
  /** Lines that could not be read: what they told of is cut by the config of now. */
  readonly damaged: number;
  /** Resolves when it is durable that these ranges go out from now on, in place of the one with the token `instead`. */
  note(ranges: readonly SentRange[], instead?: string): Promise<void>;
  /** Forgets what lies before an offset of the journal. */
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
  readonly instead?: string;
}

/** Opens the log of a journal, which lies beside it; begins a new one where that is of another journal. Throws at one of another version. */
export async function openSentLog(folder: string, journalId: string, disk: Disk = realDisk): Promise<SentLog> {
  const path = join(folder, NAME);
  const { ranges, damaged } = await readLog(path, journalId);
  const earlier = [...ranges.values()];
  let file = await rewrite(disk, path, journalId, ranges);
  let last: Promise<unknown> = Promise.resolve();
  /** One after another; a failed one does not keep the next from its try. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = last.then(work, work);
    last = done.catch(() => undefined);
    return done;
  };
  return {
    earlier,
    damaged,
    note: (sent, instead) =>
      inTurn(async () => {
        const line: Line = { sent, ...(instead !== undefined && { instead }) };
        // A line break ahead: what a failed write has left must not spoil this line.
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
      `${path} has version ${head.version}, this Weir reads version ${VERSION}. Start the Weir that wrote it.`,
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

/** Undefined where a crash has left half of a line. */
function parse<T>(line: string): T | undefined {
  try {
    return JSON.parse(line) as T;
  } catch {
    return undefined;
  }
}

/** Writes the log anew, aside and then in its place, and goes on with it. */
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
