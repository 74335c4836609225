import { listNumbering, type Numbering, type NumberingEntry, restoreNumbering } from '../decode/numbering.ts';
import type { StreamPlan } from '../model/plan/plan.ts';
import type { Watermark } from '../windows/watermark.ts';
import type { Part } from './changes.ts';
import { createPresence, type KeyState, type Presence, type PresenceSnapshot, restorePresence } from './key.ts';

/** What the fold remembers about one device of a stream, apart from its keys. */
export interface DeviceState extends Part {
  readonly name: string;
  /** Belongs to the directory: what follows from the labels of its last reading. */
  place: Place;
  /** Belongs to decode: the newest stamp that the device has sent while Weir was subscribed, as the device wrote it; -1 for none. */
  newestSent: number;
  /** Belongs to decode: its stamps are set back to the receive time, until its clock is clearly right. */
  skewed: boolean;
  /** Belongs to decode: its sequence numbers, if the stream declares a sequence. */
  numbering: Numbering | undefined;
  /** That of its own key. */
  readonly presence: Presence;
  /**
   * By field: event time of the newest reading that has the field; -1 for none. The last element is the event time of the newest reading with any
   * field. Empty if no rule evaluates single readings. Belongs to evaluate.
   */
  readonly newestByField: number[];
  /** Its watermarks, in every key that it was ever in. Belongs to window. */
  readonly marks: DeviceMark[];
}

/** The watermark of a device in a key. */
export interface DeviceMark extends Watermark {
  readonly device: DeviceState;
  readonly key: KeyState;
  /** Number of the last tick before the watermark last moved, see `LastTick`. Only for groups. */
  movedAfter: number;
  /** The watermark at that tick; NaN: it was made after the tick. */
  atTick: number;
}

/** What follows from the labels of a device. A device whose labels change gets another one. */
export interface Place {
  readonly device: DeviceState;
  readonly labels: readonly string[];
  readonly keys: DeviceKeys;
  /** By keying: the watermark of the device in the key. Undefined: not looked up yet, or there is none. Belongs to window. */
  readonly marks: (DeviceMark | undefined)[];
}

/** The keys of a device, by keying. The first is the device's own, which always exists. Undefined: there is no room for the key. */
export type DeviceKeys = readonly [KeyState, ...(KeyState | undefined)[]];

/** A device in a snapshot. */
export interface DeviceSnapshot {
  /** `Part.number`. Absent in what older versions wrote. */
  readonly number?: number;
  readonly name: string;
  readonly labels: readonly string[];
  /** Older versions wrote it here; now it is part of the device's own key. */
  readonly presence?: PresenceSnapshot;
  /** See `DeviceState.newestSent`; absent if there is none. */
  readonly newestAt?: number;
  /** See `DeviceState.newestByField`; absent if it is empty, and in what older versions wrote. */
  readonly newest?: readonly number[];
  /** See `DeviceState.skewed`. */
  readonly skewed?: true;
  /** Absent if it has none. Older versions wrote it as a piece of its own. */
  readonly numbering?: NumberingEntry;
  /** Absent if there are none. Older versions wrote them with the keys. */
  readonly marks?: readonly MarkEntry[];
}

/** A watermark of a device: the key by its `per` and parts, and the rest. */
export type MarkEntry = readonly [
  per: readonly string[],
  parts: readonly string[],
  eventAt: number,
  seenLiveMs: number,
  connection: number,
  /** As in `DeviceMark`; null for NaN. Absent in what older versions wrote. */
  movedAfter?: number,
  atTick?: number | null,
];

/** Makes the state of a device of which nothing is known but its labels and keys. */
export function createDevice(name: string, labels: readonly string[], keys: DeviceKeys, number: number): DeviceState {
  const presence = (keys[0].presence ??= createPresence());
  presence.labels = labels;
  const device: Omit<DeviceState, 'place'> & { place: Place | undefined } = {
    number,
    section: 0,
    name,
    place: undefined,
    newestSent: -1,
    skewed: false,
    numbering: undefined,
    presence,
    newestByField: [],
    marks: [],
  };
  return moveDevice(device as DeviceState, labels, keys);
}

/** Gives a device other labels and keys. */
export function moveDevice(device: DeviceState, labels: readonly string[], keys: DeviceKeys): DeviceState {
  device.place = { device, labels, keys, marks: [] };
  return device;
}

/** The snapshot of a device. */
export function deviceSnapshot({ keyings }: Pick<StreamPlan, 'keyings'>, device: DeviceState): DeviceSnapshot {
  const { number, name, place, newestSent, newestByField, skewed, numbering, marks } = device;
  return {
    number,
    name,
    labels: place.labels,
    ...(newestSent >= 0 && { newestAt: newestSent }),
    ...(newestByField.length > 0 && { newest: newestByField }),
    ...(skewed && { skewed }),
    ...(numbering !== undefined && { numbering: listNumbering(name, numbering) }),
    ...(marks.length > 0 && { marks: marks.map((mark) => markEntry(keyings, mark)) }),
  };
}

function markEntry(keyings: StreamPlan['keyings'], mark: DeviceMark): MarkEntry {
  const { key, eventAt, seenLiveMs, connection, movedAfter, atTick } = mark;
  const entry = [keyings[key.keying]!.per, key.parts, eventAt, seenLiveMs, connection] as const;
  return key.windowing.group === undefined ? entry : [...entry, movedAfter, Number.isNaN(atTick) ? null : atTick];
}

/**
 * Restores what belongs to the device itself. `fields` are the names of the stream's fields in the snapshot; the plan may have other fields, or
 * the same ones in another order.
 */
export function restoreDevice(
  device: DeviceState,
  from: DeviceSnapshot,
  fields: readonly string[],
  { config, readingRules }: StreamPlan,
): void {
  const { presence, newestByField } = device;
  if (from.number !== undefined) device.number = from.number;
  if (from.presence !== undefined) restorePresence(presence, from.presence);
  const { newest } = from;
  if (newest === undefined || fields.length === 0 || readingRules.length === 0) return;
  newestByField.push(...config.fields.map(({ name }) => newest[fields.indexOf(name)] ?? -1), newest.at(-1)!);
}

/** Restores the sequence numbers of a device. */
export function restoreNumbers(device: DeviceState, from: NumberingEntry): void {
  device.numbering = restoreNumbering(from);
}
