import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { COMMIT_MARK } from '../../../engine/journal/checkpoint/format.ts';
import { openCheckpoints } from '../../../engine/journal/checkpoint/open.ts';
import type { Disk } from '../../../engine/journal/disk.ts';
import { makeFolder } from '../folder.ts';
import { type DiskCall, failingDisk } from './failing-disk.ts';
import { type Changes, contentOf, expectedOf, read, writeRun, writeSection } from './sections.ts';

/** The sections of two runs: `true` is a full one. */
const RUNS: readonly (readonly (readonly [full: boolean, changes: Changes])[])[] = [
  [
    [
      true,
      [
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
      ],
    ],
    [
      false,
      [
        [2, undefined],
        [4, 'd'],
      ],
    ],
    [false, [[1, 'a2']]],
    [
      true,
      [
        [1, 'a3'],
        [3, 'c3'],
      ],
    ],
    [false, [[3, undefined]]],
  ],
  [
    [true, [[7, 'x']]],
    [
      false,
      [
        [8, 'y'],
        [7, undefined],
      ],
    ],
    [false, []],
  ],
];
const ALL = RUNS.flat();

/** The sections that are in the checkpoint of an offset: the last full one up to it, and those after it. */
function sectionsUpTo(offset: number): readonly Changes[] {
  const from = ALL.findLastIndex(([full], i) => full && i < offset);
  return ALL.slice(from, offset).map(([, changes]) => changes);
}

/** Follows `RUNS` until the disk fails. Returns the offset of the last section whose commit resolved. */
async function followRuns(folder: string, disk: Disk): Promise<number> {
  let committed = 0;
  for (const run of RUNS) {
    const { store } = await openCheckpoints(folder, undefined, disk);
    try {
      for (const [full, changes] of run) {
        await writeSection(store, full, committed + 1, changes);
        committed += 1;
      }
    } catch (error) {
      expect((error as Error).message).toContain('from the test');
      // The disk refuses all changes, so this only closes the files.
      await store.close().catch(() => undefined);
      return committed;
    }
    await store.close();
  }
  return committed;
}

/** A folder with the checkpoint of an older version. */
function folderWithJson(): string {
  const folder = makeFolder();
  const state = '"old"\n';
  const head = { version: 2, journalId: 'j', nextOffset: 0, crc: crc32(state) };
  writeFileSync(join(folder, 'checkpoint.jsonl'), `${JSON.stringify(head)}\n${state}`);
  return folder;
}

describe('a crash', () => {
  it.each(['fail', 'tear'] as const)(
    'at any call of the disk leaves the committed section, or the next (%s)',
    { timeout: 120_000 },
    async (how) => {
      const crashedAt = new Set<DiskCall>();
      for (let stopAt = 0, hasCrashed = true; hasCrashed; stopAt++) {
        const folder = folderWithJson();
        hasCrashed = false;
        let calls = 0;
        const disk = failingDisk((call) => {
          if (calls++ < stopAt) return 'go';
          if (!hasCrashed) crashedAt.add(call);
          // After the crash, nothing takes place any more.
          const decision = hasCrashed ? 'fail' : how;
          hasCrashed = true;
          return decision;
        });
        const committed = await followRuns(folder, disk);
        const { checkpoint, unreadable, repaired } = await read(folder);
        expect([stopAt, unreadable, repaired]).toEqual([stopAt, [], []]);
        expect([stopAt, 0, 1]).toContain(checkpoint!.nextOffset - committed);
        if (checkpoint!.format === 'json') expect(Array.from(checkpoint!.pieces(), String)).toEqual(['"old"']);
        else
          expect(contentOf(checkpoint)).toEqual(
            expectedOf(sectionsUpTo(checkpoint!.nextOffset), checkpoint!.nextOffset),
          );
        // The next run continues.
        await writeRun(folder, [[[1, 'after']], [[2, 'the crash']]]);
        expect(contentOf((await read(folder)).checkpoint)).toMatchObject({
          nextOffset: 2,
          parts: ['after', 'the crash'],
        });
      }
      expect([...crashedAt].sort()).toEqual(['open', 'rename', 'sync', 'truncate', 'unlink', 'write', 'writeFile']);
    },
  );

  it('leaves the newest section whose commit record is whole in one copy, wherever the files end', {
    timeout: 120_000,
  }, async () => {
    const folder = makeFolder();
    const sections = RUNS[0]!.slice(0, 3).map(([, changes]) => changes);
    await writeRun(folder, sections);
    const paths = ['a', 'b'].map((copy) => join(folder, `checkpoint-0000000001-${copy}.bin`)) as [string, string];
    const bytes = readFileSync(paths[0]);
    expect(readFileSync(paths[1])).toEqual(bytes);
    const ends = commitEnds(bytes);
    const expected = [0, 1, 2, 3].map((count) => expectedOf(sections.slice(0, count)));
    for (let length = 0; length <= ends.at(-1)!; length++) {
      if (isPadding(length, ends)) continue;
      const count = ends.filter((end) => end <= length).length;
      const [part, zeros] = [bytes.subarray(0, length), Buffer.alloc(4096)];
      for (const [a, b, sound] of [
        [part, part, count],
        [part, bytes, 3],
        [bytes, part, 3],
        // A crash of the machine can leave a longer file with zeros.
        [Buffer.concat([part, zeros]), part, count],
      ] as const) {
        if (a !== b && length % 5 > 0) continue;
        writeFileSync(paths[0], a);
        writeFileSync(paths[1], b);
        const { checkpoint, unreadable } = await read(folder);
        expect([length, contentOf(checkpoint)]).toEqual([length, expected[sound]]);
        if (a.length === part.length || sound === 3) expect([length, unreadable]).toEqual([length, []]);
      }
    }
  });
});

/** Where the commit records end. */
function commitEnds(bytes: Buffer): number[] {
  const ends: number[] = [];
  for (let at = bytes.indexOf(COMMIT_MARK); at >= 0; at = bytes.indexOf(COMMIT_MARK, at + 1)) {
    ends.push(at + 16 + bytes.readUInt32LE(at + 8));
  }
  return ends;
}

/** Whether a position is in the zeros after a section, but not at their begin or end. */
function isPadding(position: number, ends: readonly number[]): boolean {
  return ends.some((end) => position > end + 1 && position < Math.ceil(end / 4096) * 4096 - 1);
}
