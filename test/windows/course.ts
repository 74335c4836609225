import fc from 'fast-check';
import { count } from '../../engine/aggregates/count.ts';
import { first } from '../../engine/aggregates/first.ts';
import { last } from '../../engine/aggregates/last.ts';
import { max } from '../../engine/aggregates/max.ts';
import { sum } from '../../engine/aggregates/sum.ts';
import type { WindowAggregate, WindowPlan } from '../../engine/model/plan/window-plan.ts';
import type { Reading } from '../../engine/model/reading.ts';
import { windows } from '../../engine/windows/registry.ts';
import type { ClosedWindow, WindowOutcome, WindowState } from '../../engine/windows/window-kind.ts';

/** One aggregate of each kind: without a field, a sum, by time, and one that cannot be subtracted. */
export const AGGREGATES: readonly WindowAggregate[] = [
  { aggregate: count, field: -1 },
  ...[sum, first, last, max].map((aggregate) => ({ aggregate, field: 0 })),
];

export interface Arrival {
  readonly time: number;
  readonly value: number | undefined;
}

export function readingOf({ time, value }: Arrival): Reading {
  const at = { receivedAt: 0, connection: 0, offset: 0, idHigh: 0, idLow: 0, liveMs: 0 };
  const flags = { attributes: undefined, extra: undefined, clamped: false, late: false };
  return { kind: 'reading', stream: 0, device: 'd', labels: [], time, values: [value], ...at, ...flags };
}

/** What happens at an arrival: the windows that close, and whether the reading is late. The watermark is the latest stamp. */
export interface Step {
  readonly closed: readonly ClosedWindow[];
  readonly late: boolean;
}
export type Course = readonly Step[];

/** The end of time: long after every window of a test. */
export const END_AT = 1e6;

/** Runs arrivals of one device through a window kind, and closes its windows. `through` is applied to the state between two arrivals. */
export function run(
  plan: WindowPlan,
  arrivals: readonly Arrival[],
  through: (state: WindowState) => WindowState = (state) => state,
): Course {
  const kind = windows[plan.kind];
  let state = kind.create();
  let watermark = 0;
  const course = arrivals.map((arrival): Step => {
    watermark = Math.max(watermark, arrival.time);
    const out: WindowOutcome = { closed: [], takenEarly: 0 };
    const eventAt = watermark - plan.latenessMs;
    kind.close(state, plan, eventAt, out);
    kind.pass(state, plan, eventAt);
    const late = !kind.add(state, plan, readingOf(arrival), out);
    if (kind.dueAt(state, plan) <= eventAt) throw new Error('something is due that was not closed');
    state = through(state);
    return { closed: out.closed, late };
  });
  const out: WindowOutcome = { closed: [], takenEarly: 0 };
  kind.close(state, plan, END_AT, out);
  return [...course, { closed: out.closed, late: false }];
}

/** The state after it was restored from a snapshot. */
export const throughJson = (state: WindowState): WindowState => JSON.parse(JSON.stringify(state)) as WindowState;

/** Results of the aggregates over readings in the order of arrival. */
export function factsOf(inside: readonly Arrival[]): ClosedWindow['facts'] {
  const having = inside.filter((each): each is { time: number; value: number } => each.value !== undefined);
  if (having.length === 0) return [inside.length, undefined, undefined, undefined, undefined];
  const sorted = [...having].sort((a, b) => a.time - b.time);
  const values = having.map(({ value }) => value);
  const total = values.reduce((all, value) => all + value, 0);
  return [inside.length, total, sorted[0]!.value, sorted.at(-1)!.value, Math.max(...values)];
}

/** The model of a window: the windows of these readings that are closed at event time `eventAt`, in the order of their ends. */
export type Model = (accepted: readonly Arrival[], eventAt: number) => readonly ClosedWindow[];

/**
 * The course by a model that keeps every reading. At each arrival it computes the windows of all readings that were in time, sorted by time;
 * the windows that are new have just closed. A reading is late if `isLate` says so, given the readings that were in time.
 */
export function runNaively(
  latenessMs: number,
  arrivals: readonly Arrival[],
  model: Model,
  isLate: (accepted: readonly Arrival[], arrival: Arrival, eventAt: number) => boolean,
): Course {
  let accepted: Arrival[] = [];
  let reported = 0;
  let watermark = 0;
  const closedAt = (eventAt: number) => {
    const all = model(accepted, eventAt);
    const closed = all.slice(reported);
    reported = all.length;
    return closed;
  };
  const course = arrivals.map((arrival): Step => {
    watermark = Math.max(watermark, arrival.time);
    const eventAt = watermark - latenessMs;
    const before = closedAt(eventAt);
    const late = isLate(accepted, arrival, eventAt);
    if (!late) accepted = sortByTime([...accepted, arrival]);
    return { closed: [...before, ...closedAt(eventAt)], late };
  });
  return [...course, { closed: closedAt(END_AT), late: false }];
}

/** Sorted by time; of equal times, the reading that arrived first comes first. */
export function sortByTime(arrivals: readonly Arrival[]): Arrival[] {
  return [...arrivals].sort((a, b) => a.time - b.time);
}

/** Lateness in milliseconds, often none. */
export const latenesses = fc.constantFrom(0, 0, 1, 7, 40);

const value = fc.option(fc.integer({ min: -50, max: 50 }), { nil: undefined, freq: 6 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -6, max: 12 }) },
  { weight: 1, arbitrary: fc.integer({ min: -200, max: 150 }) },
);

/** Times nearly in order, with outliers far behind and jumps far ahead. */
export const arrivals: fc.Arbitrary<Arrival[]> = fc
  .array(fc.record({ step, value }), { maxLength: 60, size: 'max' })
  .map((steps) => {
    let time = 20;
    return steps.map(({ step, value }): Arrival => {
      time = Math.min(1_500, Math.max(0, time + step));
      return { time, value };
    });
  });

/** Readings of different times, and the same in another order, in which no reading is later than the lateness. */
export const shuffled: fc.Arbitrary<{ latenessMs: number; inOrder: Arrival[]; outOfOrder: Arrival[] }> = fc
  .record({
    latenessMs: fc.integer({ min: 1, max: 60 }),
    gaps: fc.array(fc.record({ gap: fc.integer({ min: 1, max: 40 }), delay: fc.nat(59), value }), {
      maxLength: 60,
      size: 'max',
    }),
  })
  .map(({ latenessMs, gaps }) => {
    let time = 20;
    const sent = gaps.map(({ gap, delay, value }) => {
      time += gap;
      return { time, value, arrivesAt: time + (delay % latenessMs) };
    });
    const outOfOrder = [...sent].sort((a, b) => a.arrivesAt - b.arrivesAt);
    const bare = ({ time, value }: Arrival): Arrival => ({ time, value });
    return { latenessMs, inOrder: sent.map(bare), outOfOrder: outOfOrder.map(bare) };
  });

/** All closed windows, in order. */
export function allClosed(course: Course): ClosedWindow[] {
  return course.flatMap(({ closed }) => closed);
}
