import type { Severity } from '../rule.ts';

/** How evaluations become alerts, and how often alerts are published. Times are in milliseconds. */
export interface Lifecycle {
  /** The severity levels, lowest first, at least one. A rule without `levels` has one. */
  readonly levels: readonly LevelPlan[];
  /** 0: the alert resolves at once. */
  readonly keepFiringMs: number;
  /** An alert resolves after this time without an outcome. 0: never. */
  readonly resolveAfterMs: number;
  /** The interval of re-notification. 0: the alert does not re-notify. */
  readonly repeatMs: number;
  readonly flapping: { readonly changes: number; readonly withinMs: number } | undefined;
  readonly limit: { readonly alerts: number; readonly perMs: number } | undefined;
  /** The hours in which the rule is evaluated. Empty: always. */
  readonly active: readonly ScheduleSpan[];
}

/** A severity and how it is reached: the conditions hold for a time, or in a number of the last outcomes. */
export interface LevelPlan {
  readonly severity: Severity;
  readonly hold: { readonly forMs: number } | { readonly matches: number; readonly of: number };
}

/** Hours of the week in a time zone. */
export interface ScheduleSpan {
  /** For each day of the week, from Sunday: whether the hours begin on that day. */
  readonly days: readonly boolean[];
  /** Minutes since midnight, from 0 to 1440. `to` is exclusive. If `to` is before `from`, it is on the next day. */
  readonly from: number;
  readonly to: number;
  readonly timeZone: string;
}
