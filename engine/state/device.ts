import type { StreamPlan } from '../model/plan/plan.ts';
import type { KeyState } from './key.ts';

/** What the fold remembers about one device of a stream, apart from its keys. */
export interface DeviceState {
  readonly name: string;
  /** Belongs to the directory: the labels of the device's last reading. */
  labels: readonly string[];
  /** Belongs to the directory: the keys that follow from the labels. */
  keys: DeviceKeys;
  readonly presence: Presence;
  /**
   * By field: event time of the newest reading that has the field; -1 for none. The last element is the event time of the newest reading with any
   * field. Empty if no rule evaluates single readings. Belongs to evaluate.
   */
  readonly newestByField: number[];
}

/** The keys of a device, by keying. The first is the device's own, which always exists. Undefined: there is no room for the key. */
export type DeviceKeys = readonly [KeyState, ...(KeyState | undefined)[]];

/** Whether a device is online. Belongs to presence. */
export interface Presence {
  online: boolean;
  /** A change of `online` was published, so that it is not published again. */
  known: boolean;
  /** Receive time of the device's last reading; -1 before the first. */
  seenAt: number;
  /** The value of the last status message, retained or not; undefined before the first. */
  status?: boolean;
}

/** A device in a snapshot. */
export interface DeviceSnapshot {
  readonly name: string;
  readonly labels: readonly string[];
  readonly presence: Presence;
  /** See `StreamState.newestSent`; absent if there is none. */
  readonly newestAt?: number;
  /** See `DeviceState.newestByField`; absent if it is empty, and in what older versions wrote. */
  readonly newest?: readonly number[];
  /** See `StreamState.skewed`. */
  readonly skewed?: true;
}

/** Makes the state of a device of which nothing is known but its labels and keys. */
export function createDevice(name: string, labels: readonly string[], keys: DeviceKeys): DeviceState {
  return { name, labels, keys, presence: { online: false, known: false, seenAt: -1 }, newestByField: [] };
}

/** The snapshot of a device, with what its stream remembers about the device. */
export function deviceSnapshot(
  { name, labels, presence, newestByField: newest }: DeviceState,
  newestAt: number | undefined,
  skewed: boolean,
): DeviceSnapshot {
  return {
    name,
    labels,
    presence,
    ...(newestAt !== undefined && { newestAt }),
    ...(newest.length > 0 && { newest }),
    ...(skewed && { skewed }),
  };
}

/**
 * Restores what belongs to the device itself. `fields` are the names of the stream's fields in the snapshot; the plan may have other fields, or
 * the same ones in another order.
 */
export function restoreDevice(
  { presence, newestByField }: DeviceState,
  from: DeviceSnapshot,
  fields: readonly string[],
  { config, readingRules }: StreamPlan,
): void {
  Object.assign(presence, from.presence);
  const { newest } = from;
  if (newest === undefined || fields.length === 0 || readingRules.length === 0) return;
  newestByField.push(...config.fields.map(({ name }) => newest[fields.indexOf(name)] ?? -1), newest.at(-1)!);
}
