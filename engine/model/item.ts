import type { Batch, EventOutput } from './output.ts';
import type { FieldValue, Reading } from './reading.ts';
import type { MarkRecord } from './record.ts';

/**
 * What flows between the steps of the chain. A step handles the kinds it knows, hands on what it does not,
 * and adds its own results behind the item that caused them, so that order always tells cause from effect.
 */
export type Item =
  | Reading
  | Rejected
  | Status
  | Tick
  | MarkRecord
  | Closed
  | Verdict
  | Transition
  | DeviceChange
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
  | 'missing-time'
  | 'invalid-time'
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
  /** Live time of its broker connection at its arrival; set when it enters the chain. */
  liveMs: number;
}

/** The key that a rule groups by, with its parts in the order of the rule's `per`. */
export interface Key {
  readonly text: string;
  readonly parts: readonly string[];
}

/** A window that has closed, with its facts computed. */
export interface Closed {
  readonly kind: 'closed';
  readonly offset: number;
  /** Receive time of the record that closed it. */
  readonly receivedAt: number;
  /** Index of the rule in the plan. */
  readonly rule: number;
  readonly key: Key;
  /** Window bounds in event time, milliseconds: [start, end). */
  readonly start: number;
  readonly end: number;
  /** Facts by their index in the rule. */
  readonly facts: readonly (FieldValue | undefined)[];
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
  readonly holds: boolean;
  /** Whether an open alert may resolve now. */
  readonly clears: boolean;
  /** What the rule looked at, for the alert's evidence. */
  readonly subject: Reading | Closed | SilenceSubject;
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
  readonly rule: number;
  readonly key: Key;
  readonly from: AlertState;
  readonly to: AlertState;
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

/** One leaf of a rule's condition tree and what it said. */
export interface ConditionOutcome {
  readonly fact: string;
  readonly operator: string;
  readonly value: unknown;
  readonly factValue: FieldValue | null;
  readonly result: boolean;
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
