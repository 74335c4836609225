import type { Reading } from '../reading.ts';

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
