import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { fingerprintOf, rangeOf, type SentRange } from '../../engine/delivery/ranges.ts';
import type { Batch } from '../../engine/model/output.ts';
import type { JournalRecord } from '../../engine/model/record.ts';
import { DeliveryError, type TableSink } from '../../engine/ports.ts';
import { insertBatch } from '../../engine/runtime/insert.ts';
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
/** Others by which some messages become rows of other tables: a reading is a dead letter, or the other way round. */
const OTHERS: readonly Setup[] = [
  ...SETUPS,
  createBusySetup({ rows: 4, bytes: 100_000, ageMs: 5_000 }, {}, { limits: { fields: 2 } }),
];

/** A row by where it comes from: which it is under every config. */
const rowsOf = (batch: Batch): string[] =>
  Array.from(batch.rowOffsets, (offset, i) => `${batch.table} ${offset} ${fingerprintOf(batch, i)}`);

const isReading = (row: string) => /^(sensors|meters|pumps) /.test(row);
const countsOf = (rows: readonly string[]) => {
  const counts: Record<string, number> = {};
  for (const row of rows) counts[row] = (counts[row] ?? 0) + 1;
  return counts;
};

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
    logSent: async (ranges: readonly SentRange[], instead?: string) => {
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
    setup: fc.nat(OTHERS.length - 1),
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
  const onRefusedRow = async (row: Batch) => void durable.dead.push(...rowsOf(row));
  const options = { sink: { insert } as unknown as TableSink, journalId: 'j0', onRefusedRow, logSent: durable.logSent };
  for (const batch of batches) await insertBatch(batch, options);
}

describe('what an earlier run has left, under another config', () => {
  /** Plays the runs, and a last one to its end; what is found in the end. */
  const playAll = async (records: readonly JournalRecord[], runs: readonly (Run & { with: Setup })[], last: Setup) => {
    const durable = createDurable();
    const all = batchesOf(last, records).flatMap(rowsOf);
    const whole = { with: last, setup: 0, diesAt: Number.POSITIVE_INFINITY, done: false, refused: [] };
    let resent = 0;
    for (const run of [...runs, whole]) {
      const batches = batchesOf(run.with, records, [...durable.log.values()]);
      resent += batches.filter(({ earlier }) => earlier !== undefined).length;
      await play(durable, batches, run, all).catch((error: unknown) => {
        if (!(error instanceof Crash)) throw error;
      });
    }
    const found = [...durable.dead, ...[...durable.rows].flatMap(([row, count]) => Array<string>(count).fill(row))];
    return { all, found, resent };
  };
  const pick = (setups: readonly Setup[], n: number): Setup => setups[n % setups.length]!;

  it('gets in once, wherever runs ended, whatever was cut and refused', async () => {
    let met = 0;
    await fc.assert(
      fc.asyncProperty(scripts, runs, fc.nat(SETUPS.length - 1), async ({ records }, runs, last) => {
        const configured = runs.map((run) => ({ ...run, with: pick(SETUPS, run.setup) }));
        const { all, found, resent } = await playAll(records, configured, SETUPS[last]!);
        met += resent;
        expect(found.filter(isReading).sort()).toEqual(all.filter(isReading).sort());
        // Of an alert or a view, another config may say something else, under the same id: the table makes one row of both.
        expect(found).toEqual(expect.arrayContaining(all));
      }),
      { numRuns: 40 },
    );
    expect(met).toBeGreaterThan(200);
  });

  it('gets in once where the config makes other rows of the same messages', async () => {
    let fewer = 0;
    await fc.assert(
      fc.asyncProperty(scripts, runs, fc.nat(OTHERS.length), async ({ records }, runs, n) => {
        const [before, after] = [pick(OTHERS, n), pick(OTHERS, n + 1)];
        const configured = runs.map((run) => ({ ...run, with: before }));
        const { all, found } = await playAll(records, configured, after);
        expect(countsOf(found.filter(isReading))).toEqual(expect.objectContaining(countsOf(all.filter(isReading))));
        expect(found).toEqual(expect.arrayContaining(all));
        if (all.length < found.length) fewer += 1;
      }),
      { numRuns: 40 },
    );
    expect(fewer).toBeGreaterThan(0);
  });

  it('loses nothing where such configs change to and fro between crashes', async () => {
    await fc.assert(
      fc.asyncProperty(scripts, runs, fc.nat(OTHERS.length - 1), async ({ records }, runs, last) => {
        const configured = runs.map((run) => ({ ...run, with: pick(OTHERS, run.setup) }));
        const { all, found } = await playAll(records, configured, OTHERS[last]!);
        expect(found).toEqual(expect.arrayContaining(all));
      }),
      { numRuns: 40 },
    );
  });

  it('is cut as it was: the same rows under the same token', () => {
    fc.assert(
      fc.property(scripts, fc.nat(SETUPS.length - 1), fc.nat(SETUPS.length - 1), ({ records }, before, after) => {
        const batches = batchesOf(SETUPS[before]!, records);
        const ranges = batches.map((batch, i): SentRange => {
          return rangeOf(batch, `token ${i}`);
        });
        const again = batchesOf(SETUPS[after]!, records, ranges).filter(({ earlier }) => earlier !== undefined);
        // Rows that are alike to the byte may change places: a message can have a reading twice.
        const print = (token: string | undefined, batch: Batch) => `${token}: ${rowsOf(batch).sort().join()}`;
        const isSame = ({ table }: Batch) => before === after || isReading(`${table} `);
        expect(
          again
            .filter(isSame)
            .map((batch) => print(batch.earlier?.token, batch))
            .sort(),
        ).toEqual(batches.flatMap((batch, i) => (isSame(batch) ? [print(`token ${i}`, batch)] : [])).sort());
        for (const { rowOffsets } of batches) expect([...rowOffsets]).toEqual([...rowOffsets].sort((a, b) => a - b));
      }),
      { numRuns: 60 },
    );
  });
});
