import type { Summary } from '../model/aggregate.ts';
import type { Closed } from '../model/item/window-result.ts';
import type { WindowPlan } from '../model/plan/window-plan.ts';
import type { Reading } from '../model/reading.ts';

/** What a window rule remembers of one key. Plain data: a snapshot as JSON keeps all of it. */
export type WindowState = object;

/** A window that has closed: its bounds and what its aggregates came to. */
export type ClosedWindow = Pick<Closed, 'start' | 'end' | 'inclusive' | 'match'> & {
  readonly facts: (Summary | undefined)[];
};

/** Where a window kind puts what happens, in order. */
export interface WindowOutcome {
  readonly closed: ClosedWindow[];
  /** Readings that were taken before their time because too many waited. */
  hurried: number;
}

/**
 * One kind of window: how readings of one key are gathered and when a window closes.
 *
 * "Event time" is the watermark of the key less the rule's lateness. For each reading of a device it is told first how far event time
 * has come (`close`, `pass`), then the reading (`add`); for a quiet device, or a group, event time comes with ticks. Between two calls of
 * `close` nothing may depend on how often it was called with an event time at which nothing was due.
 */
export interface WindowKind<P extends WindowPlan = WindowPlan, S extends WindowState = WindowState> {
  create(): S;
  /**
   * What is left of it when event time has jumped, where it waits for what comes or does not come; `close` was called before. Default: all of
   * it, for event time closes it.
   */
  restart?(state: S): S;
  /** Closes every window that is due by this event time. */
  close(state: S, plan: P, eventAt: number, out: WindowOutcome): void;
  /** Counts every window that ends by this event time as closed, also one that no reading has opened. Call it behind `close`. */
  pass(state: S, plan: P, eventAt: number): void;
  /** Takes a reading. False where every window that it belongs to has closed already: it is late, and nothing changes. */
  add(state: S, plan: P, reading: Reading, out: WindowOutcome): boolean;
  /** The earliest event time at which `close` has something to do; Infinity for none until another reading comes. */
  dueAt(state: S, plan: P): number;
}
