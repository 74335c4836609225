import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type {
  CountPlan,
  SessionPlan,
  SlidingPlan,
  StatePlan,
  WindowPlan,
} from '../../engine/model/plan/window-plan.ts';
import { type InOrder, MAX_WAITING } from '../../engine/windows/in-order.ts';
import { windows } from '../../engine/windows/registry.ts';
import type { TwoStacks } from '../../engine/windows/two-stacks.ts';
import type { ClosedWindow, WindowOutcome } from '../../engine/windows/window-kind.ts';
import {
  AGGREGATES,
  type Arrival,
  arrivals,
  type Course,
  factsOf,
  latenesses,
  type Model,
  readingOf,
  run,
  runNaively,
  sortByTime,
} from './course.ts';
import { keepsLaws } from './laws.ts';

const common = { latenessMs: 0, aggregates: AGGREGATES };
const isBehind = (_accepted: readonly Arrival[], { time }: Arrival, eventAt: number) => time < eventAt;
const upTo = (accepted: readonly Arrival[], eventAt: number) => accepted.filter(({ time }) => time <= eventAt);

/** No two different times of these tests share a pane: a window of 3.6 s has panes of 1 ms. */
const slidingPlans = fc
  .record({ sizeMs: fc.constantFrom(1, 5, 30, 200, 3_600), latenessMs: latenesses })
  .map((shape): SlidingPlan => ({ ...common, kind: 'sliding', ...shape }));
const slidingModel =
  ({ sizeMs }: SlidingPlan): Model =>
  (accepted, eventAt) =>
    upTo(accepted, eventAt).map(({ time }, i, taken): ClosedWindow => {
      const inside = taken.slice(0, i + 1).filter((each) => each.time > time - sizeMs);
      return { start: inside[0]!.time, end: time, inclusive: true, facts: factsOf(inside) };
    });

const countPlans = fc
  .record({ size: fc.integer({ min: 1, max: 12 }), hop: fc.integer({ min: 1, max: 12 }), latenessMs: latenesses })
  .map(({ size, hop, latenessMs }): CountPlan => {
    const every = Math.min(size, hop);
    let paneSize = every;
    while (size % paneSize !== 0 || every % paneSize !== 0) paneSize -= 1;
    return { ...common, kind: 'count', size, every, paneSize, byArrival: false, latenessMs };
  });
const countModel =
  ({ size, every }: CountPlan): Model =>
  (accepted, eventAt) => {
    const taken = upTo(accepted, eventAt);
    const closed: ClosedWindow[] = [];
    for (let end = size; end <= taken.length; end += every) {
      const inside = taken.slice(end - size, end);
      closed.push({ start: inside[0]!.time, end: inside.at(-1)!.time, inclusive: true, facts: factsOf(inside) });
    }
    return closed;
  };

const statePlans = fc
  .record({
    from: fc.integer({ min: -10, max: 40 }),
    until: fc.integer({ min: -40, max: 10 }),
    maxMs: fc.constantFrom(1, 30, 200, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY),
    latenessMs: latenesses,
  })
  .map(
    ({ from, until, ...shape }): StatePlan => ({
      ...common,
      kind: 'state',
      from: ({ values: [value] }) => value !== undefined && (value as number) > from,
      until: ({ values: [value] }) => value !== undefined && (value as number) < until,
      byArrival: false,
      ...shape,
    }),
  );
const stateModel =
  ({ from, until, maxMs }: StatePlan): Model =>
  (accepted, eventAt) => {
    const closed: ClosedWindow[] = [];
    const taken = upTo(accepted, eventAt);
    for (let i = 0; i < taken.length; ) {
      const start = taken[i]!.time;
      if (!from(readingOf(taken[i]!))) {
        i += 1;
        continue;
      }
      const own = taken.slice(i).filter(({ time }) => time < start + maxMs);
      const last = own.findIndex((each, at) => at > 0 && until(readingOf(each)));
      const inside = last < 0 ? own : own.slice(0, last + 1);
      if (last >= 0) closed.push({ start, end: own[last]!.time, inclusive: true, facts: factsOf(inside) });
      else if (start + maxMs <= eventAt)
        closed.push({ start, end: start + maxMs, inclusive: false, facts: factsOf(inside) });
      i += inside.length;
    }
    return closed;
  };

const sessionPlans = fc
  .record({
    gapMs: fc.integer({ min: 1, max: 40 }),
    more: fc.constantFrom(0, 10, 60, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY),
    latenessMs: latenesses,
  })
  .map(
    ({ gapMs, more, latenessMs }): SessionPlan => ({
      ...common,
      kind: 'session',
      gapMs,
      maxMs: gapMs + more,
      latenessMs,
    }),
  );

interface FoundSession {
  readonly inside: Arrival[];
  readonly end: number;
}
/** The sessions of readings sorted by time. */
function sessionsOf({ gapMs, maxMs }: SessionPlan, sorted: readonly Arrival[]): FoundSession[] {
  const found: { inside: Arrival[]; end: number }[] = [];
  for (const arrival of sorted) {
    const open = found.at(-1);
    if (open !== undefined && arrival.time < open.end) {
      open.inside.push(arrival);
      open.end = Math.min(arrival.time + gapMs, open.inside[0]!.time + maxMs);
    } else found.push({ inside: [arrival], end: Math.min(arrival.time + gapMs, arrival.time + maxMs) });
  }
  return found;
}
const sessionModel =
  (plan: SessionPlan): Model =>
  (accepted, eventAt) =>
    sessionsOf(plan, accepted)
      .filter(({ end }) => end <= eventAt)
      .map(({ inside, end }) => ({ start: inside[0]!.time, end, inclusive: false, facts: factsOf(inside) }));
/** A reading is late if it would change a closed session, or be in a session that would have closed by now. */
const isSessionLate = (plan: SessionPlan) => (accepted: readonly Arrival[], arrival: Arrival, eventAt: number) => {
  const closedUpTo = sessionsOf(plan, accepted).reduce(
    (most, { end }) => (end <= eventAt ? Math.max(most, end) : most),
    -1,
  );
  if (arrival.time < closedUpTo) return true;
  const open = accepted.filter(({ time }) => time >= closedUpTo);
  const own = sessionsOf(plan, sortByTime([...open, arrival])).find(({ inside }) => inside.includes(arrival))!;
  return own.end <= eventAt;
};

const course = (plan: WindowPlan, arrivals: readonly Arrival[]): Course => {
  const naive = (model: Model, late = isBehind) => runNaively(plan.latenessMs, arrivals, model, late);
  switch (plan.kind) {
    case 'sliding':
      return naive(slidingModel(plan));
    case 'count':
      return naive(countModel(plan));
    case 'state':
      return naive(stateModel(plan));
    case 'session':
      return naive(sessionModel(plan), isSessionLate(plan));
    default:
      throw new Error(`no model of ${plan.kind}`);
  }
};

describe.each<[string, fc.Arbitrary<WindowPlan>]>([
  ['sliding', slidingPlans],
  ['count', countPlans],
  ['state', statePlans],
  ['session', sessionPlans],
])('%s windows', (_kind, plans) => {
  it('have exactly the readings of a model that keeps all readings, and close at the same time', () => {
    fc.assert(
      fc.property(plans, arrivals, (plan, arrivals) => {
        expect(run(plan, arrivals)).toEqual(course(plan, arrivals));
      }),
      { numRuns: 1_000 },
    );
  });

  keepsLaws(plans, arrivals);
});

describe('a sliding window', () => {
  const plan: SlidingPlan = { ...common, kind: 'sliding', sizeMs: 36_000 };
  const panesIn = (state: object) => {
    const { front, back } = (state as InOrder<TwoStacks>).window;
    return front.length + back.length;
  };

  it('keeps at most the allowed panes at any rate, and includes at most one pane too many', () => {
    // A thousand readings a second; a pane is 10 ms.
    const dense = Array.from({ length: 80_000 }, (_, i): Arrival => ({ time: i, value: i }));
    const kind = windows.sliding;
    const state = kind.create();
    let most = 0;
    for (const arrival of dense) {
      const out: WindowOutcome = { closed: [], takenEarly: 0 };
      kind.pass(state, plan, arrival.time);
      kind.add(state, plan, readingOf(arrival), out);
      most = Math.max(most, panesIn(state));
      if (arrival.time % 97 !== 0) continue;
      const [{ start, facts }] = out.closed as [ClosedWindow];
      const exact = Math.max(0, arrival.time - plan.sizeMs + 1);
      expect(start).toBeLessThanOrEqual(exact);
      expect(start).toBeGreaterThan(exact - 10);
      expect(facts).toEqual([
        arrival.time - start + 1,
        ((arrival.time + start) * (arrival.time - start + 1)) / 2,
        start,
        arrival.time,
        arrival.time,
      ]);
    }
    expect(most).toBeLessThanOrEqual(3_602);
    expect(most).toBeGreaterThan(3_500);
  });
});

describe('readings that wait', () => {
  const plan: CountPlan = {
    ...common,
    kind: 'count',
    size: 1,
    every: 1,
    paneSize: 1,
    byArrival: false,
    latenessMs: 1e9,
  };

  it('are at most ten thousand; if there is one more, the oldest is added early and counted', () => {
    const kind = windows.count;
    const state = kind.create();
    const out: WindowOutcome = { closed: [], takenEarly: 0 };
    for (let i = 0; i < MAX_WAITING; i++)
      kind.add(state, plan, readingOf({ time: 2 * MAX_WAITING - i, value: i }), out);
    expect(out).toEqual({ closed: [], takenEarly: 0 });
    kind.add(state, plan, readingOf({ time: 3 * MAX_WAITING, value: 0 }), out);
    expect(out).toMatchObject({ closed: [{ end: MAX_WAITING + 1 }], takenEarly: 1 });
    expect((state as InOrder<object>).waiting.length).toBe(MAX_WAITING);
    expect(kind.add(state, plan, readingOf({ time: MAX_WAITING, value: 0 }), out)).toBe(false);
  });

  it('keep their order then too: a reading as old as waiting ones is added after them', () => {
    const kind = windows.count;
    const state = kind.create();
    const out: WindowOutcome = { closed: [], takenEarly: 0 };
    for (let i = 0; i <= MAX_WAITING; i++) kind.add(state, plan, readingOf({ time: 5, value: i }), out);
    expect(out.takenEarly).toBe(1);
    kind.add(state, plan, readingOf({ time: 5, value: -1 }), out);
    expect(out.closed.map(({ facts }) => facts[1])).toEqual([0, 1]);
    kind.close(state, plan, 5, out);
    expect(out.closed.map(({ facts }) => facts[1])).toEqual([...Array(MAX_WAITING + 1).keys(), -1]);
  });
});

describe('windows of a group that take readings as they arrive', () => {
  const byArrival = (times: readonly number[], plan: WindowPlan) => {
    const kind = windows[plan.kind];
    const state = kind.create();
    const out: WindowOutcome = { closed: [], takenEarly: 0 };
    for (const time of times) expect(kind.add(state, plan, readingOf({ time, value: time }), out)).toBe(true);
    return out.closed;
  };

  it('have no late reading, and their bounds are the earliest and the latest reading', () => {
    const plan: CountPlan = { ...common, kind: 'count', size: 3, every: 3, paneSize: 3, byArrival: true };
    expect(byArrival([500, 20, 100, 90, 80, 85], plan)).toEqual([
      { start: 20, end: 500, inclusive: true, facts: [3, 620, 20, 500, 500] },
      { start: 80, end: 90, inclusive: true, facts: [3, 255, 80, 90, 90] },
    ]);
  });

  it('are open from the first arrival that meets one condition to the next that meets the other', () => {
    const value =
      (test: (value: number) => boolean): StatePlan['from'] =>
      ({ values: [value] }) =>
        test(value as number);
    const from = value((found) => found > 400);
    const until = value((found) => found < 50);
    const plan: StatePlan = { ...common, kind: 'state', from, until, byArrival: true, maxMs: 1_000 };
    expect(byArrival([20, 500, 450, 20, 10, 600, 1_700, 30], plan)).toEqual([
      { start: 20, end: 500, inclusive: true, facts: [3, 970, 20, 500, 500] },
      { start: 600, end: 1_600, inclusive: false, facts: [1, 600, 600, 600, 600] },
      { start: 30, end: 1_700, inclusive: true, facts: [2, 1_730, 30, 1_700, 1_700] },
    ]);
  });
});
