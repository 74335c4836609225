import type { FieldValue } from '../field.ts';
import type { Reading } from '../reading.ts';
import type { Severity } from '../rule.ts';
import type { RuleTrace } from '../rule-trace.ts';
import type { Closed, Derived, Key } from './window-result.ts';

/** The outcome of a rule's conditions for one key at one instant. */
export interface Evaluation {
  readonly kind: 'evaluation';
  readonly offset: number;
  /** Receive time of the record that caused it. */
  readonly recordedAt: number;
  readonly rule: number;
  readonly key: Key;
  /** Event time of the outcome: the reading's, the window's end, or the instant a silence was noticed. */
  readonly at: number;
  /** The instant from which `for` and `keepFiring` count, unless the receive time is earlier. Default: `at`. */
  readonly waitsAt?: number;
  readonly holds: boolean;
  /** Whether an open alert may resolve now. */
  readonly clears: boolean;
  /** The highest level whose conditions hold, from 1; 0 for none. All levels below it hold too. Only for a rule with several levels. */
  readonly reached?: number;
  /** Bits of the levels that may be left; bit 0 is the lowest level. Only for a rule with several levels. */
  readonly clearing?: number;
  /** The highest level that holds or may hold, because facts have no value. Default: `reached`. */
  readonly possible?: number;
  /** Bits of the levels for which it is unknown whether they may be left, because facts have no value. Default: none. */
  readonly undecided?: number;
  /** What the rule evaluated, for the alert's evidence. */
  readonly subject: Reading | Derived | Closed | SilenceSubject;
}

/** What a silence rule evaluated. */
export interface SilenceSubject {
  readonly kind: 'silence';
  readonly lastSeenAt: number;
  readonly reason: OfflineReason;
}

/** Why a device counts as offline: it was silent for too long, or its broker published its last will. */
export type OfflineReason = 'silence' | 'last-will';

/** The state of an alert. `resolved` only appears in changes; the alert is then inactive. */
export type AlertState = 'inactive' | 'pending' | 'firing' | 'resolved';

/** An alert's change of state. */
export interface Transition {
  readonly kind: 'transition';
  /** Id of the event and of the row. Deterministic: the same journal gives the same id. */
  readonly id: string;
  readonly offset: number;
  /** Receive time of the record that caused it. */
  readonly recordedAt: number;
  /** Index of the rule in the plan; -1 if the plan no longer has the rule. */
  readonly rule: number;
  /** What is kept of a rule that the plan no longer has. */
  readonly former?: RuleTrace;
  readonly key: Key;
  readonly from: AlertState;
  readonly to: AlertState;
  /** The severity after the change. A resolved alert has its last severity; a pending alert has the lowest one that it may get. */
  readonly severity: Severity;
  /** The severity before the change, if a firing alert changes its severity. */
  readonly previousSeverity?: Severity;
  /** What ended the alert, if it was not an outcome of the conditions. */
  readonly reason?: EndReason;
  /** Why its event is not sent. */
  readonly suppressed?: 'flapping' | 'limit';
  /** The alert starts to flap, and its event says so. Events of further changes are suppressed. */
  readonly flapping?: boolean;
  /** Event time of the change. */
  readonly at: number;
  /** Event time at which the conditions began to hold. */
  readonly since: number;
  /** Value of every fact of the rule at this change. */
  readonly facts: Readonly<Record<string, FieldValue | null>>;
  /** Outcome of every condition at this change. */
  readonly conditions: readonly ConditionOutcome[];
  /** Bounds of the evidence in event time: the readings that led to this change. */
  readonly evidence: { readonly from: number; readonly to: number };
}

/**
 * Why an alert ended without an outcome: the rule's hours are over, there was no outcome for too long, its key was idle for so long that its state
 * is removed, or the rule was changed or removed.
 */
export type EndReason = 'schedule' | 'gap' | 'forgotten' | 'rule-changed' | 'rule-removed';

/** An event of an alert that has not changed: a re-notification (`repeat`), or its state now that it no longer flaps (`stable`). */
export interface Notice extends Omit<Transition, 'kind'> {
  readonly kind: 'notice';
  readonly notice: 'repeat' | 'stable';
}

/** More alerts of a rule began to fire in a period than its `limit` allows. */
export interface Overflow {
  readonly kind: 'overflow';
  /** Deterministic, like the id of a transition. */
  readonly id: string;
  readonly offset: number;
  readonly rule: number;
  /** Receive time of the tick that ends the period. */
  readonly at: number;
  /** Receive time of the last tick before the first alert of the period. */
  readonly since: number;
  /** The highest severity of the suppressed alerts. */
  readonly severity: Severity;
  /** The number of alerts that were published. The name is a field of the event. */
  readonly told: number;
  /** The number of alerts that were suppressed. The name is a field of the event. */
  readonly heldBack: number;
  /** Keys of the first suppressed alerts, each key once. */
  readonly keys: readonly string[];
}

/** One leaf of a rule's condition tree and its result. */
export interface ConditionOutcome {
  readonly fact: string;
  readonly operator: string;
  readonly value: unknown;
  readonly factValue: FieldValue | null;
  /** Null: unknown, because a fact has no value. */
  readonly result: boolean | null;
  /** The level that has the condition. Only for a rule with several levels. */
  readonly severity?: Severity;
}
