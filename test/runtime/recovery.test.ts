import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openCheckpoints } from '../../engine/journal/checkpoint/open.ts';
import type { JournalLoss } from '../../engine/journal/read-journal.ts';
import { openData, type RecoveredData, replayJournal } from '../../engine/runtime/recovery.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { damageSection, newestCopies } from '../journal/checkpoint/damage.ts';
import { append, makeFolder, open } from '../journal/folder.ts';
import { setUp } from '../pipeline/kit.ts';

const { config } = setUp([]);
const tick = (at: number) => ({ kind: 'tick', at }) as const;

/** Writes a journal of `count` ticks, one per segment, and releases those before `released`. Returns its id. */
async function write(folder: string, count: number, released = 0): Promise<string> {
  const journal = await open(folder, { segmentBytes: 1 });
  for (let i = 0; i < count; i++) await append(journal, [tick(i)]);
  await journal.release(released);
  await journal.close();
  return journal.id;
}

async function openFolder(folder: string) {
  const lines: { msg: string; level: number }[] = [];
  const counters = createCounters();
  const committed: number[] = [];
  const data = await openData({
    config: { ...config, data: folder },
    onFailure: (error) => {
      throw error;
    },
    log: pino({}, { write: (line) => void lines.push(JSON.parse(line)) }),
    counters,
  });
  onTestFinished(async () => {
    for (const each of [data.journal, data.sent, data.store]) await each.close();
  });
  data.journal.commitTo((records) => committed.push(...records.map(({ offset }) => offset)));
  return { ...data, counters, committed, log: lines.map(({ msg }) => msg) };
}

async function offsets({ journal, checkpoint }: RecoveredData): Promise<number[]> {
  const found: number[] = [];
  const from = checkpoint?.nextOffset ?? journal.firstOffset;
  for await (const records of journal.read(from)) found.push(...records.map(({ offset }) => offset));
  return found;
}

/** Writes checkpoints of this journal, as one run. */
async function writeCheckpoints(folder: string, journalId: string, ...offsets: readonly number[]): Promise<void> {
  const { store } = await openCheckpoints(folder);
  for (const [i, nextOffset] of offsets.entries()) {
    store.begin(i === 0);
    store.add(i, Buffer.from('[]'));
    await store.commit({ journalId, nextOffset, heads: [Buffer.from('["head",{}]')] });
  }
  await store.close();
}

describe('the data folder', () => {
  it('without a checkpoint: the journal is folded from the start of its journal', async () => {
    const folder = makeFolder();
    await write(folder, 3);
    const data = await openFolder(folder);
    expect([await offsets(data), data.log, data.repeatsFrom]).toEqual([[0, 1, 2], [], 0]);
  });

  it('without checkpoints, after they were moved away: the rest of the journal is folded, with a warning', async () => {
    const folder = makeFolder();
    await write(folder, 3, 2);
    const data = await openFolder(folder);
    expect(await offsets(data)).toEqual([2]);
    expect(data.log).toEqual([expect.stringContaining('there is no checkpoint')]);
  });

  it('with damaged checkpoints only: a complete journal is folded from its start', async () => {
    const folder = makeFolder();
    const journalId = await write(folder, 4);
    for (const nextOffset of [1, 2]) await writeCheckpoints(folder, journalId, nextOffset);
    for (const generation of [1, 2]) damageSection(folder, { generation });
    const data = await openFolder(folder);
    expect([data.checkpoint, await offsets(data), data.repeatsFrom]).toEqual([undefined, [0, 1, 2, 3], 0]);
    expect(data.log).toEqual([expect.stringContaining('folding the whole journal from its start')]);
    expect(data.counters.checkpoints_unreadable).toBe(2);
  });

  it('with one damaged checkpoint and no previous one: the journal is folded from its start', async () => {
    const folder = makeFolder();
    const journalId = await write(folder, 2);
    await writeCheckpoints(folder, journalId, 1);
    damageSection(folder);
    expect(await offsets(await openFolder(folder))).toEqual([0, 1]);
  });

  it('with a checkpoint that is damaged in one copy: it is used, with a warning', async () => {
    const folder = makeFolder();
    const journalId = await write(folder, 4, 1);
    await writeCheckpoints(folder, journalId, 2, 3);
    damageSection(folder, { copies: ['a'] });
    const data = await openFolder(folder);
    expect([await offsets(data), data.counters.checkpoints_unreadable]).toEqual([[3], 0]);
    expect(data.log).toEqual([expect.stringContaining('one of the two copies of a checkpoint is damaged')]);
  });

  it('with damaged checkpoints and an incomplete journal: it is refused, with the remedy', async () => {
    const folder = makeFolder();
    const journalId = await write(folder, 4, 2);
    await writeCheckpoints(folder, journalId, 3);
    damageSection(folder);
    const before = readdirSync(folder);
    await expect(openFolder(folder)).rejects.toThrow(
      /checkpoint-\d+-a\.bin and .*-b\.bin cannot be read: section 1: the checksum of its commit record does not match.*begins at 0 but at 2.*Restore .* from one backup\. Or move/,
    );
    expect(readdirSync(folder)).toEqual(before);
  });

  it('with a damaged newest checkpoint: it uses the previous one, and the next checkpoint does not replace it', async () => {
    const folder = makeFolder();
    const journalId = await write(folder, 4, 1);
    await writeCheckpoints(folder, journalId, 2, 3);
    damageSection(folder);
    const data = await openFolder(folder);
    expect([await offsets(data), data.log]).toEqual([
      [2, 3],
      [expect.stringContaining('continuing from the previous checkpoint')],
    ]);
    const damaged = readFileSync(newestCopies(folder)[0]);
    await writeCheckpoints(folder, journalId, 4);
    damageSection(folder);
    expect((await openFolder(folder)).checkpoint?.nextOffset).toBe(2);
    // Once it is not needed any more, it is kept for analysis.
    await writeCheckpoints(folder, journalId, 4, 5);
    expect(readFileSync(join(folder, 'checkpoint-damaged-a.bin'))).toEqual(damaged);
  });

  it.each([
    ['because those after it are damaged', [1, 2, 4, 5], 2],
    ['because records were removed', [1], undefined],
  ])(
    'with a checkpoint that ends before the journal, %s: it is used, and what is missing is logged',
    async (_, found, damaged) => {
      const folder = makeFolder();
      const journalId = await write(folder, 6, 4);
      await writeCheckpoints(folder, journalId, ...found);
      if (damaged !== undefined) damageSection(folder, { before: damaged });
      const data = await openFolder(folder);
      expect([data.checkpoint?.nextOffset, await offsets(data)]).toEqual([1, [4, 5]]);
      expect(data.log[0]).toContain('the journal begins after its checkpoint');
      expect(data.counters.journal_records_lost).toBe(3);
    },
  );

  it.each([
    ['is complete', 0, [0, 1, 2]],
    ['is incomplete', 1, undefined],
  ])('with the checkpoint of another journal, and its own journal %s', async (_, released, found) => {
    const folder = makeFolder();
    await write(folder, 3, released);
    await writeCheckpoints(folder, 'another', 2);
    if (found === undefined) await expect(openFolder(folder)).rejects.toThrow(/belongs to the journal another/);
    else expect(await offsets(await openFolder(folder))).toEqual(found);
  });

  it('with a newest checkpoint of another journal: it uses the previous one', async () => {
    const folder = makeFolder();
    const journalId = await write(folder, 3, 1);
    await writeCheckpoints(folder, journalId, 2);
    await writeCheckpoints(folder, 'another', 9);
    expect(await offsets(await openFolder(folder))).toEqual([2]);
  });

  it('with checkpoints and no journal: it begins with an empty state', async () => {
    const folder = makeFolder();
    await writeCheckpoints(folder, 'gone', 2);
    const data = await openFolder(folder);
    expect([data.checkpoint, data.log]).toEqual([
      undefined,
      [expect.stringContaining('beginning with an empty state')],
    ]);
  });

  it('with a journal that ends before its checkpoint: it continues after the checkpoint, and uses no offset twice', async () => {
    const folder = makeFolder();
    const journalId = await write(folder, 5);
    await writeCheckpoints(folder, journalId, 1, 4);
    for (const name of readdirSync(folder).filter((name) => /journal-0+[234]\.wal/.test(name)))
      rmSync(join(folder, name));
    const first = await openFolder(folder);
    expect(first.log).toEqual([expect.stringContaining('the journal ends before its checkpoint')]);
    expect([first.journal.nextOffset, await offsets(first)]).toEqual([4, []]);
    await append(first.journal, [tick(7), tick(8)]);
    await append(first.journal, [tick(9)]);
    await first.journal.close();
    expect(first.committed).toEqual([4, 5, 6]);
    // Offsets within a segment have no gaps.
    expect(readdirSync(folder)).toContain('journal-0000000000000004.wal');
    const second = await openFolder(folder);
    expect([await offsets(second), second.log]).toEqual([[4, 5, 6], []]);
    // A read from an earlier offset reports the lost records.
    const losses: JournalLoss[] = [];
    const journal = await open(folder, { onLoss: (loss) => losses.push(loss) });
    for await (const _ of journal.read(0));
    expect(losses).toMatchObject([{ firstLost: 2, nextOffset: 4 }]);
  });
});

it('reports no recovery if the engine was stopped meanwhile, also without a record to fold', async () => {
  const journal = await open(makeFolder());
  const replay = (stopped: boolean) =>
    replayJournal({ journal, from: 0, feed: () => undefined, room: async () => undefined, isStopped: () => stopped });
  expect(await replay(false)).toBe(0);
  expect(await replay(true)).toBeUndefined();
  await journal.close();
});
