import type { Summary } from '../aggregates/aggregate.ts';
import type { AttributeValues, DeviceAttributes } from './attributes.ts';
import type { Batch, EventOutput } from './output.ts';
import type { Cause, FieldValue, Reading } from './reading.ts';
import type { MarkRecord } from './record.ts';
import type { Severity } from './rule.ts';
import type { RuleTrace } from './rule-trace.ts';

/**
 * What flows between the steps of the chain. A step handles the kinds it knows, hands on what it does not,
 * and adds its own results behind the item that caused them, so that order always tells cause from effect.
 */
export type Item =
  | Reading
  | Rejected
  | Stored
  | Status
  | Tick
  | MarkRecord
  | AttributesChange
  | Closed
  | Viewed
  | Verdict
  | Transition
  | Notice
  | Overflow
  | DeviceChange
  | Gap
  | Batch
  | EventOutput;

/** A second has passed. */
export interface Tick {
  readonly kind: 'tick';
  readonly offset: number;
  readonly at: number;
  /** Live time of every broker connection (see devices/liveness). */
  readonly liveMs: readonly number[];
}

/** The attributes of a device are others from here on. */
export interface AttributesChange {
  readonly kind: 'attributes';
  readonly offset: number;
  readonly at: number;
  readonly device: string;
  /** Undefined: it has none any more. */
  readonly attributes: DeviceAttributes | undefined;
}

/** Why a message, or one reading of it, was not accepted. The names are part of metrics and tables: fixed. */
export type RejectReason =
  | 'no-stream'
  | 'too-large'
  | 'too-deep'
  | 'too-many-fields'
  | 'malformed'
  | 'invalid-utf8'
  | 'forbidden-key'
  | 'not-an-object'
  | 'missing-device'
  | 'invalid-device'
  | 'invalid-label'
  | 'missing-time'
  | 'invalid-time'
  | 'expired'
  | 'missing-sequence'
  | 'invalid-sequence'
  | 'wrong-type'
  | 'not-finite'
  | 'unsafe-integer'
  | 'undeclared-field'
  | 'no-fields';

/** A message that could not be decoded; goes to the dead letters with its payload. */
export interface Rejected {
  readonly kind: 'rejected';
  readonly offset: number;
  /** Which rejection of its message this is, from 0. */
  readonly ordinal: number;
  readonly at: number;
  /** Index of the stream, or -1 where no stream's topic matched. */
  readonly stream: number;
  readonly topic: string;
  readonly reason: RejectReason;
  /** What was found, where, and what would be right; one sentence. */
  readonly detail: string;
  /** The message as it came; empty in all but the first rejection of it. */
  readonly payload: Uint8Array;
}

/**
 * What is for the tables alone, so that no step but that which makes rows looks at it: what a redriven message comes to, since it tells of
 * what was, and readings of devices that there is no room for.
 */
export interface Stored {
  readonly kind: 'stored';
  readonly offset: number;
  /** Receive time by which its row ages; -Infinity: it was received long ago and has no age. */
  readonly at: number;
  readonly made: Reading | Rejected;
}

/** What a device's status topic (its last will, as a rule) says of it. */
export interface Status {
  readonly kind: 'status';
  readonly offset: number;
  readonly at: number;
  /** Index of the broker that it came by. */
  readonly connection: number;
  readonly stream: number;
  readonly device: string;
  readonly labels: readonly string[];
  readonly online: boolean;
  /** A new subscription brought it: it says how things are with the device, and not that it has just spoken. */
  readonly retained: boolean;
  /** Live time of its broker connection at its arrival; set when it enters the chain. */
  liveMs: number;
}

/** The key that a rule groups by, with its parts in the order of the rule's `per`. */
export interface Key {
  readonly text: string;
  readonly parts: readonly string[];
}

/** A stretch of event time, in milliseconds: [start, end), or [start, end] where `inclusive`. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** The last reading stands at its end. */
  readonly inclusive: boolean;
}

/** A window that has closed, with its facts computed. */
export interface Closed extends Cause, Span {
  readonly kind: 'closed';
  /** Index of the rule in the plan. */
  readonly rule: number;
  readonly key: Key;
  /** By the aggregates of the rule's window: what each came to. */
  readonly facts: readonly (Summary | undefined)[];
  /** Of a sequence: how it went. */
  readonly match?: SequenceMatch;
  /** Those of the device in its key, where the rule looks at them; set by who judges. */
  attributes?: AttributeValues | undefined;
  /** Calculated facts, by their order in the plan; set by who judges. */
  computed?: readonly (number | undefined)[];
  /** What the facts that are asked for a change were before, by their order in the plan; set by who judges. */
  remembered?: readonly (FieldValue | null)[];
}

/** What a sequence has come to: a match, or a reading behind one that completes nothing. */
export interface SequenceMatch {
  /** Event times of the readings that met its steps, in order; empty: nothing was completed. */
  readonly metAt: readonly number[];
  /** From the first of them to the end of the match, or of the last one before; milliseconds. */
  readonly tookMs: number;
}

/** A reading with what a rule without a window works out from it and from those before it. */
export interface Derived {
  readonly kind: 'derived';
  readonly offset: number;
  readonly receivedAt: number;
  readonly reading: Reading;
  /** Event time of the reading of its key before it that the rule looked at; its own for the first. */
  readonly previousAt: number;
  /** Running facts, by their order in the plan. */
  readonly running: readonly (FieldValue | undefined)[];
  /** Calculated facts, by their order in the plan. */
  computed?: readonly (number | undefined)[];
  /** What the facts that are asked for a change were before, by their order in the plan. */
  remembered?: readonly (FieldValue | null)[];
}

/** What the facts of a view came to for one key: of a window that has closed, or with a reading. */
export interface Viewed extends Cause, Span {
  readonly kind: 'viewed';
  /** Deterministic, as that of a transition. Of its event, and of its row. */
  readonly id: string;
  /** Index of the view in the plan's rules. */
  readonly rule: number;
  readonly key: Key;
  /** By the fields of the view's stream. */
  readonly values: readonly (FieldValue | undefined)[];
}

/** The outcome of a rule's conditions for one key at one instant. */
export interface Verdict {
  readonly kind: 'verdict';
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

/** A device went offline or came back. */
export interface DeviceChange {
  readonly kind: 'device';
  readonly offset: number;
  readonly stream: number;
  readonly device: string;
  readonly labels: readonly string[];
  readonly online: boolean;
  /** Receive-time instant of the change. */
  readonly at: number;
  /** `at` where it was never heard of before. */
  readonly lastSeenAt: number;
  readonly reason: OfflineReason | 'first-reading' | 'reading' | 'status';
}

/** Messages of a broker may be missing: it had forgotten our session. */
export interface Gap {
  readonly kind: 'gap';
  /** That of the mark by which it ended. */
  readonly offset: number;
  /** Name of the broker. */
  readonly broker: string;
  readonly reason: 'session-lost';
  /** When it began and ended; receive times. */
  readonly from: number;
  readonly at: number;
}
