import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { JournalRecord } from '../../engine/model/record.ts';
import { type Output, type Setup, startFold, takeApart } from './kit.ts';
import { createBusySetup, scripts } from './samples.ts';

vi.setConfig({ testTimeout: 120_000 });

const setup = createBusySetup();

/** An output by its identity and a hash of everything in it, down to the bytes. */
function print(outputs: readonly Output[]): string[] {
  return outputs.map((output) => {
    const hash = createHash('sha256');
    if (output.kind === 'event') return `${output.id} ${hash.update(JSON.stringify(output)).digest('hex')}`;
    const { table, rows, bytes, rowEnds, rowOffsets, fromOffset, toOffset } = output;
    hash.update(bytes).update(rowEnds).update(rowOffsets);
    return `${rows} rows of ${table} from ${fromOffset} to ${toOffset} ${hash.digest('hex')}`;
  });
}

/** Cuts records into arrays of these sizes, again and again. */
function chunk(records: readonly JournalRecord[], sizes: readonly number[]): JournalRecord[][] {
  const chunks: JournalRecord[][] = [];
  for (let at = 0, i = 0; at < records.length; i++) {
    const size = sizes[i % sizes.length]!;
    chunks.push(records.slice(at, at + size));
    at += size;
  }
  return chunks;
}

function fold(setup: Setup, chunks: readonly (readonly JournalRecord[])[], from?: string): string[] {
  const { outputs, feed } = startFold(setup, from);
  feed(...chunks);
  return print(outputs);
}

const isRedriven = (record: JournalRecord) => record.kind === 'message' && record.redriven === true;

const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 });

describe('the fold', () => {
  it('makes the same outputs of the same records, twice and however they are cut into arrays', () => {
    fc.assert(
      fc.property(scripts, sizes, ({ records }, sizes) => {
        const whole = fold(setup, [records]);
        expect(fold(setup, [records])).toEqual(whole);
        expect(fold(setup, chunk(records, [1]))).toEqual(whole);
        expect(fold(setup, chunk(records, sizes))).toEqual(whole);
      }),
      { numRuns: 100 },
    );
  });

  it('has the same state after a cut, however the records before are cut into arrays', () => {
    fc.assert(
      fc.property(scripts, sizes, ({ records }, sizes) => {
        const [whole, single, some] = [[records], chunk(records, [1]), chunk(records, sizes)].map((arrays) => {
          const { feed, checkpoint } = startFold(setup);
          feed(...arrays);
          return checkpoint();
        });
        expect(single).toBe(whole);
        expect(some).toBe(whole);
      }),
      { numRuns: 100 },
    );
  });

  it('continues from a checkpoint after any cut as if nothing had happened', () => {
    fc.assert(
      fc.property(scripts, sizes, ({ records }, sizes) => {
        const undisturbed = startFold(setup);
        const checkpoints: { readonly after: number; readonly outputs: number; readonly state: string }[] = [];
        let from = 0;
        records.forEach((record, i) => {
          if (record.kind !== 'mark' || record.mark !== 'cut') return;
          undisturbed.feed(...chunk(records.slice(from, i + 1), sizes));
          from = i + 1;
          const { outputs } = undisturbed;
          checkpoints.push({ after: from, outputs: outputs.length, state: undisturbed.checkpoint() });
        });
        const all = print(undisturbed.outputs);
        for (const { after, outputs, state } of checkpoints) {
          expect(fold(setup, chunk(records.slice(after), [7]), state)).toEqual(all.slice(outputs));
        }
      }),
      { numRuns: 80 },
    );
  });

  it('gives every event and every change of an alert an identity of its own, and every row to one batch', () => {
    fc.assert(
      fc.property(scripts, ({ records }) => {
        const { outputs, counters, feed } = startFold(setup);
        feed(records);
        const { rows, events, batches } = takeApart(setup, outputs);
        const ids = events.map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        const changes = rows.alerts!.map((row) => row.id);
        expect(new Set(changes).size).toBe(changes.length);
        expect(changes.length).toBe(counters.transitions);
        const { sensors = [], meters = [], pumps = [] } = rows;
        const left = counters.readings - counters.readings_repeated - counters.readings_outdated;
        expect(sensors.length + meters.length + pumps.length).toBe(left);
        const facts = rows.facts!.map((row) => row.id);
        expect(new Set(facts).size).toBe(facts.length);
        const told = events.filter(({ subject }) => subject.startsWith('weir.facts.'));
        expect(told.map(({ id }) => id)).toEqual(facts);
        const gaps = events.filter(({ subject }) => subject.startsWith('weir.gaps.'));
        expect(gaps.length).toBe(rows.gaps!.length);
        expect(rows.dead_letters!.length).toBe(counters.rejected);
        const redriven = new Set(records.filter(isRedriven).map(({ offset }) => String(offset)));
        const late = rows.sensors!.filter((row) => row.late && !redriven.has(row.offset as string));
        expect(late.length).toBeLessThanOrEqual(counters.readings_late + counters.readings_out_of_order);
        for (const batch of batches) {
          expect(batch.rows).toBeGreaterThan(0);
          expect(batch.rows).toBeLessThanOrEqual(5);
          expect(batch.fromOffset).toBe(batch.rowOffsets[0]);
          expect(batch.toOffset).toBe(batch.rowOffsets.at(-1));
        }
      }),
      { numRuns: 50 },
    );
  });

  it('gives the same without redriven messages, except for their rows', () => {
    let met = 0;
    fc.assert(
      fc.property(scripts, sizes, ({ records }, sizes) => {
        const [all, others] = [startFold(setup), startFold(setup)];
        all.feed(...chunk(records, sizes));
        others.feed(records.filter((record) => !isRedriven(record)));
        expect(all.checkpoint()).toBe(others.checkpoint());
        const redriven = new Set(records.filter(isRedriven).map(({ offset }) => String(offset)));
        met += redriven.size;
        const [whole, rest] = [takeApart(setup, all.outputs), takeApart(setup, others.outputs)];
        expect(whole.events).toEqual(rest.events);
        for (const [table, rows] of Object.entries(whole.rows)) {
          expect(rows.filter((row) => !redriven.has(row.offset as string))).toEqual(rest.rows[table] ?? []);
        }
        const stored = [whole.rows.sensors!, whole.rows.meters ?? []].flat();
        expect(stored.filter((row) => redriven.has(row.offset as string) && !row.late)).toEqual([]);
      }),
      { numRuns: 60 },
    );
    expect(met).toBeGreaterThan(0);
  });

  it('meets everything that it is tested with', () => {
    const states = new Set<string>();
    const views = new Set<string>();
    const reasons = new Set<string>();
    const gaps = new Set<string>();
    let late = 0;
    let repeated = 0;
    let missed = 0;
    let outdated = 0;
    let broughtAgain = 0;
    let jumps = 0;
    for (const { records } of fc.sample(scripts, { numRuns: 400, seed: 1 })) {
      const { outputs, counters, feed } = startFold(setup);
      feed(records);
      const { rows } = takeApart(setup, outputs);
      for (const row of rows.alerts!) states.add(`${row.rule} ${row.state}`);
      for (const row of rows.facts!) views.add(String(row.rule));
      for (const row of rows.devices!) reasons.add(String(row.reason));
      for (const row of rows.gaps!) gaps.add(String(row.broker));
      late += rows.sensors!.filter((row) => row.late).length;
      repeated += counters.readings_repeated;
      missed += counters.readings_missed;
      outdated += counters.readings_outdated;
      broughtAgain += counters.retained_repeated;
      jumps += counters.device_clock_jumps;
    }
    for (const { name, ...rule } of setup.plan.rules) {
      if ('view' in rule && rule.view !== undefined) {
        expect(views).toContain(name);
        continue;
      }
      expect(states).toContain(`${name} firing`);
      expect(states).toContain(`${name} resolved`);
    }
    expect([...reasons].sort()).toEqual(['first-reading', 'last-will', 'reading', 'silence', 'status']);
    expect(gaps.size).toBe(2);
    for (const count of [late, repeated, missed, outdated, broughtAgain, jumps]) expect(count).toBeGreaterThan(0);
  });
});
