import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aggregates } from '../../engine/aggregates/registry.ts';
import type { WindowPlan } from '../../engine/model/plan.ts';
import type { FieldValue, Reading } from '../../engine/model/reading.ts';
import {
  addToPanes,
  closeNext,
  createWindowState,
  nextEnd,
  passTo,
  type WindowState,
} from '../../engine/windows/panes.ts';

function planOf(shape: Pick<WindowPlan, 'paneMs' | 'panes' | 'latenessMs'>): WindowPlan {
  const { count, sum, first, last, max } = aggregates;
  const over = (aggregate: WindowPlan['aggregates'][number]['aggregate']) => ({ aggregate, field: 0 });
  return { ...shape, aggregates: [{ aggregate: count, field: -1 }, over(sum), over(first), over(last), over(max)] };
}

function readingOf(time: number, value: number | undefined): Reading {
  const labels: string[] = [];
  const at = { receivedAt: 0, connection: 0, offset: 0, idHigh: 0, idLow: 0, liveMs: 0 };
  const flags = { extra: undefined, clamped: false, late: false };
  return { kind: 'reading', stream: 0, device: 'd', labels, time, values: [value], ...at, ...flags };
}

interface Closed {
  readonly start: number;
  readonly end: number;
  readonly facts: readonly (FieldValue | undefined)[];
}

interface Arrival {
  readonly time: number;
  readonly value: number | undefined;
}

function closeUpTo(state: WindowState, plan: WindowPlan, watermark: number): Closed[] {
  const closed: Closed[] = [];
  while (nextEnd(state, plan) + plan.latenessMs <= watermark) closed.push(closeNext(state, plan));
  passTo(state, plan, watermark - plan.latenessMs);
  return closed;
}

/** What happens at each arrival: the windows that it closes, and whether it is late itself. The watermark is the greatest stamp. */
type Course = { readonly closed: readonly Closed[]; readonly late: boolean }[];

function run(plan: WindowPlan, arrivals: readonly Arrival[], through: (state: WindowState) => WindowState): Course {
  let state = createWindowState();
  let watermark = 0;
  const course: Course = arrivals.map(({ time, value }) => {
    watermark = Math.max(watermark, time);
    const closed = closeUpTo(state, plan, watermark);
    const late = !addToPanes(state, plan, readingOf(time, value));
    state = through(state);
    return { closed, late };
  });
  return [...course, { closed: closeUpTo(state, plan, 1e6), late: false }];
}

/** The same by keeping every reading, and looking at every window that there could be. */
function runNaively({ paneMs, panes, latenessMs }: WindowPlan, arrivals: readonly Arrival[]): Course {
  const sizeMs = paneMs * panes;
  const kept: (Arrival & { readonly watermark: number })[] = [];
  const closedEnds = new Set<number>();
  const closeAll = (watermark: number): Closed[] => {
    const closed: Closed[] = [];
    for (let end = paneMs; end + latenessMs <= watermark && end <= 1_000 + sizeMs; end += paneMs) {
      const start = end - sizeMs;
      if (closedEnds.has(end)) continue;
      closedEnds.add(end);
      // In it are those that it contains and that came before it closed.
      const inside = kept.filter(
        ({ time, ...came }) => time >= start && time < end && end + latenessMs > came.watermark,
      );
      if (inside.length > 0) closed.push({ start, end, facts: factsOf(inside) });
    }
    return closed;
  };
  let watermark = 0;
  const course: Course = arrivals.map((arrival) => {
    watermark = Math.max(watermark, arrival.time);
    const closed = closeAll(watermark);
    kept.push({ ...arrival, watermark });
    const lastEnd = Math.floor(arrival.time / paneMs) * paneMs + sizeMs;
    return { closed, late: lastEnd + latenessMs <= watermark };
  });
  return [...course, { closed: closeAll(1e6), late: false }];
}

function factsOf(inside: readonly Arrival[]): (FieldValue | undefined)[] {
  const having = inside.filter((each): each is { time: number; value: number } => each.value !== undefined);
  if (having.length === 0) return [inside.length, undefined, undefined, undefined, undefined];
  const sorted = [...having].sort((a, b) => a.time - b.time);
  const values = having.map(({ value }) => value);
  const sum = values.reduce((total, value) => total + value, 0);
  return [inside.length, sum, sorted[0]!.value, sorted.at(-1)!.value, Math.max(...values)];
}

const shape = fc.record({
  paneMs: fc.integer({ min: 1, max: 30 }),
  panes: fc.constantFrom(1, 1, 2, 3, 5, 12),
  latenessMs: fc.constantFrom(0, 0, 1, 7, 40),
});
/** Nearly in order, with outliers far behind and jumps far ahead. */
const arrivals = fc
  .array(
    fc.record({
      step: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: -6, max: 12 }) },
        { weight: 1, arbitrary: fc.integer({ min: -200, max: 150 }) },
      ),
      value: fc.option(fc.integer({ min: -50, max: 50 }), { nil: undefined, freq: 6 }),
    }),
    { maxLength: 50, size: 'max' },
  )
  .map((steps) => {
    let time = 20;
    return steps.map(({ step, value }): Arrival => {
      time = Math.min(1_000, Math.max(0, time + step));
      return { time, value };
    });
  });

describe('windows made of panes', () => {
  it('hold exactly the readings that a model holds which keeps them all, and close when its do', () => {
    fc.assert(
      fc.property(shape, arrivals, (shape, arrivals) => {
        const plan = planOf(shape);
        expect(run(plan, arrivals, (state) => state)).toEqual(runNaively(plan, arrivals));
      }),
      { numRuns: 1_000 },
    );
  });

  it('do the same when their state goes through a snapshot after every reading', () => {
    fc.assert(
      fc.property(shape, arrivals, (shape, arrivals) => {
        const plan = planOf(shape);
        const through = (state: WindowState) => JSON.parse(JSON.stringify(state)) as WindowState;
        expect(run(plan, arrivals, through)).toEqual(run(plan, arrivals, (state) => state));
      }),
      { numRuns: 200 },
    );
  });

  it('keep no pane that no open window needs', () => {
    fc.assert(
      fc.property(shape, arrivals, (shape, arrivals) => {
        const plan = planOf(shape);
        const state = createWindowState();
        let watermark = 0;
        for (const { time, value } of arrivals) {
          watermark = Math.max(watermark, time);
          closeUpTo(state, plan, watermark);
          addToPanes(state, plan, readingOf(time, value));
          const starts = state.panes.map(({ start }) => start);
          expect(starts).toEqual([...new Set(starts)].sort((a, b) => a - b));
          for (const start of starts) {
            expect(start + plan.paneMs * plan.panes + plan.latenessMs).toBeGreaterThan(watermark);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('a tumbling window of 10 s', () => {
  const plan = planOf({ paneMs: 10_000, panes: 1, latenessMs: 0 });

  it.each([
    [0, 0, 10_000],
    [9_999.999, 0, 10_000],
    [10_000, 10_000, 20_000],
    [1_769_860_812_345, 1_769_860_810_000, 1_769_860_820_000],
  ])('that holds %d is [%d, %d)', (time, start, end) => {
    const state = createWindowState();
    expect(addToPanes(state, plan, readingOf(time, 1))).toBe(true);
    expect(nextEnd(state, plan)).toBe(end);
    expect(closeNext(state, plan)).toEqual({ start, end, facts: [1, 1, 1, 1, 1] });
    expect(nextEnd(state, plan)).toBe(Number.POSITIVE_INFINITY);
    expect(state).toEqual({ panes: [], closedUpTo: end });
  });

  it('is late for a reading only once it has closed, also where it was empty', () => {
    const state = createWindowState();
    addToPanes(state, plan, readingOf(31_000, 1));
    expect(addToPanes(state, plan, readingOf(5_000, 1))).toBe(true);
    passTo(state, plan, 19_999);
    expect(addToPanes(state, plan, readingOf(9_999, 1))).toBe(false);
    expect(addToPanes(state, plan, readingOf(10_000, 1))).toBe(true);
    passTo(state, plan, 20_000);
    expect(addToPanes(state, plan, readingOf(19_999, 1))).toBe(false);
    passTo(state, plan, 5_000);
    expect(state.closedUpTo).toBe(20_000);
  });
});

describe('a hopping window of 30 s every 10 s', () => {
  it('shows a reading in three windows, and one that came between them in those that were still open', () => {
    const plan = planOf({ paneMs: 10_000, panes: 3, latenessMs: 0 });
    const state = createWindowState();
    addToPanes(state, plan, readingOf(12_000, 5));
    expect(closeNext(state, plan)).toMatchObject({ start: -10_000, end: 20_000, facts: [1, 5, 5, 5, 5] });
    expect(addToPanes(state, plan, readingOf(13_000, 7))).toBe(true);
    expect(closeNext(state, plan)).toMatchObject({ start: 0, end: 30_000, facts: [2, 12, 5, 7, 7] });
    expect(closeNext(state, plan)).toMatchObject({ start: 10_000, end: 40_000, facts: [2, 12, 5, 7, 7] });
    expect(addToPanes(state, plan, readingOf(14_000, 7))).toBe(false);
    expect(nextEnd(state, plan)).toBe(Number.POSITIVE_INFINITY);
  });
});
