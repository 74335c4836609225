import type { Summary } from '../model/aggregate.ts';
import type { Closed } from '../model/item/window-result.ts';
import type { WindowPlan } from '../model/plan/window-plan.ts';
import type { Reading } from '../model/reading.ts';

/** The state of a window rule for one key. Plain data, so that a snapshot stores it as JSON. */
export type WindowState = object;

/** A closed window: its bounds and the results of its aggregates. */
export type ClosedWindow = Pick<Closed, 'start' | 'end' | 'inclusive' | 'match'> & {
  readonly facts: (Summary | undefined)[];
};

/** The results of calls to a window kind, in order. */
export interface WindowOutcome {
  readonly closed: ClosedWindow[];
  /** Number of readings that were added before their time, because too many readings waited. */
  takenEarly: number;
}

/**
 * One kind of window: how it collects the readings of one key, and when a window closes.
 *
 *"Event time" is the watermark of the key less the rule's lateness. For each reading of a device, `close` and `pass` are called first with the
 * event time, then `add` with the reading. For a quiet device or a group, ticks advance event time. Calls of `close` with an event time
 * at which nothing is due must not change any result.
 */
export interface WindowKind<P extends WindowPlan = WindowPlan, S extends WindowState = WindowState> {
  create(): S;
  /**
   * The state to keep after a jump of event time, for a kind that waits for readings or for their absence. `close` was called before. Default:
   * the whole state, because event time closes the windows.
   */
  restart?(state: S): S;
  /** Closes every window that is due by this event time. */
  close(state: S, plan: P, eventAt: number, out: WindowOutcome): void;
  /** Marks every window that ends by this event time as closed, even one without readings. Call it after `close`. */
  pass(state: S, plan: P, eventAt: number): void;
  /** Adds a reading. Returns false if all its windows have already closed: the reading is late, and nothing changes. */
  add(state: S, plan: P, reading: Reading, out: WindowOutcome): boolean;
  /** The earliest event time at which `close` has something to do; Infinity if only another reading can change that. */
  dueAt(state: S, plan: P): number;
}
