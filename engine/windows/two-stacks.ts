import type { WindowAggregate } from '../model/plan/window-plan.ts';
import type { Reading } from '../model/reading.ts';
import { addReading, addToPane, createPane, mergePane, type Pane } from './panes.ts';

/**
 * A queue of panes that knows the sum of all its panes. The cost per pane does not depend on their number. It is for aggregates that can be
 * merged but not subtracted.
 *
 * Two stacks: Tangwongsan, Hirzel, Schneider, "General incremental sliding-window aggregation" (VLDB 2015), and the same authors' "In-order
 * sliding-window aggregation in worst-case constant time" (VLDB Journal 2021), where it is the baseline. A pane is merged once when it
 * is added and once when the back becomes the front, so the amortized cost per pane is constant.
 */
export interface TwoStacks {
  /** The older panes, the newest of them first. Each is the sum of itself and of the panes before it in this list. */
  front: Pane[];
  /** The newer panes, the oldest first. Each has only its own readings. */
  back: Pane[];
  /** The sum of the newer panes; null if there are none. */
  total: Pane | null;
}

/** A queue without panes. */
export function createTwoStacks(): TwoStacks {
  return { front: [], back: [], total: null };
}

/** Whether the queue has no panes. */
export function isEmpty({ front, back }: TwoStacks): boolean {
  return front.length === 0 && back.length === 0;
}

/** Adds a pane after all others. */
export function push(stacks: TwoStacks, aggregates: readonly WindowAggregate[], pane: Pane): void {
  stacks.back.push(pane);
  stacks.total ??= createPane(aggregates, pane.order, pane.from, pane.to);
  mergePane(stacks.total, pane, aggregates);
}

/** Removes the panes whose `order` is at most `upTo`. */
export function evict(stacks: TwoStacks, aggregates: readonly WindowAggregate[], upTo: number): void {
  for (;;) {
    const oldest = stacks.front.at(-1) ?? stacks.back[0];
    if (oldest === undefined || oldest.order > upTo) return;
    if (stacks.front.length > 0) stacks.front.pop();
    else if (stacks.back.at(-1)!.order > upTo) flip(stacks, aggregates);
    else {
      stacks.back = [];
      stacks.total = null;
    }
  }
}

/** Turns the back into the front. */
function flip(stacks: TwoStacks, aggregates: readonly WindowAggregate[]): void {
  const front = stacks.back.reverse();
  for (let i = 1; i < front.length; i++) mergePane(front[i]!, front[i - 1]!, aggregates);
  stacks.front = front;
  stacks.back = [];
  stacks.total = null;
}

/** The sum of all panes, read-only; undefined if there are none. */
export function sumOf({ front, total }: TwoStacks, aggregates: readonly WindowAggregate[]): Pane | undefined {
  const oldest = front.at(-1);
  if (oldest === undefined || total === null) return oldest ?? total ?? undefined;
  const sum = createPane(aggregates, oldest.order, oldest.from, oldest.to);
  mergePane(sum, oldest, aggregates);
  mergePane(sum, total, aggregates);
  return sum;
}

/**
 * Adds a late reading to the pane [start, start + lengthMs) among the pushed panes, and creates the pane if it does not exist.
 * In the front, the reading is added to every sum that includes the pane. Only late readings have this cost of at most one addition per pane.
 */
export function addStraggler(
  stacks: TwoStacks,
  aggregates: readonly WindowAggregate[],
  start: number,
  lengthMs: number,
  reading: Reading,
): void {
  const { front, back } = stacks;
  if (front.length === 0 || start > front[0]!.order) {
    stacks.back = addToPane(back, aggregates, start, lengthMs, reading);
    stacks.total ??= createPane(aggregates, start, start, start + lengthMs);
    addReading(stacks.total, aggregates, reading);
    return;
  }
  let at = front.length - 1;
  while (front[at]!.order < start) at -= 1;
  if (front[at]!.order > start) {
    at += 1;
    const pane = createPane(aggregates, start, start, start + lengthMs);
    mergePane(pane, front[at - 1]!, aggregates);
    front.splice(at, 0, pane);
  }
  for (; at < front.length; at++) addReading(front[at]!, aggregates, reading);
}
