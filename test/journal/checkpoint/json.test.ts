import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openCheckpoints } from '../../../engine/journal/checkpoint/open.ts';
import { makeFolder } from '../folder.ts';
import { contentOf, flipBit, headOf, read, writeRun, writeSection } from './sections.ts';

const NEWEST = 'checkpoint.jsonl';
const PREVIOUS = 'checkpoint-before.jsonl';
const events = headOf(6).events;

/** Writes a file as older versions did. */
function writeJson(path: string, nextOffset: number, state: string, version = 2, more: object = { events }): void {
  const head = { version, journalId: 'j', nextOffset, ...more, crc: crc32(state) };
  writeFileSync(path, `${JSON.stringify(head)}\n${state}`);
}

const linesOf = (nextOffset: number) => [`{"offset":${nextOffset}}`, '"é"'];

/** A folder with the newest checkpoint at offset 6 and the previous one at 5. */
function makeJsonFolder(): string {
  const folder = makeFolder();
  for (const [name, nextOffset] of [
    [NEWEST, 6],
    [PREVIOUS, 5],
  ] as const) {
    writeJson(
      join(folder, name),
      nextOffset,
      linesOf(nextOffset)
        .map((line) => `${line}\n`)
        .join(''),
    );
  }
  return folder;
}

async function readJson(folder: string) {
  const { checkpoint, unreadable } = await read(folder);
  return {
    nextOffset: checkpoint?.nextOffset,
    lines: checkpoint && Array.from(checkpoint.pieces(), String),
    unreadable,
  };
}

const stored = (nextOffset: number) => ({ nextOffset, lines: linesOf(nextOffset), unreadable: [] });

describe('a checkpoint of an older version', () => {
  it('is read, the newest one', async () => {
    const folder = makeJsonFolder();
    expect(await readJson(folder)).toEqual(stored(6));
    const { checkpoint, store } = await openCheckpoints(folder);
    expect(checkpoint).toMatchObject({ format: 'json', journalId: 'j', events });
    expect([store.previous, store.newest]).toEqual([undefined, 6]);
    rmSync(join(folder, NEWEST));
    expect(await readJson(folder)).toEqual(stored(5));
  });

  it('of version 1, with the whole state in one line, is read', async () => {
    const folder = makeFolder();
    writeJson(join(folder, NEWEST), 3, '{"streams":{}}', 1, {});
    expect(await readJson(folder)).toEqual({ nextOffset: 3, lines: ['{"streams":{}}'], unreadable: [] });
    expect((await read(folder)).checkpoint?.events).toBeUndefined();
  });

  it('is read in lines, wherever the chunks of the file end', async () => {
    const folder = makeFolder();
    const lines = ['€'.repeat(1_500_000), '', 'x'.repeat(1024 * 1024), 'é', 'y'.repeat(3_000_000)];
    writeJson(join(folder, NEWEST), 1, lines.map((line) => `${line}\n`).join(''));
    expect((await readJson(folder)).lines?.map((line, i) => line === lines[i])).toEqual(lines.map(() => true));
  });

  it('stays until the new files have two sections; then older versions find a head that they refuse', async () => {
    const folder = makeJsonFolder();
    const { store } = await openCheckpoints(folder);
    await writeSection(store, true, 7, [[1, 'one']]);
    expect(store.previous).toBe(6);
    expect(readFileSync(join(folder, NEWEST), 'utf8')).toContain('"nextOffset":6');
    await writeSection(store, false, 8, [[2, 'two']]);
    await store.close();
    expect(readdirSync(folder).sort()).toEqual(['checkpoint-0000000001-a.bin', 'checkpoint-0000000001-b.bin', NEWEST]);
    expect(JSON.parse(readFileSync(join(folder, NEWEST), 'utf8'))).toMatchObject({ version: 3 });
    expect(contentOf((await read(folder)).checkpoint)).toMatchObject({ nextOffset: 8, parts: ['one', 'two'] });
  });

  it('is used if the new files cannot be read', async () => {
    const folder = makeJsonFolder();
    await writeRun(folder, [[[1, 'one']]]);
    for (const copy of ['a', 'b']) flipBit(join(folder, `checkpoint-0000000001-${copy}.bin`), 10);
    expect(await readJson(folder)).toEqual({
      ...stored(6),
      unreadable: [expect.stringContaining('header is damaged')],
    });
  });

  it.each([
    ['has a flipped bit', (path: string) => flipBit(path, 150), /its checksum does not match its content/],
    ['is half there', (path: string) => truncateSync(path, 10), /cannot be read: .*JSON/],
    ['is nothing', (path: string) => writeFileSync(path, 'null\n'), /its first line has no version/],
    ['is a folder', makeFolderOf, /it is not a file/],
  ])('that %s is replaced by the previous one, with the reason, and kept for analysis', async (_, damage, why) => {
    const folder = makeJsonFolder();
    damage(join(folder, NEWEST));
    expect(await readJson(folder)).toEqual({ ...stored(5), unreadable: [expect.stringMatching(why)] });
    await writeRun(folder, [[[1, 'one']], []]);
    expect(existsSync(join(folder, 'checkpoint-damaged.jsonl'))).toBe(true);
    expect(existsSync(join(folder, PREVIOUS))).toBe(false);
    expect((await read(folder)).checkpoint?.nextOffset).toBe(2);
  });

  it('that cannot be read, both of them, is reported twice', async () => {
    const folder = makeJsonFolder();
    for (const name of [NEWEST, PREVIOUS]) truncateSync(join(folder, name), 0);
    expect((await read(folder)).unreadable).toHaveLength(2);
  });

  it('that does not fit is passed over', async () => {
    const { checkpoint, unreadable } = await openCheckpoints(makeJsonFolder(), ({ nextOffset }) => nextOffset < 6);
    expect([checkpoint?.nextOffset, unreadable]).toEqual([5, []]);
  });

  it('of an unknown version is an error that names it', async () => {
    const folder = makeJsonFolder();
    writeFileSync(join(folder, NEWEST), '{"version":4}');
    await expect(read(folder)).rejects.toThrow(
      /checkpoint\.jsonl has version 4; this version of Weir reads 1 to 3\. Start the version of Weir that wrote it\./,
    );
  });
});

it('reports that all files with the state are gone, if the head in place of the old file says that there were some', async () => {
  const folder = makeFolder();
  await writeRun(folder, [[[1, 'one']]]);
  for (const copy of ['a', 'b']) rmSync(join(folder, `checkpoint-0000000001-${copy}.bin`));
  const { checkpoint, unreadable } = await read(folder);
  expect([checkpoint, unreadable]).toEqual([undefined, [expect.stringMatching(/checkpoint-\*\.bin .* are missing/)]]);
});

it('finds nothing in an empty folder', async () => {
  expect(await read(makeFolder())).toEqual({ checkpoint: undefined, unreadable: [], repaired: [] });
});

function makeFolderOf(path: string): void {
  rmSync(path);
  mkdirSync(path);
}
