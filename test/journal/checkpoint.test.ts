import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Checkpoint, readCheckpoint, setNewestAside, writeCheckpoint } from '../../engine/journal/checkpoint.ts';
import { makeFolder } from './folder.ts';

const linesOf = (nextOffset: number) => [JSON.stringify({ 'dé\n"': [nextOffset] }), '"2"'];

const checkpoint = (nextOffset: number): Checkpoint => ({
  journalId: '0123456789abcdef',
  nextOffset,
  state: linesOf(nextOffset).map((line) => Buffer.from(`${line}\n`)),
});

const find = async (folder: string) => {
  const { checkpoint, unreadable } = await readCheckpoint(folder);
  if (checkpoint === undefined) return { unreadable };
  const { journalId, nextOffset } = checkpoint;
  return { journalId, nextOffset, lines: [...checkpoint.lines()], unreadable };
};

const stored = (nextOffset: number) => ({
  journalId: '0123456789abcdef',
  nextOffset,
  lines: linesOf(nextOffset),
  unreadable: [],
});

describe('a checkpoint', () => {
  it('reads back as it was written, the newest one', async () => {
    const folder = makeFolder();
    expect(await find(folder)).toEqual({ unreadable: [] });
    await writeCheckpoint(folder, checkpoint(5));
    await writeCheckpoint(folder, checkpoint(2 ** 40));
    expect(await find(folder)).toEqual(stored(2 ** 40));
    expect(readdirSync(folder)).toEqual(['checkpoint-before.jsonl', 'checkpoint.jsonl']);
  });

  it('has the positions of the event streams', async () => {
    const folder = makeFolder();
    const events = { WEIR_ALERTS: { created: '2026-01-31T12:00:00Z', sequence: 7 } };
    await writeCheckpoint(folder, { ...checkpoint(5), events });
    expect((await readCheckpoint(folder)).checkpoint).toMatchObject({ nextOffset: 5, events });
    await writeCheckpoint(folder, checkpoint(6));
    expect((await readCheckpoint(folder)).checkpoint?.events).toBeUndefined();
  });

  it('reads back in lines, wherever the chunks of the file end', async () => {
    const folder = makeFolder();
    const lines = ['€'.repeat(1_500_000), '', 'x'.repeat(1024 * 1024), 'é', 'y'.repeat(3_000_000)];
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    const state = [bytes.subarray(0, 1_000_001), bytes.subarray(1_000_001)];
    await writeCheckpoint(folder, { journalId: 'j', nextOffset: 1, state });
    expect((await find(folder)).lines?.map((line, i) => line === lines[i])).toEqual(lines.map(() => true));
  });

  it('replaces the previous one as a whole: a half-written file is ignored', async () => {
    const folder = makeFolder();
    await writeCheckpoint(folder, checkpoint(5));
    writeFileSync(join(folder, 'checkpoint.jsonl.new'), '{"version":1,"journ');
    expect(await find(folder)).toEqual(stored(5));
    await writeCheckpoint(folder, checkpoint(6));
    expect(await find(folder)).toEqual(stored(6));
  });

  it('is kept if the next one cannot be written', async () => {
    const folder = makeFolder();
    await writeCheckpoint(folder, checkpoint(5));
    mkdirSync(join(folder, 'checkpoint.jsonl.new'));
    await expect(writeCheckpoint(folder, checkpoint(6))).rejects.toThrow('EISDIR');
    expect(await find(folder)).toEqual(stored(5));
    rmSync(join(folder, 'checkpoint.jsonl.new'), { recursive: true });
  });

  it('of version 1, with the whole state in one line, is read', async () => {
    const folder = makeFolder();
    const state = '{"streams":{}}';
    const head = { version: 1, journalId: 'j', nextOffset: 3, crc: crc32(state) };
    writeFileSync(join(folder, 'checkpoint.jsonl'), `${JSON.stringify(head)}\n${state}`);
    expect(await find(folder)).toEqual({ journalId: 'j', nextOffset: 3, lines: [state], unreadable: [] });
  });

  it('of another version is an error that names it, whatever other checkpoints exist', async () => {
    const folder = makeFolder();
    for (const nextOffset of [5, 6]) await writeCheckpoint(folder, checkpoint(nextOffset));
    writeFileSync(join(folder, 'checkpoint.jsonl'), '{"version":3}');
    await expect(readCheckpoint(folder)).rejects.toThrow(
      /checkpoint\.jsonl has version 3; this version of Weir reads 1 to 2\. Start the version of Weir that wrote it\./,
    );
  });

  it.skipIf(process.seteuid === undefined || process.geteuid?.() !== 0)(
    'that may not be read is an error with its remedy, not damage',
    async () => {
      const folder = makeFolder();
      await writeCheckpoint(folder, checkpoint(5));
      process.seteuid?.(65_534);
      try {
        await expect(readCheckpoint(folder)).rejects.toThrow(/checkpoint\.jsonl may not be read .*Give the user/);
      } finally {
        process.seteuid?.(0);
      }
    },
  );

  it.each([
    ['has a byte more', (path: string) => appendFileSync(path, ' '), /checkpoint\.jsonl cannot be read: its checksum/],
    ['has a flipped bit', flipBit, /its checksum does not match its content/],
    ['is half there', (path: string) => truncateSync(path, 10), /cannot be read: .*JSON/],
    ['is empty', (path: string) => truncateSync(path, 0), /cannot be read: .*JSON/],
    ['is something else', (path: string) => writeFileSync(path, '[]'), /its first line has no version/],
    ['is nothing', (path: string) => writeFileSync(path, 'null\n'), /its first line has no version/],
    ['is a folder', makeFolderOf, /it is not a file/],
  ])('that %s is replaced by the previous one, with the reason', async (_, damage, why) => {
    const folder = makeFolder();
    for (const nextOffset of [5, 6, 7]) await writeCheckpoint(folder, checkpoint(nextOffset));
    damage(join(folder, 'checkpoint.jsonl'));
    expect(await find(folder)).toEqual({ ...stored(6), unreadable: [expect.stringMatching(why)] });
    damage(join(folder, 'checkpoint-before.jsonl'));
    const unreadable = [expect.stringMatching(why), expect.stringMatching(/checkpoint-before\.jsonl cannot be read/)];
    expect(await find(folder)).toEqual({ unreadable });
  });

  it('that cannot be used does not replace the previous one', async () => {
    const folder = makeFolder();
    for (const nextOffset of [5, 6]) await writeCheckpoint(folder, checkpoint(nextOffset));
    flipBit(join(folder, 'checkpoint.jsonl'));
    expect(existsSync(await setNewestAside(folder))).toBe(true);
    await writeCheckpoint(folder, checkpoint(7));
    flipBit(join(folder, 'checkpoint.jsonl'));
    expect(await find(folder)).toMatchObject({ nextOffset: 5, lines: linesOf(5) });
  });

  it('is the previous one after a crash between the two renames', async () => {
    const folder = makeFolder();
    await writeCheckpoint(folder, checkpoint(5));
    await writeCheckpoint(folder, checkpoint(6));
    rmSync(join(folder, 'checkpoint.jsonl'));
    expect(await find(folder)).toEqual(stored(5));
  });

  it('is the newest that fits; one that does not fit is not damage', async () => {
    const folder = makeFolder();
    for (const nextOffset of [5, 6]) await writeCheckpoint(folder, checkpoint(nextOffset));
    const { checkpoint: found, unreadable } = await readCheckpoint(folder, ({ nextOffset }) => nextOffset < 6);
    expect([found?.nextOffset, unreadable]).toEqual([5, []]);
  });
});

function flipBit(path: string): void {
  const bytes = readFileSync(path);
  bytes[bytes.length - 5]! ^= 1;
  writeFileSync(path, bytes);
}

function makeFolderOf(path: string): void {
  rmSync(path);
  mkdirSync(path);
}
