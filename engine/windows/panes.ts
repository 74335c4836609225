import type { Summary } from '../model/aggregate.ts';
import type { FieldValue } from '../model/field.ts';
import { readFor, type WindowAggregate } from '../model/plan/window-plan.ts';
import type { Reading } from '../model/reading.ts';

/** A part of a window: the aggregated readings of a key in it. */
export interface Pane {
  /** Sort key among the panes of its window. Panes are kept in ascending order. */
  order: number;
  /** Event time of its earliest reading, or the start of its interval. */
  from: number;
  /** Event time of its latest reading, or the end of its interval. */
  to: number;
  /** One for each of the window's aggregates. */
  readonly accumulators: unknown[];
}

/** Creates a pane without readings. */
export function createPane(aggregates: readonly WindowAggregate[], order: number, from: number, to: number): Pane {
  return { order, from, to, accumulators: aggregates.map(({ aggregate }) => aggregate.create()) };
}

/** Adds a reading to a pane. */
export function addReading(pane: Pane, aggregates: readonly WindowAggregate[], reading: Reading): void {
  for (let i = 0; i < aggregates.length; i++) {
    const entry = aggregates[i]!;
    const value = readFor(entry, reading);
    if (value !== undefined) entry.aggregate.add(pane.accumulators[i], value, reading.time);
  }
}

/** Adds the values that the aggregates read from a reading earlier (null: nothing), and extends the pane's times to its time. */
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

/** Adds the readings of a later pane to an earlier one. The later pane does not change. */
export function mergePane(into: Pane, from: Pane, aggregates: readonly WindowAggregate[]): void {
  if (from.from < into.from) into.from = from.from;
  if (from.to > into.to) into.to = from.to;
  for (let i = 0; i < aggregates.length; i++) {
    aggregates[i]!.aggregate.merge(into.accumulators[i], from.accumulators[i]);
  }
}

/** The results of a pane's aggregates. */
export function factsOf(pane: Pane, aggregates: readonly WindowAggregate[]): (Summary | undefined)[] {
  return aggregates.map(({ aggregate }, i) => aggregate.result(pane.accumulators[i]));
}

/**
 * Adds a reading to the pane of the interval [start, start + lengthMs) in a list in ascending order. It is created if there is none. Returns the
 * list to keep.
 */
export function addToPane(
  panes: Pane[],
  aggregates: readonly WindowAggregate[],
  start: number,
  lengthMs: number,
  reading: Reading,
): Pane[] {
  // Readings arrive nearly in order, so the pane is nearly always the last one.
  let at = panes.length;
  while (at > 0 && panes[at - 1]!.order > start) at -= 1;
  const found = panes[at - 1];
  const pane = found?.order === start ? found : createPane(aggregates, start, start, start + lengthMs);
  addReading(pane, aggregates, reading);
  if (pane === found) return panes;
  // A list that grows makes room for 16 more, and nearly all lists have one pane.
  if (panes.length === 0) return [pane];
  panes.splice(at, 0, pane);
  return panes;
}

/** Removes the first pane of a list, and returns the list to keep. */
export function withoutFirst(panes: Pane[]): Pane[] {
  if (panes.length === 1) return [];
  panes.shift();
  return panes;
}
