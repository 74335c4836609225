import type { Severity } from '../rule.ts';

/** How verdicts become alerts, and how loudly; milliseconds. */
export interface Lifecycle {
  /** Lowest first, at least one; a rule without a ladder has one. */
  readonly levels: readonly LevelPlan[];
  /** 0: resolves at once. */
  readonly keepFiringMs: number;
  /** 0: a gap in the data does not resolve an alert. */
  readonly resolveAfterMs: number;
  /** 0: told once. */
  readonly repeatMs: number;
  readonly flapping: { readonly changes: number; readonly withinMs: number } | undefined;
  readonly limit: { readonly alerts: number; readonly perMs: number } | undefined;
  /** Empty: always. */
  readonly active: readonly ScheduleSpan[];
}

/** A severity, and what it takes to reach it: conditions that hold for so long, or in so many of the last outcomes. */
export interface LevelPlan {
  readonly severity: Severity;
  readonly hold: { readonly forMs: number } | { readonly matches: number; readonly of: number };
}

/** Hours of the week by the clocks of a time zone. */
export interface ScheduleSpan {
  /** By day of the week from Sunday: whether the hours begin on it. */
  readonly days: readonly boolean[];
  /** Minutes since midnight, from 0 to 1440; `to` is not inside. Where it lies before `from` it means the next day. */
  readonly from: number;
  readonly to: number;
  readonly timeZone: string;
}
