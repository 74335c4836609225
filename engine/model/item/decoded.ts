import type { Reading } from '../reading.ts';

/** Why a message, or one reading of it, was not accepted. The names are fixed, because metrics and tables contain them. */
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

/** A message, or one reading of it, that could not be decoded. It becomes a dead letter, with the payload of the message. */
export interface Rejected {
  readonly kind: 'rejected';
  readonly offset: number;
  /** Number of this rejection within its message, from 0. */
  readonly ordinal: number;
  readonly at: number;
  /** Index of the stream, or -1 if no stream's topic matches. */
  readonly stream: number;
  readonly topic: string;
  readonly reason: RejectReason;
  /** What was found, where, and what would be right. One sentence. */
  readonly detail: string;
  /** The payload as it was received. Empty in all rejections of a message except the first. */
  readonly payload: Uint8Array;
}

/**
 * An item that is only written to the tables. No step except the one that makes rows uses it. Such items are made of redriven messages, which
 * are about the past, and of readings of devices above `limits.devices`.
 */
export interface Stored {
  readonly kind: 'stored';
  readonly offset: number;
  /** Receive time from which the age of its row counts. -Infinity: the row has no age, because it was received long ago. */
  readonly at: number;
  readonly made: Reading | Rejected;
}

/** What a device's status topic (usually its last will) says about the device. */
export interface Status {
  readonly kind: 'status';
  readonly offset: number;
  readonly at: number;
  /** Index of the broker that delivered it. */
  readonly connection: number;
  readonly stream: number;
  readonly device: string;
  readonly labels: readonly string[];
  readonly online: boolean;
  /** A new subscription delivered it. It is the state of the device, but no sign that the device has just sent something. */
  readonly retained: boolean;
  /** Live time of its broker connection at its arrival, in milliseconds. Set when it enters the chain. */
  liveMs: number;
  /** Where the state of its device is. Set when it enters the chain. */
  place?: object;
}
