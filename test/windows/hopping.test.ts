import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HoppingPlan, TumblingPlan } from '../../engine/model/plan/window-plan.ts';
import { hopping } from '../../engine/windows/hopping-window.ts';
import { tumbling } from '../../engine/windows/tumbling-window.ts';
import type { ClosedWindow, WindowOutcome } from '../../engine/windows/window-kind.ts';
import {
  AGGREGATES,
  type Arrival,
  arrivals,
  type Course,
  END_AT,
  factsOf,
  latenesses,
  readingOf,
  run,
  throughJson,
} from './course.ts';

interface Shape {
  readonly everyMs: number;
  readonly hops: number;
  readonly latenessMs: number;
}

/** A window of one hop is a tumbling window. */
function planOf({ everyMs, hops, latenessMs }: Shape): HoppingPlan | TumblingPlan {
  const common = { latenessMs, aggregates: AGGREGATES, sizeMs: everyMs * hops };
  return hops === 1 ? { kind: 'tumbling', ...common } : { kind: 'hopping', everyMs, ...common };
}

/** The model keeps every reading, and checks every possible window. */
function runNaively({ everyMs, hops, latenessMs }: Shape, arrivals: readonly Arrival[]): Course {
  const sizeMs = everyMs * hops;
  const kept: (Arrival & { readonly watermark: number })[] = [];
  const closedEnds = new Set<number>();
  const closeAll = (watermark: number): ClosedWindow[] => {
    const closed: ClosedWindow[] = [];
    for (let end = everyMs; end + latenessMs <= watermark && end <= 1_600 + sizeMs; end += everyMs) {
      const start = end - sizeMs;
      if (closedEnds.has(end)) continue;
      closedEnds.add(end);
      // The readings inside the window that arrived before it closed.
      const inside = kept.filter(
        ({ time, ...came }) => time >= start && time < end && end + latenessMs > came.watermark,
      );
      if (inside.length > 0) closed.push({ start, end, inclusive: false, facts: factsOf(inside) });
    }
    return closed;
  };
  let watermark = 0;
  const course = arrivals.map((arrival) => {
    watermark = Math.max(watermark, arrival.time);
    const closed = closeAll(watermark);
    kept.push({ ...arrival, watermark });
    const lastEnd = Math.floor(arrival.time / everyMs) * everyMs + sizeMs;
    return { closed, late: lastEnd + latenessMs <= watermark };
  });
  return [...course, { closed: closeAll(END_AT), late: false }];
}

const shape = fc.record({
  everyMs: fc.integer({ min: 1, max: 30 }),
  hops: fc.constantFrom(1, 1, 2, 3, 5, 12, 40),
  latenessMs: latenesses,
});

describe('tumbling and hopping windows', () => {
  it('have exactly the readings of a model that keeps all readings, and close at the same time', () => {
    fc.assert(
      fc.property(shape, arrivals, (shape, arrivals) => {
        expect(run(planOf(shape), arrivals)).toEqual(runNaively(shape, arrivals));
      }),
      { numRuns: 1_000 },
    );
  });

  it('give the same results if their state is restored from a snapshot after every reading', () => {
    fc.assert(
      fc.property(shape, arrivals, (shape, arrivals) => {
        expect(run(planOf(shape), arrivals, throughJson)).toEqual(run(planOf(shape), arrivals));
      }),
      { numRuns: 200 },
    );
  });

  it('keep no pane that no open window needs', () => {
    fc.assert(
      fc.property(shape, arrivals, (shape, arrivals) => {
        let watermark = 0;
        let arrival = 0;
        run(planOf(shape), arrivals, (state) => {
          watermark = Math.max(watermark, arrivals[arrival++]!.time);
          const { panes = [], ahead = [], entered = { front: [], back: [] } } = state as Partial<typeof none>;
          const orders = [
            ...entered.front.map(({ order }) => order).reverse(),
            ...entered.back.map(({ order }) => order),
          ];
          orders.push(...[...panes, ...ahead].map(({ order }) => order));
          expect(orders).toEqual([...new Set(orders)].sort((a, b) => a - b));
          for (const start of orders) {
            expect(start + shape.everyMs * shape.hops + shape.latenessMs).toBeGreaterThan(watermark);
          }
          return state;
        });
      }),
      { numRuns: 200 },
    );
  });
});
const none = { ...tumbling.create(), ...hopping.create() };

function closeAll<P extends HoppingPlan | TumblingPlan>(plan: P, state: object, eventAt: number): ClosedWindow[] {
  const out: WindowOutcome = { closed: [], takenEarly: 0 };
  if (plan.kind === 'tumbling') tumbling.close(state as typeof none, plan, eventAt, out);
  else hopping.close(state as typeof none, plan, eventAt, out);
  return out.closed;
}
const OUT: WindowOutcome = { closed: [], takenEarly: 0 };

describe('a tumbling window of 10 s', () => {
  const plan: TumblingPlan = { kind: 'tumbling', sizeMs: 10_000, latenessMs: 0, aggregates: AGGREGATES };
  const add = (state: ReturnType<typeof tumbling.create>, time: number) =>
    tumbling.add(state, plan, readingOf({ time, value: 1 }), OUT);

  it.each([
    [0, 0, 10_000],
    [9_999.999, 0, 10_000],
    [10_000, 10_000, 20_000],
    [1_769_860_812_345, 1_769_860_810_000, 1_769_860_820_000],
  ])('that holds %d is [%d, %d)', (time, start, end) => {
    const state = tumbling.create();
    expect(add(state, time)).toBe(true);
    expect(tumbling.dueAt(state, plan)).toBe(end);
    expect(closeAll(plan, state, end - 0.001)).toEqual([]);
    expect(closeAll(plan, state, end)).toEqual([{ start, end, inclusive: false, facts: [1, 1, 1, 1, 1] }]);
    expect(tumbling.dueAt(state, plan)).toBe(Number.POSITIVE_INFINITY);
    expect(state).toEqual({ panes: [], closedUpTo: end });
  });

  it('makes a reading late only after it has closed, even if it was empty', () => {
    const state = tumbling.create();
    add(state, 31_000);
    expect(add(state, 5_000)).toBe(true);
    tumbling.pass(state, plan, 19_999);
    expect(add(state, 9_999)).toBe(false);
    expect(add(state, 10_000)).toBe(true);
    tumbling.pass(state, plan, 20_000);
    expect(add(state, 19_999)).toBe(false);
    tumbling.pass(state, plan, 5_000);
    expect(state.closedUpTo).toBe(20_000);
  });
});

describe('a hopping window of 30 s every 10 s', () => {
  it('has a reading in three windows, and a late one in the windows that were still open', () => {
    const plan: HoppingPlan = {
      kind: 'hopping',
      sizeMs: 30_000,
      everyMs: 10_000,
      latenessMs: 0,
      aggregates: AGGREGATES,
    };
    const state = hopping.create();
    const add = (time: number, value: number) => hopping.add(state, plan, readingOf({ time, value }), OUT);
    add(12_000, 5);
    expect(closeAll(plan, state, 20_000)).toMatchObject([{ start: -10_000, end: 20_000, facts: [1, 5, 5, 5, 5] }]);
    expect(add(13_000, 7)).toBe(true);
    expect(closeAll(plan, state, 39_999)).toMatchObject([{ start: 0, end: 30_000, facts: [2, 12, 5, 7, 7] }]);
    expect(closeAll(plan, state, 90_000)).toMatchObject([{ start: 10_000, end: 40_000, facts: [2, 12, 5, 7, 7] }]);
    expect(add(14_000, 7)).toBe(false);
    expect(hopping.dueAt(state, plan)).toBe(Number.POSITIVE_INFINITY);
  });
});
