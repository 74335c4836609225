import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AbsencePlan, SequencePlan, SequenceStepPlan } from '../../engine/model/plan/window-plan.ts';
import type { InOrder } from '../../engine/windows/in-order.ts';
import type { Progress } from '../../engine/windows/sequence.ts';
import { sequence } from '../../engine/windows/sequence.ts';
import type { ClosedWindow, WindowOutcome } from '../../engine/windows/window-kind.ts';
import { type Arrival, allClosed, type Course, END_AT, readingOf, run, type Step, sortByTime } from './course.ts';
import { keepsLaws } from './laws.ts';

const FOREVER = Number.POSITIVE_INFINITY;

/** Conditions: a reading meets the condition of each bit in its value. */
const meets =
  (bits: number): SequencePlan['conditions'][number] =>
  ({ values: [value] }) =>
    value !== undefined && (Math.abs(value as number) & bits) !== 0;

function planOf(parts: Partial<SequencePlan> & Pick<SequencePlan, 'conditions' | 'steps'>): SequencePlan {
  return { kind: 'sequence', latenessMs: 0, aggregates: [], closing: [], clearingMs: 0, ...parts };
}

const within = fc.constantFrom(1, 5, 12, 40, 150, FOREVER, FOREVER);
const plans: fc.Arbitrary<SequencePlan> = fc
  .record({
    steps: fc.array(fc.record({ bits: fc.integer({ min: 1, max: 7 }), withinMs: within, guards: fc.nat(2) }), {
      minLength: 1,
      maxLength: 4,
    }),
    absent: fc.array(fc.integer({ min: 1, max: 31 }), { minLength: 8, maxLength: 8 }),
    closing: fc.array(fc.record({ since: fc.nat(3), withinMs: fc.constantFrom(1, 5, 12, 40, 150) }), { maxLength: 2 }),
    clearingMs: fc.constantFrom(0, 0, 3, 20, FOREVER),
    latenessMs: fc.constantFrom(0, 0, 0, 1, 7, 40),
  })
  .filter(({ steps, closing }) => steps.length > 1 || closing.length > 0)
  .map(({ steps, absent, closing, ...more }) => {
    const conditions: SequencePlan['conditions'][number][] = [];
    const flagOf = (bits: number) => 1 << (conditions.push(meets(bits)) - 1);
    const guard = () => flagOf(absent[conditions.length % absent.length]! & 24);
    const last = steps.length - 1;
    const planned = steps.map(({ bits, withinMs, guards }, i): SequenceStepPlan => {
      let breaks = 0;
      const flag = flagOf(bits);
      for (let n = 0; i < last && n < guards; n++) breaks |= guard();
      return { flag, withinMs: i === 0 ? FOREVER : withinMs, breaks };
    });
    const absences = closing.map(
      ({ since, withinMs }): AbsencePlan => ({
        flag: flagOf(absent[conditions.length % absent.length]!),
        since: Math.min(since, last),
        withinMs,
      }),
    );
    return planOf({ conditions, steps: planned, closing: absences, ...more });
  });

const arrivals: fc.Arbitrary<Arrival[]> = fc
  .array(
    fc.record({
      step: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 0, max: 9 }) },
        { weight: 1, arbitrary: fc.integer({ min: -20, max: 0 }) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 200 }) },
      ),
      value: fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom(0, 1, 2, 4) },
        { weight: 2, arbitrary: fc.nat(31) },
        { weight: 1, arbitrary: fc.constantFrom(8, 16, undefined) },
      ),
    }),
    { maxLength: 30, size: 'max' },
  )
  .map((steps) => {
    let time = 20;
    return steps.map(({ step, value }): Arrival => {
      time = Math.max(0, time + step);
      return { time, value };
    });
  });

function flagsOf({ conditions }: SequencePlan, arrival: Arrival): number {
  return conditions.reduce((flags, test, i) => flags | (test(readingOf(arrival)) ? 1 << i : 0), 0);
}

/** Every match of all steps that ends with the reading at an index, as indexes, found by trying all subsequences. */
function waysTo(plan: SequencePlan, taken: readonly Arrival[], flags: readonly number[], end: number): number[][] {
  const { steps } = plan;
  const ways: number[][] = [];
  const extend = (way: readonly number[]): void => {
    const at = way.length;
    if (at === steps.length) {
      if (way.at(-1) === end) ways.push([...way]);
      return;
    }
    for (let i = (way.at(-1) ?? -1) + 1; i <= end; i++) {
      const { flag, withinMs } = steps[at]!;
      if ((flags[i]! & flag) === 0) continue;
      if (at > 0) {
        const before = way.at(-1)!;
        if (taken[i]!.time >= taken[before]!.time + withinMs) continue;
        if (flags.slice(before + 1, i).some((each) => (each & steps[at - 1]!.breaks) !== 0)) continue;
      }
      extend([...way, i]);
    }
  };
  extend([]);
  return ways;
}

/** The match that is the latest in every step. It always exists, so a single partial match is enough to remember. */
function latestOf(ways: readonly number[][]): number[] | undefined {
  const found = ways.find((way) => ways.every((other) => other.every((index, i) => index <= way[i]!)));
  if (found === undefined && ways.length > 0) throw new Error('no way is the latest');
  return found;
}

interface Match {
  readonly way: readonly number[];
  readonly end: number;
  /** Index of the reading before which it is reported: for an absence, the first reading at or after the end. */
  readonly before: number;
}

function matchesOf(plan: SequencePlan, taken: readonly Arrival[], eventAt: number): Match[] {
  const { closing } = plan;
  const flags = taken.map((arrival) => flagsOf(plan, arrival));
  const found: Match[] = [];
  /** While an absence is waited for, no other begins before this reading. */
  let busy = 0;
  taken.forEach(({ time }, r) => {
    const way = latestOf(waysTo(plan, taken, flags, r));
    if (way === undefined) return;
    if (closing.length === 0) {
      found.push({ way, end: time, before: r });
      return;
    }
    const ends = closing.map(({ since, withinMs }) => taken[way[since]!]!.time + withinMs);
    if (r < busy || ends.some((end) => time >= end)) return;
    const deadline = Math.max(...ends);
    const breaks = taken.findIndex(
      (each, j) => j > r && closing.some(({ flag }, c) => (flags[j]! & flag) !== 0 && each.time < ends[c]!),
    );
    const behind = taken.findIndex((each, j) => j > r && each.time >= deadline);
    if (breaks >= 0 && (behind < 0 || breaks < behind)) busy = breaks;
    else {
      busy = behind < 0 ? taken.length : behind;
      if (deadline <= eventAt) found.push({ way, end: deadline, before: busy });
    }
  });
  return found;
}

/** Everything that is reported when event time has reached `eventAt`, computed from all readings at once. */
function toldBy(plan: SequencePlan, accepted: readonly Arrival[], eventAt: number): ClosedWindow[] {
  const taken = accepted.filter(({ time }) => time <= eventAt);
  const matches = matchesOf(plan, taken, eventAt);
  const reported: ClosedWindow[] = [];
  let tookMs: number | undefined;
  /** Readings after the last match that completed nothing. */
  let idle: number[] = [];
  for (let r = 0; r <= taken.length; r++) {
    const ended = matches.filter(({ before }) => before === r);
    for (const { way, end } of ended) {
      const metAt = way.map((index) => taken[index]!.time);
      tookMs = end - metAt[0]!;
      idle = [];
      const inclusive = plan.closing.length === 0;
      reported.push({ start: metAt[0]!, end, inclusive, facts: [], match: { metAt, tookMs } });
    }
    if (r === taken.length || (ended.length > 0 && plan.closing.length === 0) || tookMs === undefined) continue;
    const { time } = taken[r]!;
    const isOver = idle.some((each) => each - idle[0]! >= plan.clearingMs);
    idle.push(time);
    if (!isOver) reported.push({ start: time, end: time, inclusive: true, facts: [], match: { metAt: [], tookMs } });
  }
  return reported;
}

/** The course by the model: at each arrival, what it reports in addition to before. */
function courseOf(plan: SequencePlan, arrivals: readonly Arrival[]): Course {
  let accepted: Arrival[] = [];
  let reported = 0;
  let watermark = 0;
  const tellAt = (eventAt: number): ClosedWindow[] => {
    const all = toldBy(plan, accepted, eventAt);
    const more = all.slice(reported);
    reported = all.length;
    return more;
  };
  const course = arrivals.map((arrival): Step => {
    watermark = Math.max(watermark, arrival.time);
    const eventAt = watermark - plan.latenessMs;
    const before = tellAt(eventAt);
    const isBehind = arrival.time < eventAt;
    if (!isBehind) accepted = sortByTime([...accepted, arrival]);
    return { closed: [...before, ...tellAt(eventAt)], late: isBehind && flagsOf(plan, arrival) !== 0 };
  });
  return [...course, { closed: tellAt(END_AT), late: false }];
}

describe('a sequence', () => {
  it('reports exactly the same as a model that tries all subsequences of all readings', () => {
    let matches = 0;
    fc.assert(
      fc.property(plans, arrivals, (plan, arrivals) => {
        const course = run(plan, arrivals);
        expect(course).toEqual(courseOf(plan, arrivals));
        matches += allClosed(course).filter(({ match }) => match!.metAt.length > 0).length;
      }),
      { numRuns: 2_000 },
    );
    expect(matches).toBeGreaterThan(1_000);
  });

  keepsLaws(plans, arrivals);

  it('keeps only a few numbers, however many readings arrive', () => {
    const plan = planOf({
      conditions: [meets(1), meets(2), meets(4)],
      steps: [
        { flag: 1, withinMs: FOREVER, breaks: 0 },
        { flag: 2, withinMs: 50, breaks: 0 },
      ],
      closing: [{ flag: 4, since: 1, withinMs: 1e9 }],
      clearingMs: FOREVER,
    });
    const state = sequence.create();
    const out: WindowOutcome = { closed: [], takenEarly: 0 };
    for (let time = 1; time <= 10_000; time++) {
      sequence.close(state, plan, time, out);
      sequence.pass(state, plan, time);
      sequence.add(state, plan, readingOf({ time, value: 3 }), out);
    }
    expect(out.closed).toEqual([]);
    expect(JSON.stringify(state).length).toBeLessThan(200);
    // The latest partial match of the second step, and the earliest match of both.
    const { ways, pending } = (state as InOrder<Progress>).window;
    expect({ ways, pending }).toEqual({ ways: [[10_000]], pending: [1, 2] });
  });
});
