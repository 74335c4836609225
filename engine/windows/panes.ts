import type { Summary } from '../model/aggregate.ts';
import type { FieldValue } from '../model/field.ts';
import { readFor, type WindowAggregate } from '../model/plan/window-plan.ts';
import type { Reading } from '../model/reading.ts';

/** Some of a key's readings, summed up. */
export interface Pane {
  /** Place among the panes of its window: they are kept in ascending order of it. */
  order: number;
  /** Event times of its earliest and latest reading, or the bounds of its stretch of time. */
  from: number;
  to: number;
  /** By the window's aggregates. */
  readonly accumulators: unknown[];
}

/** A pane of one kind of window's aggregates without a reading. */
export function createPane(aggregates: readonly WindowAggregate[], order: number, from: number, to: number): Pane {
  return { order, from, to, accumulators: aggregates.map(({ aggregate }) => aggregate.create()) };
}

/** Takes a reading in. */
export function addReading(pane: Pane, aggregates: readonly WindowAggregate[], reading: Reading): void {
  for (let i = 0; i < aggregates.length; i++) {
    const entry = aggregates[i]!;
    const value = readFor(entry, reading);
    if (value !== undefined) entry.aggregate.add(pane.accumulators[i], value, reading.time);
  }
}

/** Takes in what the aggregates read from a reading earlier on (null for nothing), and widens the pane's times to it. */
export function addValues(
  pane: Pane,
  aggregates: readonly WindowAggregate[],
  time: number,
  values: readonly (FieldValue | null)[],
): void {
  if (time < pane.from) pane.from = time;
  if (time > pane.to) pane.to = time;
  for (let i = 0; i < aggregates.length; i++) {
    const value = values[i]!;
    if (value !== null) aggregates[i]!.aggregate.add(pane.accumulators[i], value, time);
  }
}

/** Takes the readings of a later pane, which stays as it is, into an earlier one. */
export function mergePane(into: Pane, from: Pane, aggregates: readonly WindowAggregate[]): void {
  if (from.from < into.from) into.from = from.from;
  if (from.to > into.to) into.to = from.to;
  for (let i = 0; i < aggregates.length; i++) {
    aggregates[i]!.aggregate.merge(into.accumulators[i], from.accumulators[i]);
  }
}

/** What the aggregates of a pane come to. */
export function factsOf(pane: Pane, aggregates: readonly WindowAggregate[]): (Summary | undefined)[] {
  return aggregates.map(({ aggregate }, i) => aggregate.result(pane.accumulators[i]));
}

/** The pane of the stretch [start, start + lengthMs) among others in ascending order; it is opened where there is none. */
export function paneAt(panes: Pane[], aggregates: readonly WindowAggregate[], start: number, lengthMs: number): Pane {
  // Readings come nearly in order, so the pane is nearly always the last one.
  let at = panes.length;
  while (at > 0 && panes[at - 1]!.order > start) at -= 1;
  const found = panes[at - 1];
  if (found?.order === start) return found;
  const pane = createPane(aggregates, start, start, start + lengthMs);
  panes.splice(at, 0, pane);
  return pane;
}
