import type { DeviceAttributes } from '../attributes.ts';
import type { Batch, EventOutput } from '../output.ts';
import type { Reading } from '../reading.ts';
import type { MarkRecord } from '../record.ts';
import type { Evaluation, Notice, Overflow, Transition } from './alert.ts';
import type { Rejected, Status, Stored } from './decoded.ts';
import type { DeviceChange, Gap } from './devices.ts';
import type { Closed, Viewed } from './window-result.ts';

/**
 * The items that flow between the steps of the chain. A step handles the kinds it knows and forwards all others.
 * It puts its own results after the item that caused them, so a cause always comes before its effect.
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
  | Evaluation
  | Transition
  | Notice
  | Overflow
  | DeviceChange
  | Gap
  | Batch
  | EventOutput;

/** One tick: a second has passed. */
export interface Tick {
  readonly kind: 'tick';
  readonly offset: number;
  readonly at: number;
  /** Live time of every broker connection, in milliseconds (see devices/liveness). */
  readonly liveMs: readonly number[];
  /** The devices and keys that it removed from the state, see `forgottenBy`. The steps where streams begin add to it. */
  readonly forgotten: object[];
}

/** The attributes of a device change. */
export interface AttributesChange {
  readonly kind: 'attributes';
  readonly offset: number;
  readonly at: number;
  readonly device: string;
  /** Undefined: the device has no attributes any more. */
  readonly attributes: DeviceAttributes | undefined;
}
