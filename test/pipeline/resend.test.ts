import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { insertBatch } from '../../engine/commands/insert.ts';
import { indexOf, type SentRange } from '../../engine/delivery/ranges.ts';
import type { Batch } from '../../engine/model/output.ts';
import type { JournalRecord } from '../../engine/model/record.ts';
import { DeliveryError, type TableSink } from '../../engine/ports.ts';
import { type Setup, startFold } from './kit.ts';
import { createBusySetup, scripts } from './samples.ts';

vi.setConfig({ testTimeout: 120_000 });

/** The configs that follow one another over the same journal: limits of rows, bytes and age, and columns, differ. */
const SETUPS: readonly Setup[] = [
  createBusySetup(),
  createBusySetup({ rows: 3, bytes: 100_000, ageMs: 20_000 }, { hum: 'number', note: 'string' }),
  createBusySetup({ rows: 1_000, bytes: 300, ageMs: 1_000 }),
  createBusySetup({ rows: 1_000, bytes: 100_000, ageMs: 60_000 }),
];

/** A row by where it comes from: which it is under every config. */
const rowsOf = ({ table, rowOffsets, fromIndex }: Batch): string[] =>
  Array.from(rowOffsets, (offset, i) => `${table} ${offset}.${indexOf(rowOffsets, fromIndex, i)}`);

const batchesOf = (setup: Setup, records: readonly JournalRecord[], earlier: readonly SentRange[] = []): Batch[] => {
  const { outputs, feed } = startFold(setup, undefined, earlier);
  feed(records);
  return outputs.filter((output) => output.kind === 'batch');
};

class Crash extends Error {}

/** What outlives a crash: the table, by tokens, and the log of what was sent. */
function createDurable() {
  const rows = new Map<string, number>();
  const dead: string[] = [];
  const tokens = new Set<string>();
  const log = new Map<string, SentRange>();
  const add = (row: string) => rows.set(row, (rows.get(row) ?? 0) + 1);
  return {
    rows,
    dead,
    log,
    note: async (ranges: readonly SentRange[], instead?: string) => {
      if (instead !== undefined) log.delete(instead);
      for (const range of ranges) log.set(range.token, range);
    },
    insert: async (batch: Batch, token: string) => {
      if (!tokens.has(token)) for (const row of rowsOf(batch)) add(row);
      tokens.add(token);
    },
    isIn: (token: string) => tokens.has(token),
  };
}

interface Run {
  readonly setup: number;
  /** The process ends at this insert, before or after the server has done it. */
  readonly diesAt: number;
  readonly done: boolean;
  /** Rows that the server refuses for now, by their place in the list of all. */
  readonly refused: readonly number[];
}

const runs = fc.array(
  fc.record({
    setup: fc.nat(SETUPS.length - 1),
    diesAt: fc.nat(60),
    done: fc.boolean(),
    refused: fc.array(fc.nat(60), { maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 4 },
);

async function play(durable: ReturnType<typeof createDurable>, batches: readonly Batch[], run: Run, all: string[]) {
  const refused = new Set(run.refused.map((n) => all[n]));
  let turn = 0;
  const insert = async (batch: Batch, token: string) => {
    const dies = turn++ === run.diesAt;
    if (dies && !run.done) throw new Crash();
    if (!durable.isIn(token) && rowsOf(batch).some((row) => refused.has(row))) throw new DeliveryError('bad-row', 'no');
    await durable.insert(batch, token);
    if (dies) throw new Crash();
  };
  const onDeadRow = async (row: Batch) => void durable.dead.push(...rowsOf(row));
  const options = { sink: { insert } as unknown as TableSink, journalId: 'j0', onDeadRow, note: durable.note };
  for (const batch of batches) await insertBatch(batch, options);
}

describe('what an earlier run has left, under another config', () => {
  it('gets into its table once, wherever earlier runs ended, whatever they had cut and the server had refused', async () => {
    let resent = 0;
    await fc.assert(
      fc.asyncProperty(scripts, runs, fc.nat(SETUPS.length - 1), async ({ records }, runs, last) => {
        const durable = createDurable();
        const all = batchesOf(SETUPS[0]!, records).flatMap(rowsOf);
        for (const run of [...runs, { setup: last, diesAt: Number.POSITIVE_INFINITY, done: false, refused: [] }]) {
          const batches = batchesOf(SETUPS[run.setup]!, records, [...durable.log.values()]);
          resent += batches.filter(({ token }) => token !== undefined).length;
          await play(durable, batches, run, all).catch((error: unknown) => {
            if (!(error instanceof Crash)) throw error;
          });
        }
        const found = [...durable.dead, ...[...durable.rows].flatMap(([row, count]) => Array<string>(count).fill(row))];
        expect(found.sort()).toEqual([...all].sort());
      }),
      { numRuns: 80 },
    );
    expect(resent).toBeGreaterThan(200);
  });

  it('is cut as it was: the same rows under the same token', () => {
    fc.assert(
      fc.property(scripts, fc.nat(SETUPS.length - 1), fc.nat(SETUPS.length - 1), ({ records }, before, after) => {
        const batches = batchesOf(SETUPS[before]!, records);
        const ranges = batches.map((batch, i): SentRange => {
          const [first, last] = [batch.rowOffsets[0]!, batch.rowOffsets.at(-1)!];
          return {
            table: batch.table,
            from: { offset: first, index: batch.fromIndex },
            to: { offset: last, index: indexOf(batch.rowOffsets, batch.fromIndex, batch.rows - 1) },
            token: `token ${i}`,
          };
        });
        const again = batchesOf(SETUPS[after]!, records, ranges).filter(({ token }) => token !== undefined);
        const print = (token: string | undefined, batch: Batch) => `${token}: ${rowsOf(batch).join()}`;
        expect(again.map((batch) => print(batch.token, batch)).sort()).toEqual(
          batches.map((batch, i) => print(`token ${i}`, batch)).sort(),
        );
        for (const { rowOffsets } of batches) expect([...rowOffsets]).toEqual([...rowOffsets].sort((a, b) => a - b));
      }),
      { numRuns: 60 },
    );
  });
});
