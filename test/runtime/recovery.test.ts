import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { writeCheckpoint } from '../../engine/journal/checkpoint.ts';
import type { JournalLoss } from '../../engine/journal/journal.ts';
import { openData, type RecoveredData } from '../../engine/runtime/recovery.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { append, makeFolder, open } from '../journal/folder.ts';
import { setUp } from '../pipeline/kit.ts';

const { config } = setUp([]);
const tick = (at: number) => ({ kind: 'tick', at }) as const;

/** A journal of so many ticks, a segment each, which begins behind `released`. Returns its id. */
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
  data.journal.commitTo((records) => committed.push(...records.map(({ offset }) => offset)));
  return { ...data, counters, committed, log: lines.map(({ msg }) => msg) };
}

async function offsets({ journal, checkpoint }: RecoveredData): Promise<number[]> {
  const found: number[] = [];
  const from = checkpoint?.nextOffset ?? journal.firstOffset;
  for await (const records of journal.read(from)) found.push(...records.map(({ offset }) => offset));
  return found;
}

function flipBit(folder: string, name: string): void {
  const bytes = readFileSync(join(folder, name));
  bytes[bytes.length - 3]! ^= 1;
  writeFileSync(join(folder, name), bytes);
}

const state = [Buffer.from('["head",{}]\n')];

describe('the data folder', () => {
  it('without a checkpoint is folded from the start of its journal', async () => {
    const folder = makeFolder();
    await write(folder, 3);
    const left = await openFolder(folder);
    expect([await offsets(left), left.log, left.repeatsFrom]).toEqual([[0, 1, 2], [], 0]);
  });

  it('whose checkpoints were moved away is folded from what the journal has, with a warning', async () => {
    const folder = makeFolder();
    await write(folder, 3, 2);
    const left = await openFolder(folder);
    expect(await offsets(left)).toEqual([2]);
    expect(left.log).toEqual([expect.stringContaining('there is no checkpoint')]);
  });

  it('whose checkpoints are all damaged is folded from the start of the journal where that has everything', async () => {
    const folder = makeFolder();
    const journalId = await write(folder, 4);
    for (const nextOffset of [1, 2]) await writeCheckpoint(folder, { journalId, nextOffset, state });
    flipBit(folder, 'checkpoint.jsonl');
    flipBit(folder, 'checkpoint-before.jsonl');
    const left = await openFolder(folder);
    expect([left.checkpoint, await offsets(left), left.repeatsFrom]).toEqual([undefined, [0, 1, 2, 3], 0]);
    expect(left.log).toEqual([expect.stringContaining('folding the journal from its start')]);
    expect(left.counters.checkpoints_unreadable).toBe(2);
    expect(readdirSync(folder)).toContain('checkpoint-damaged.jsonl');
  });

  it('with one damaged checkpoint, and none before it, is folded from the start too', async () => {
    const folder = makeFolder();
    const journalId = await write(folder, 2);
    await writeCheckpoint(folder, { journalId, nextOffset: 1, state });
    flipBit(folder, 'checkpoint.jsonl');
    expect(await offsets(await openFolder(folder))).toEqual([0, 1]);
  });

  it('is refused, with the remedy, where the journal no longer has what its damaged checkpoints stood for', async () => {
    const folder = makeFolder();
    const journalId = await write(folder, 4, 2);
    await writeCheckpoint(folder, { journalId, nextOffset: 3, state });
    flipBit(folder, 'checkpoint.jsonl');
    const before = readdirSync(folder);
    await expect(openFolder(folder)).rejects.toThrow(
      /checkpoint\.jsonl cannot be read: its checksum does not fit.*begins at 0 but at 2.*Restore .* from one backup\. Or move/,
    );
    expect(readdirSync(folder)).toEqual(before);
  });

  it('goes on from the checkpoint before a damaged one, which the next cannot take the place of', async () => {
    const folder = makeFolder();
    const journalId = await write(folder, 4, 1);
    for (const nextOffset of [2, 3]) await writeCheckpoint(folder, { journalId, nextOffset, state });
    flipBit(folder, 'checkpoint.jsonl');
    const left = await openFolder(folder);
    expect([await offsets(left), left.log]).toEqual([[2, 3], ['going on from the checkpoint before']]);
    await writeCheckpoint(folder, { journalId, nextOffset: 4, state });
    flipBit(folder, 'checkpoint.jsonl');
    expect((await openFolder(folder)).checkpoint?.nextOffset).toBe(2);
  });

  it.each([
    ['has everything', 0, [0, 1, 2]],
    ['has not', 1, undefined],
  ])('with the checkpoint of another journal begins anew only where its own journal %s', async (_, released, found) => {
    const folder = makeFolder();
    await write(folder, 3, released);
    await writeCheckpoint(folder, { journalId: 'another', nextOffset: 2, state });
    if (found === undefined) await expect(openFolder(folder)).rejects.toThrow(/belongs to the journal another/);
    else expect(await offsets(await openFolder(folder))).toEqual(found);
  });

  it('uses the checkpoint before one of another journal', async () => {
    const folder = makeFolder();
    const journalId = await write(folder, 3, 1);
    await writeCheckpoint(folder, { journalId, nextOffset: 2, state });
    await writeCheckpoint(folder, { journalId: 'another', nextOffset: 9, state });
    expect(await offsets(await openFolder(folder))).toEqual([2]);
  });

  it('with checkpoints and no journal begins with nothing', async () => {
    const folder = makeFolder();
    await writeCheckpoint(folder, { journalId: 'gone', nextOffset: 2, state });
    const left = await openFolder(folder);
    expect([left.checkpoint, left.log]).toEqual([undefined, [expect.stringContaining('beginning with nothing')]]);
  });

  it('whose journal ends before its checkpoint goes on behind the checkpoint, and uses no offset twice', async () => {
    const folder = makeFolder();
    const journalId = await write(folder, 5);
    for (const nextOffset of [1, 4]) await writeCheckpoint(folder, { journalId, nextOffset, state });
    for (const name of readdirSync(folder).filter((name) => /journal-0+[234]\.wal/.test(name)))
      rmSync(join(folder, name));
    const first = await openFolder(folder);
    expect(first.log).toEqual([expect.stringContaining('the journal ends before its checkpoint')]);
    expect([first.journal.nextOffset, await offsets(first)]).toEqual([4, []]);
    await append(first.journal, [tick(7), tick(8)]);
    await append(first.journal, [tick(9)]);
    await first.journal.close();
    expect(first.committed).toEqual([4, 5, 6]);
    // Within a segment, offsets have no holes.
    expect(readdirSync(folder)).toContain('journal-0000000000000004.wal');
    const second = await openFolder(folder);
    expect([await offsets(second), second.log]).toEqual([[4, 5, 6], []]);
    // Who has to go back further hears of what is gone.
    const losses: JournalLoss[] = [];
    const journal = await open(folder, { onLoss: (loss) => losses.push(loss) });
    for await (const _ of journal.read(0));
    expect(losses).toMatchObject([{ firstLost: 2, nextOffset: 4 }]);
  });
});
