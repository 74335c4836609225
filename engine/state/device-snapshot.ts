import { listNumbering, type NumberingEntry, restoreNumbering } from '../decode/numbering.ts';
import type { StreamPlan } from '../model/plan/plan.ts';
import { type DeviceMark, type DeviceState, hasWatermark } from './device.ts';
import { keyText } from './key.ts';
import { type PresenceSnapshot, restorePresence } from './key-snapshot.ts';
import type { PieceReader } from './piece-reader.ts';
import type { PieceWriter } from './piece-writer.ts';

/** A device in a snapshot. */
export interface DeviceSnapshot {
  readonly name: string;
  /** An absent one is null. */
  readonly labels: readonly (string | null)[];
  /** Older versions wrote it here; now it is part of the device's own key. */
  readonly presence?: PresenceSnapshot;
  /** See `DeviceState.newestSent`; absent if there is none. */
  readonly newestAt?: number;
  /** See `DeviceState.newestAt`; absent if it is empty, and in what older versions wrote. */
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

/** Writes what a device has beyond a key. */
export function writeDevice(writer: PieceWriter, device: DeviceState): void {
  const { place, numbering } = device;
  writer.value(device.online);
  writer.value(device.known);
  writer.value(device.status);
  writer.number(device.heardAt);
  writer.value(place?.labels);
  writer.number(device.newestSent);
  const { newestCount } = device;
  writer.number(newestCount);
  for (let i = 0; i < newestCount; i++) writer.number(device.newestAt(i));
  writer.value(device.skewed);
  writer.value(numbering && listNumbering(device.text, numbering));
  writer.number(device.eventAt);
  if (hasWatermark(device)) {
    writer.number(device.seenLiveMs);
    writer.number(device.connection);
  }
  for (let mark = device.marks; mark !== undefined; mark = mark.next) writeMark(writer, mark);
}

function writeMark(
  writer: PieceWriter,
  { key, eventAt, seenLiveMs, connection, movedAfter, atTick }: DeviceMark,
): void {
  writer.number(key.keying);
  writer.texts(key.parts);
  writer.number(eventAt);
  writer.number(seenLiveMs);
  writer.number(connection);
  writer.number(movedAfter);
  writer.number(atTick);
}

/** Reads what `writeDevice` has written. `pers` are the keyings when it was written, `own` are the parts of the device's own key. */
export function readDevice(
  reader: PieceReader,
  own: readonly string[],
  pers: readonly (readonly string[])[],
): readonly [PresenceSnapshot, DeviceSnapshot | undefined] {
  const [online, known, status] = [reader.value(), reader.value(), reader.value()] as [
    boolean,
    boolean,
    boolean | null,
  ];
  const presence = { online, known, seenAt: reader.number(), ...(status !== null && { status }) };
  const labels = reader.value() as (string | null)[] | null;
  const newestAt = reader.number();
  const newest = Array.from({ length: reader.number() }, () => reader.number());
  const skewed = reader.value() as boolean;
  const numbering = reader.value() as NumberingEntry | null;
  const marks: MarkEntry[] = [];
  const eventAt = reader.number();
  if (!Number.isNaN(eventAt)) marks.push([pers[0]!, own, eventAt, reader.number(), reader.number()]);
  const ofGroups: MarkEntry[] = [];
  while (reader.hasMore) ofGroups.push(readMark(reader, pers));
  // Each is added before the ones that are already there.
  marks.push(...ofGroups.reverse());
  // It was no device, only the key of an alert.
  if (labels === null) return [presence, undefined];
  return [
    presence,
    {
      name: keyText(own),
      labels,
      ...(newestAt >= 0 && { newestAt }),
      ...(newest.length > 0 && { newest }),
      ...(skewed && { skewed }),
      ...(numbering !== null && { numbering }),
      ...(marks.length > 0 && { marks }),
    },
  ];
}

function readMark(reader: PieceReader, pers: readonly (readonly string[])[]): MarkEntry {
  const per = pers[reader.number()]!;
  const parts = reader.texts();
  const [eventAt, seenLiveMs, connection] = [reader.number(), reader.number(), reader.number()];
  const movedAfter = reader.number();
  const atTick = reader.number();
  return [per, parts, eventAt, seenLiveMs, connection, movedAfter, Number.isNaN(atTick) ? null : atTick];
}

/** The labels of a device in a snapshot, with a hole for an absent one. */
export function labelsOf({ labels }: DeviceSnapshot): readonly string[] {
  const present: string[] = [];
  present.length = labels.length;
  labels.forEach((label, i) => {
    if (label !== null) present[i] = label;
  });
  return present;
}

/**
 * Restores what belongs to the device itself. `fields` are the names of the stream's fields in the snapshot; the plan may have other fields, or
 * the same ones in another order.
 */
export function restoreDevice(
  device: DeviceState,
  { presence, newest }: DeviceSnapshot,
  fields: readonly string[],
  { config, readingRules }: StreamPlan,
): void {
  if (presence !== undefined) restorePresence(device, presence);
  if (newest === undefined || fields.length === 0 || readingRules.length === 0) return;
  config.fields.forEach(({ name }, i) => {
    device.setNewestAt(i, newest[fields.indexOf(name)] ?? -1);
  });
  device.setNewestAt(config.fields.length, newest.at(-1)!);
}

/** Restores the sequence numbers of a device. */
export function restoreNumbers(device: DeviceState, from: NumberingEntry): void {
  device.numbering = restoreNumbering(from);
}
