import type { Aggregate, AggregateKind } from '../model/aggregate.ts';

/** The course of the value: the newest readings one by one, in the order of their times, and only the mean of the older (settled) ones. */
export interface WeightedTime {
  times: number[];
  values: number[];
  /** Event time of the earliest reading. If it is before the first of `times`, the time between is settled. */
  start: number;
  /** Mean from `start` to the first of `times`. */
  mean: number;
}

/** If there are more single readings than this, the older half of them settles. So there are never few single readings after settled ones. */
export const MOST_SINGLE = 128;
/** This number of the newest readings always stays single. So a reading may arrive after up to this number of later readings. */
export const LEAST_SINGLE = MOST_SINGLE / 2;

const aggregate: Aggregate<WeightedTime> = {
  create: () => ({ times: [], values: [], start: 0, mean: 0 }),
  add: (into, value, time) => insertReading(into, time, value as number),
  merge(into, from) {
    if (from.times.length === 0) return;
    if (into.times.length === 0) replaceBy(into, from, from.start, from.mean);
    else if (from.times[0] !== from.start) joinSettled(into, from);
    else insertAll(into, from);
  },
  result: (of) => (of.times.length < 2 ? of.values[0] : meanOver(of, of.times.length - 1)),
};

/**
 * `{ "timeWeightedMean": "temp" }`: mean of the field, weighted by time: a value has the weight of the time until the next reading that
 * has the field. The mean is from the first reading to the last, so the last value has no weight. The mean of a single reading is its value.
 * Of equal stamps, the reading that arrived last counts. Readings may arrive out of order. A reading that arrives after 64 or more later ones
 * may no longer change the mean, unless it is earlier than all others.
 */
export const timeWeightedMean: AggregateKind = { accepts: ['number'], create: () => aggregate };

function insertReading(into: WeightedTime, time: number, value: number): void {
  const { times, values } = into;
  let at = times.length;
  while (at > 0 && times[at - 1]! > time) at -= 1;
  if (at > 0 && times[at - 1] === time) {
    values[at - 1] = value;
  } else if (at > 0 || times.length === 0 || times[0] === into.start) {
    if (at === 0) into.start = time;
    insert(times, at, time);
    insert(values, at, value);
    if (times.length > MOST_SINGLE) settle(into, MOST_SINGLE - LEAST_SINGLE + 1);
  } else if (time < into.start) {
    // Its value held until the settled time began.
    into.mean += (value - into.mean) * ((into.start - time) / (times[0]! - time));
    into.start = time;
  }
}

function insertAll(into: WeightedTime, { times, values }: WeightedTime): void {
  for (let i = 0; i < times.length; i++) insertReading(into, times[i]!, values[i]!);
}

/** Inserts an item. Readings arrive nearly in order, so it is nearly always a push. */
function insert(list: number[], at: number, item: number): void {
  if (at === list.length) list.push(item);
  else list.splice(at, 0, item);
}

/** Mean from the start to the time at this index: each value has the weight of its part of the time so far. */
function meanOver({ times, values, start, mean }: WeightedTime, end: number): number {
  let over = mean;
  for (let i = 0; i < end; i++) {
    const next = times[i + 1]!;
    over += (values[i]! - over) * ((next - times[i]!) / (next - start));
  }
  return over;
}

/** Settles the `n` earliest readings: they become part of the mean. Each of them must have a next reading. */
function settle(of: WeightedTime, n: number): void {
  of.mean = meanOver(of, n);
  of.times.splice(0, n);
  of.values.splice(0, n);
}

/** Merges a course that has settled readings. */
function joinSettled(into: WeightedTime, from: WeightedTime): void {
  const { times } = into;
  const heldMs = from.times[0]! - from.start;
  if (from.start > times.at(-1)!) {
    const mean = meanOver({ ...into, times: [...times, from.start] }, times.length);
    replaceBy(into, from, into.start, mean + (from.mean - mean) * (heldMs / (from.times[0]! - into.start)));
    return;
  }
  // The courses overlap, because readings were added in the order of arrival. Settled values have the weight of their time, wherever it was.
  const settledMs = times[0]! - into.start + heldMs;
  into.mean += (from.mean - into.mean) * (heldMs / settledMs);
  into.start = times[0]! - settledMs;
  insertAll(into, from);
}

function replaceBy(into: WeightedTime, from: WeightedTime, start: number, mean: number): void {
  into.times = from.times.slice();
  into.values = from.values.slice();
  into.start = start;
  into.mean = mean;
}
