import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { COMMIT_MARK, encodeCommit } from '../../../engine/journal/checkpoint/format.ts';
import { openCheckpoints } from '../../../engine/journal/checkpoint/open.ts';
import { makeFolder } from '../folder.ts';
import { type Changes, contentOf, expectedOf, flipBit, headOf, read, writeRun, writeSection } from './sections.ts';

const SECTIONS: readonly Changes[] = [
  [
    [0, 'zero'],
    [1, 'one'],
    [70_000, 'seventy thousand'],
  ],
  [
    [1, 'one, changed'],
    [2, 'two'],
    [0, undefined],
  ],
  [
    [2, undefined],
    [0, 'zero again'],
  ],
];
/** The tests that try each byte. */
const SLOW = { timeout: 120_000 };
const A = 'checkpoint-0000000001-a.bin';
const B = 'checkpoint-0000000001-b.bin';

/** A range of bytes of a file of `SECTIONS` that matter. */
interface Region {
  /** The number of the section, from 1 on; 0: the header. */
  readonly section: number;
  readonly from: number;
  readonly to: number;
}

let folder: string;
let regions: readonly Region[];

beforeEach(async () => {
  folder = makeFolder();
  await writeRun(folder, SECTIONS);
  regions = regionsOf(readFileSync(join(folder, A)));
});

/** The regions of a file, without the zeros at the end of each section. */
function regionsOf(bytes: Buffer): readonly Region[] {
  const found: Region[] = [{ section: 0, from: 0, to: 20 }];
  let from = 20;
  for (let at = bytes.indexOf(COMMIT_MARK); at >= 0; at = bytes.indexOf(COMMIT_MARK, at + 1)) {
    found.push({ section: found.length, from, to: at + 16 + bytes.readUInt32LE(at + 8) });
    from = Math.ceil(found.at(-1)!.to / 4096) * 4096;
  }
  expect([found.length, from]).toEqual([SECTIONS.length + 1, bytes.length]);
  return found;
}

/** Calls `check` for each byte that matters, with the section that it belongs to. */
async function eachByte(check: (at: number, section: number) => Promise<void>): Promise<void> {
  for (const { section, from, to } of regions) for (let at = from; at < to; at++) await check(at, section);
}

describe('a flipped bit', () => {
  it.each([
    ['a', A],
    ['b', B],
  ])('anywhere in copy %s loses nothing', SLOW, async (_, name) => {
    const path = join(folder, name);
    await eachByte(async (at) => {
      flipBit(path, at);
      const { checkpoint, unreadable, repaired } = await read(folder);
      expect([at, contentOf(checkpoint), unreadable]).toEqual([at, expectedOf(SECTIONS), []]);
      // Copy b is read only where it is needed, and its header always.
      if (name === A || at < 20) expect([at, repaired]).toEqual([at, [expect.stringContaining(path)]]);
      flipBit(path, at);
    });
  });

  it('in both copies costs the section that it is in and those after it, and is reported', SLOW, async () => {
    await eachByte(async (at, section) => {
      for (const name of [A, B]) flipBit(join(folder, name), at);
      const { checkpoint, unreadable } = await read(folder);
      const sound = SECTIONS.slice(0, Math.max(0, section - 1));
      expect([at, contentOf(checkpoint)]).toEqual([at, expectedOf(sound)]);
      const why = section === 0 ? /its header is damaged/ : new RegExp(`section ${section}: `);
      expect([at, unreadable]).toEqual([at, [expect.stringMatching(why)]]);
      for (const name of [A, B]) flipBit(join(folder, name), at);
    });
  });

  it('in another section of each copy loses nothing', async () => {
    flipBit(join(folder, A), regions[1]!.from);
    flipBit(join(folder, B), regions[2]!.from);
    const { checkpoint, unreadable } = await read(folder);
    expect([contentOf(checkpoint), unreadable]).toEqual([expectedOf(SECTIONS), []]);
  });

  it('in the zeros after a section does not matter', async () => {
    for (const name of [A, B]) flipBit(join(folder, name), regions[2]!.from - 1);
    expect(await read(folder)).toMatchObject({ checkpoint: { nextOffset: 3 }, unreadable: [], repaired: [] });
  });
});

describe('a file', () => {
  it.each([
    ['is missing', (path: string) => rmSync(path), /cannot be read: it is missing/],
    ['is empty', (path: string) => truncateSync(path), /its header is damaged/],
    ['has lost its last section', (path: string) => truncateSync(path, 4096 * 2), undefined],
    ['has lost its last two sections', (path: string) => truncateSync(path, 4096), /its end is missing/],
    ['is a folder', makeFolderOf, /it is not a file/],
    ['is something else', (path: string) => writeFileSync(path, 'x'.repeat(9000)), /its header is damaged/],
    ['belongs to another generation', exchange, /its header is damaged/],
  ])('that %s costs nothing if the other copy is there', async (_, damage, why) => {
    for (const name of [A, B]) {
      damage(join(folder, name));
      const { checkpoint, unreadable, repaired } = await read(folder);
      expect([contentOf(checkpoint), unreadable]).toEqual([expectedOf(SECTIONS), []]);
      // The end of copy b is not read if copy a is whole.
      if (name === A || why?.source !== 'its end is missing') {
        expect(repaired).toEqual(why === undefined ? [] : [expect.stringMatching(why)]);
      }
      rmSync(folder, { recursive: true });
      mkdirSync(folder);
      await writeRun(folder, SECTIONS);
    }
  });

  it('that a newer version wrote is an error that names it, whatever other checkpoints exist', async () => {
    const bytes = readFileSync(join(folder, A));
    bytes[7] = 2;
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 16)), 16);
    writeFileSync(join(folder, 'checkpoint-0000000001-b.bin'), bytes);
    await expect(read(folder)).rejects.toThrow(
      /b\.bin has version 2; this version of Weir reads 1\. Start the version of Weir that wrote it\./,
    );
  });

  it.skipIf(process.seteuid === undefined || process.geteuid?.() !== 0)(
    'that may not be read is an error with its remedy, not damage',
    async () => {
      chmodSync(folder, 0o755);
      chmodSync(join(folder, B), 0o600);
      process.seteuid?.(65_534);
      try {
        await expect(read(folder)).rejects.toThrow(/b\.bin may not be read .*Give the user/);
      } finally {
        process.seteuid?.(0);
      }
    },
  );
});

describe('a generation', () => {
  it('that is damaged in both copies is replaced by the one before, and kept for analysis', async () => {
    await writeRun(folder, [[[5, 'five']]]);
    for (const copy of ['a', 'b']) flipBit(join(folder, `checkpoint-0000000002-${copy}.bin`), 25);
    const damaged = readFileSync(join(folder, 'checkpoint-0000000002-a.bin'));
    const { checkpoint, unreadable, store } = await openCheckpoints(folder);
    expect([contentOf(checkpoint), unreadable]).toEqual([expectedOf(SECTIONS), [expect.stringMatching('section 1: ')]]);
    expect(store.newest).toBe(3);
    await writeSection(store, true, 7, [[1, 'seven']]);
    expect(store.previous).toBe(3);
    expect(readFileSync(join(folder, 'checkpoint-damaged-a.bin'))).toEqual(damaged);
    // The one that was used is still there if the new one cannot be read.
    for (const copy of ['a', 'b']) rmSync(join(folder, `checkpoint-0000000003-${copy}.bin`));
    expect(contentOf((await read(folder)).checkpoint)).toEqual(expectedOf(SECTIONS));
    await store.close();
  });

  it('that is damaged at its end is kept for analysis when it is needed no more', async () => {
    for (const name of [A, B]) flipBit(join(folder, name), regions[3]!.from);
    const { checkpoint, store } = await openCheckpoints(folder);
    expect(checkpoint?.nextOffset).toBe(2);
    await writeSection(store, true, 7, []);
    expect(existsSync(join(folder, A))).toBe(true);
    await writeSection(store, false, 8, []);
    expect(readdirSync(folder).sort()).toEqual([
      'checkpoint-0000000002-a.bin',
      'checkpoint-0000000002-b.bin',
      'checkpoint-damaged-a.bin',
      'checkpoint-damaged-b.bin',
      'checkpoint.jsonl',
    ]);
    await store.close();
  });

  it('that does not fit is passed over; that is not damage', async () => {
    await writeRun(folder, [[[5, 'five']]]);
    const { checkpoint, unreadable, store } = await openCheckpoints(folder, ({ nextOffset }) => nextOffset === 3);
    expect([checkpoint?.nextOffset, unreadable]).toEqual([3, []]);
    await writeSection(store, true, 9, []);
    expect(existsSync(join(folder, 'checkpoint-damaged-a.bin'))).toBe(true);
    await store.close();
  });

  it('takes no section from a copy of another chain', async () => {
    const other = makeFolder();
    await writeRun(other, [SECTIONS[0]!, [[1, 'another one']], [[9, 'nine']]]);
    // Both are undamaged, but their sections 2 are not alike.
    copyFileSync(join(other, B), join(folder, B));
    flipBit(join(folder, A), regions[3]!.from);
    const { checkpoint, unreadable } = await read(folder);
    expect([contentOf(checkpoint), unreadable.length]).toEqual([expectedOf(SECTIONS.slice(0, 2)), 1]);
  });
});

describe('a section without a commit record', () => {
  it('is ignored without a report, and its files are deleted at the next write', async () => {
    const { store } = await openCheckpoints(folder);
    store.begin(true);
    store.add(1, Buffer.from('never committed'));
    await store.flush();
    expect(statSync(join(folder, 'checkpoint-0000000002-a.bin')).size).toBeGreaterThan(20);
    const again = await openCheckpoints(folder);
    expect(again).toMatchObject({ checkpoint: { nextOffset: 3 }, unreadable: [], repaired: [] });
    again.store.begin(true);
    again.store.add(1, undefined);
    await again.store.flush();
    expect(existsSync(join(folder, 'checkpoint-0000000002-a.bin'))).toBe(false);
    await again.store.close();
  });

  it('is no damage if its content looks like a commit record in part', async () => {
    const record = encodeCommit({ frames: 0, bytes: 0, crc: 0 }, 0, headOf(9));
    for (const name of [A, B]) {
      const bytes = readFileSync(join(folder, name));
      const frame = Buffer.concat([Buffer.from([0x3c, 1, 0, 0, 0, 200, 0, 0, 0]), record.subarray(0, 15)]);
      writeFileSync(join(folder, name), Buffer.concat([bytes, frame]));
    }
    expect(await read(folder)).toMatchObject({ checkpoint: { nextOffset: 3 }, unreadable: [] });
  });
});

function makeFolderOf(path: string): void {
  rmSync(path);
  mkdirSync(path);
}

/** Puts the file of another generation in place of a file. */
function exchange(path: string): void {
  const bytes = readFileSync(path);
  bytes.writeDoubleLE(77, 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 16)), 16);
  writeFileSync(path, bytes);
}
