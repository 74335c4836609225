import type { FieldValue } from '../model/field.ts';
import { readFor, type WindowPlan } from '../model/plan/window-plan.ts';
import type { Reading } from '../model/reading.ts';
import type { WindowKind, WindowOutcome, WindowState } from './window-kind.ts';

/** The largest number of readings of one key that wait for older ones. If there is one more, the oldest is added to its window at once. */
export const MAX_WAITING = 10_000;

/** The values that a window needs from a reading. */
export interface WaitingReading {
  readonly time: number;
  /** A value for each of the window's aggregates; null: the aggregate gets nothing. */
  readonly values: readonly (FieldValue | null)[];
  /** Other information that the kind of window needs (see `Ordered.flags`). */
  readonly flags: number;
}

/** The waiting readings, and the window of the readings that no longer wait. */
export interface InOrder<S> {
  /** Readings by event time, earliest first; of equal times, the one that arrived first. */
  readonly waiting: WaitingReading[];
  /** Readings up to this event time have left `waiting`; an older reading is late. -1 before the first reading. */
  passedAt: number;
  readonly window: S;
}

/** A kind of window that gets its readings in the order of event time. */
export interface Ordered<P extends WindowPlan, S extends WindowState> {
  create(): S;
  /** See `WindowKind`. */
  restart?(state: S): S;
  /** Adds the next reading. Windows that were due by its time have been closed. */
  take(state: S, plan: P, entry: WaitingReading, out: WindowOutcome): void;
  /** Adds a reading that is older than an added one, if it still belongs to an open window. Returns false if not. Default: returns false. */
  takeLate?(state: S, plan: P, entry: WaitingReading, passedAt: number): boolean;
  /** The event time at which the open window closes without another reading. Default: Infinity. */
  dueAt?(state: S, plan: P): number;
  /** Closes the window that is due. */
  closeDue?(state: S, plan: P, out: WindowOutcome): void;
  /** A number with the information that the kind needs besides the aggregates' values. Default 0. */
  flags?(plan: P, reading: Reading): number;
  /** Whether readings are added in the order of arrival, so that none is late. Default: false. */
  byArrival?(plan: P): boolean;
}

/**
 * Makes a `WindowKind` of a kind that needs its readings in order. Readings wait until event time (the watermark less the lateness) has reached
 * their time, so within the lateness the order of arrival does not matter. Without lateness, a device's newest reading is added at once, and an
 * older one is late.
 */
export function inOrder<P extends WindowPlan, S extends WindowState>(
  ordered: Ordered<P, S>,
): WindowKind<P, InOrder<S>> {
  const dueAt = (state: InOrder<S>, plan: P) => ordered.dueAt?.(state.window, plan) ?? Number.POSITIVE_INFINITY;

  const closeDue = (state: InOrder<S>, plan: P, eventAt: number, out: WindowOutcome): void => {
    for (let due = dueAt(state, plan); due <= eventAt; due = dueAt(state, plan)) {
      ordered.closeDue?.(state.window, plan, out);
      if (due > state.passedAt) state.passedAt = due;
    }
  };

  const take = (state: InOrder<S>, plan: P, entry: WaitingReading, out: WindowOutcome): void => {
    closeDue(state, plan, entry.time, out);
    if (entry.time > state.passedAt) state.passedAt = entry.time;
    ordered.take(state.window, plan, entry, out);
  };

  return {
    create: () => ({ waiting: [], passedAt: -1, window: ordered.create() }),
    ...(ordered.restart !== undefined && {
      restart: ({ window }) => ({ waiting: [], passedAt: -1, window: ordered.restart!(window) }),
    }),
    dueAt: (state, plan) => Math.min(state.waiting[0]?.time ?? Number.POSITIVE_INFINITY, dueAt(state, plan)),
    close(state, plan, eventAt, out) {
      const { waiting } = state;
      let taken = 0;
      for (; taken < waiting.length && waiting[taken]!.time <= eventAt; taken++)
        take(state, plan, waiting[taken]!, out);
      if (taken > 0) waiting.splice(0, taken);
      closeDue(state, plan, eventAt, out);
    },
    pass(state, _plan, eventAt) {
      if (eventAt > state.passedAt) state.passedAt = eventAt;
    },
    add(state, plan, reading, out) {
      const entry = entryOf(plan, reading, ordered.flags?.(plan, reading) ?? 0);
      const { waiting, passedAt } = state;
      if (ordered.byArrival?.(plan) === true) take(state, plan, entry, out);
      else if (entry.time < passedAt) return ordered.takeLate?.(state.window, plan, entry, passedAt) ?? false;
      else if (entry.time === passedAt && !(waiting.length > 0 && waiting[0]!.time === passedAt)) {
        take(state, plan, entry, out);
      } else {
        insert(waiting, entry);
        if (waiting.length > MAX_WAITING) {
          take(state, plan, waiting.shift()!, out);
          out.takenEarly += 1;
        }
      }
      return true;
    },
  };
}

function entryOf({ aggregates }: WindowPlan, reading: Reading, flags: number): WaitingReading {
  const values: (FieldValue | null)[] = [];
  for (let i = 0; i < aggregates.length; i++) values.push(readFor(aggregates[i]!, reading) ?? null);
  return { time: reading.time, values, flags };
}

/** Inserts a reading after all readings that are as old or older. */
function insert(waiting: WaitingReading[], entry: WaitingReading): void {
  let low = 0;
  let high = waiting.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (waiting[middle]!.time <= entry.time) low = middle + 1;
    else high = middle;
  }
  if (low === waiting.length) waiting.push(entry);
  else waiting.splice(low, 0, entry);
}
