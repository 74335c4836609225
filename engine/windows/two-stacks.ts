import type { WindowAggregate } from '../model/plan/window-plan.ts';
import type { Reading } from '../model/reading.ts';
import { addReading, createPane, mergePane, type Pane, paneAt } from './panes.ts';

/**
 * A queue of panes that knows the sum of all of them, at a cost per pane that does not depend on how many there are, for aggregates that
 * can be merged but not taken apart again.
 *
 * Two stacks: Tangwongsan, Hirzel, Schneider, "General incremental sliding-window aggregation" (VLDB 2015), and the same authors' "In-order
 * sliding-window aggregation in worst-case constant time" (VLDB Journal 2021), where it is the baseline. A pane is merged once when it
 * comes and once when the back becomes the front, so the cost is constant on average over the panes.
 */
export interface TwoStacks {
  /** The older panes, the newest of them first; each holds the sum of itself and of those before it here. */
  front: Pane[];
  /** The newer panes, the oldest first, each for itself; and their sum, null where there are none. */
  back: Pane[];
  total: Pane | null;
}

export function createTwoStacks(): TwoStacks {
  return { front: [], back: [], total: null };
}

export function isEmpty({ front, back }: TwoStacks): boolean {
  return front.length === 0 && back.length === 0;
}

/** Adds a pane behind all others. */
export function push(stacks: TwoStacks, aggregates: readonly WindowAggregate[], pane: Pane): void {
  stacks.back.push(pane);
  stacks.total ??= createPane(aggregates, pane.order, pane.from, pane.to);
  mergePane(stacks.total, pane, aggregates);
}

/** Forgets the panes up to this place in the order, that one included. */
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

/** Makes the back the front. */
function flip(stacks: TwoStacks, aggregates: readonly WindowAggregate[]): void {
  const front = stacks.back.reverse();
  for (let i = 1; i < front.length; i++) mergePane(front[i]!, front[i - 1]!, aggregates);
  stacks.front = front;
  stacks.back = [];
  stacks.total = null;
}

/** The sum of all panes, to be read and not changed; undefined where there is none. */
export function sumOf({ front, total }: TwoStacks, aggregates: readonly WindowAggregate[]): Pane | undefined {
  const oldest = front.at(-1);
  if (oldest === undefined || total === null) return oldest ?? total ?? undefined;
  const sum = createPane(aggregates, oldest.order, oldest.from, oldest.to);
  mergePane(sum, oldest, aggregates);
  mergePane(sum, total, aggregates);
  return sum;
}

/**
 * Takes a reading into a pane [start, start + lengthMs) that has its place among those pushed, also one that was never opened.
 * Among the front panes it goes into every sum that it belongs to: that cost, at most one addition per pane, is paid for stragglers only.
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
    addReading(paneAt(back, aggregates, start, lengthMs), aggregates, reading);
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
