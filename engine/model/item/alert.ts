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
  /** The instant that `for` and `keepFiring` go by, if the receive time is not earlier. Default: `at`. */
  readonly waitsAt?: number;
  readonly holds: boolean;
  /** Whether an open alert may resolve now. */
  readonly clears: boolean;
  /** Of a rule with several levels: the highest that holds, from 1, and as bits from the lowest those that may be left. */
  readonly reached?: number;
  readonly clearing?: number;
  /** Where facts have no value: the highest level that may hold, and as bits those of which it is unknown whether they may be left. */
  readonly possible?: number;
  readonly undecided?: number;
  /** What the rule looked at, for the alert's evidence. */
  readonly subject: Reading | Derived | Closed | SilenceSubject;
}

/** What a silence rule looked at. */
export interface SilenceSubject {
  readonly kind: 'silence';
  readonly lastSeenAt: number;
  readonly reason: OfflineReason;
}

export type OfflineReason = 'silence' | 'last-will';

export type AlertState = 'inactive' | 'pending' | 'firing' | 'resolved';

/** An alert's change of state. */
export interface Transition {
  readonly kind: 'transition';
  /** Deterministic: the same journal gives the same id. Of its event, and of its row. */
  readonly id: string;
  readonly offset: number;
  /** Receive time of the record that caused it. */
  readonly recordedAt: number;
  /** Index of the rule in the plan; -1 where that no longer has it. */
  readonly rule: number;
  /** What is left of a rule that the plan no longer has. */
  readonly former?: RuleTrace;
  readonly key: Key;
  readonly from: AlertState;
  readonly to: AlertState;
  /** From then on; of a resolved alert the last it had, of one that does not fire yet the lowest it may get. */
  readonly severity: Severity;
  /** What it was, where a firing alert changes it. */
  readonly previousSeverity?: Severity;
  /** What ended it, where no outcome did. */
  readonly reason?: EndReason;
  /** What keeps its event from being sent. */
  readonly suppressed?: 'flapping' | 'limit';
  /** The alert flaps, and its event says so: further changes are not told. */
  readonly flapping?: boolean;
  /** Event time of the change. */
  readonly at: number;
  /** Event time at which the conditions began to hold. */
  readonly since: number;
  /** Value of every fact the rule knows, at this change. */
  readonly facts: Readonly<Record<string, FieldValue | null>>;
  /** Outcome of every condition at this change. */
  readonly conditions: readonly ConditionOutcome[];
  /** Bounds of the evidence in event time: the readings that led to this change. */
  readonly evidence: { readonly from: number; readonly to: number };
}

/** The hours of the rule are over, there was no outcome for too long, or the rule was changed or removed. */
export type EndReason = 'schedule' | 'gap' | 'rule-changed' | 'rule-removed';

/** An alert is told about without a change: it still fires (`repeat`), or what it is now that it no longer flaps (`stable`). */
export interface Notice extends Omit<Transition, 'kind'> {
  readonly kind: 'notice';
  readonly notice: 'repeat' | 'stable';
}

/** More alerts of a rule began to fire in a period than its limit lets through. */
export interface Overflow {
  readonly kind: 'overflow';
  /** Deterministic, as that of a transition. */
  readonly id: string;
  readonly offset: number;
  readonly rule: number;
  /** Receive time of the tick that ends the period. */
  readonly at: number;
  /** Receive time of the tick before its first alert. */
  readonly since: number;
  /** The highest severity among those held back. */
  readonly severity: Severity;
  /** Alerts that were told, and that were held back. */
  readonly told: number;
  readonly heldBack: number;
  /** Keys of those held back, each once; the first of them. */
  readonly keys: readonly string[];
}

/** One leaf of a rule's condition tree and what it said. */
export interface ConditionOutcome {
  readonly fact: string;
  readonly operator: string;
  readonly value: unknown;
  readonly factValue: FieldValue | null;
  /** Null: unknown, for a fact has no value. */
  readonly result: boolean | null;
  /** Of a rule with several levels: whose condition it is. */
  readonly severity?: Severity;
}
