import type { AlertRecord } from '../alerts/alert-record.ts';
import type { AlertClock } from '../alerts/clock.ts';
import type { LimitRecord } from '../alerts/noise.ts';
import type { RemovedRuleAlert } from '../alerts/removed-rule.ts';
import type { NumberingEntry } from '../decode/numbering.ts';
import type { PackedDeliveries } from '../decode/redelivery.ts';
import type { SessionTrace } from '../decode/session-gap.ts';
import type { KeyClock } from '../devices/key-clock.ts';
import type { LiveClock } from '../devices/liveness.ts';
import type { SequenceConfig } from '../model/config.ts';
import type { FieldValue } from '../model/field.ts';
import type { RuleTrace } from '../model/rule-trace.ts';
import type { LastKnownEntry, LastKnownHead } from '../windows/last-known.ts';
import type { Watermark } from '../windows/watermark.ts';
import type { WindowState } from '../windows/window-kind.ts';
import type { Hearing, Presence, Running } from './state.ts';

/**
 * A part of the state as plain data: what it is of, and what it holds. The head comes first. The keys of a stream, then its devices and the
 * rest of it, follow the piece of the stream. Rules and streams stand by name, so that a changed config finds what is still its own.
 */
export type Piece =
  | readonly ['head', SnapshotHead]
  | readonly ['orphan', RemovedRuleAlert]
  | readonly ['stream', StreamHead]
  | readonly ['key', KeySnapshot]
  | readonly ['device', DeviceSnapshot]
  | readonly ['known', LastKnownEntry]
  | readonly ['numbering', NumberingEntry]
  /** A device, and the JSON text of its attributes. */
  | readonly ['attributes', readonly [string, string]]
  /** By rule name: what is known of the rules that have open alerts. */
  | readonly ['traces', Readonly<Record<string, RuleTrace>>];

export interface SnapshotHead {
  /** Names of the brokers, by the connection indexes in this snapshot. */
  readonly brokers: readonly string[];
  readonly clocks: Readonly<Record<string, LiveClock>>;
  /** As `packDeliveries` gives them; text in what older versions wrote. */
  readonly deliveries: Readonly<Record<string, PackedDeliveries | string>>;
  /** As `packRetained` gives them. Absent in what older versions wrote. */
  readonly brought?: Readonly<Record<string, string>>;
  /** Absent in what older versions wrote. */
  readonly sessions?: Readonly<Record<string, SessionTrace>>;
  /** Sum of the steps forward of the host's clock, milliseconds. Absent in what older versions wrote. */
  readonly steppedMs?: number;
  /** Rule name → version: whose state this is. */
  readonly rules: Readonly<Record<string, string>>;
  readonly alertClock: AlertClock;
  /** By rule name: the periods of limits that run. */
  readonly limits: Readonly<Record<string, LimitRecord>>;
}

export interface StreamHead {
  readonly name: string;
  readonly labels: readonly string[];
  /** Names of the fields, in the order of `DeviceSnapshot.newest`. Absent in what older versions wrote. */
  readonly fields?: readonly string[];
  /** Of a correlation by last known values: what they mean. */
  readonly lastKnown?: LastKnownHead;
  /** Where the stream declares a sequence: which one. */
  readonly sequence?: SequenceConfig;
}

export interface DeviceSnapshot {
  readonly name: string;
  readonly labels: readonly string[];
  readonly presence: Presence;
  /** See `StreamState.newest`; absent where there is none. */
  readonly newestAt?: number;
  /** See `DeviceState.newest`; absent where it is empty, and in what older versions wrote. */
  readonly newest?: readonly number[];
  /** See `StreamState.skewed`. */
  readonly skewed?: true;
}

export interface KeySnapshot {
  readonly per: readonly string[];
  readonly parts: readonly string[];
  /** Absent before the first reading, and in what older versions wrote; so is `furthestAt`. */
  readonly clock?: KeyClock;
  readonly furthestAt?: number;
  /** `wakeMs` is null for Infinity. */
  readonly hearing: Omit<Hearing, 'wakeMs'> & { readonly wakeMs: number | null };
  readonly marks: readonly (readonly [string, Watermark])[];
  /** By rule name. */
  readonly windows: Readonly<Record<string, WindowState>>;
  readonly alerts: Readonly<Record<string, AlertRecord>>;
  readonly running: Readonly<Record<string, Running>>;
  readonly remembered: Readonly<Record<string, readonly (FieldValue | null)[]>>;
}
