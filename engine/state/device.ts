// Longer than most: every number of a device has a reader and a writer.
import type { Numbering } from '../decode/numbering.ts';
import { NOT_IN_WHEEL } from '../devices/timing-wheel.ts';
import type { Watermark } from '../windows/watermark.ts';
import type { GroupState } from './group.ts';
import { createNumbers, KeyState, OWN_NUMBERS } from './key.ts';

/** The watermark of a device in a group. */
export interface DeviceMark extends Watermark {
  readonly device: DeviceState;
  readonly key: GroupState;
  /** Number of the last tick before the watermark last moved, see `LastTick`. */
  movedAfter: number;
  /** The watermark at that tick; NaN: it was made after the tick. */
  atTick: number;
  /** The next one of the device. */
  next: DeviceMark | undefined;
}

/** What follows from the labels of a device. A device whose labels change gets another one. */
export class Place {
  readonly device: DeviceState;
  readonly labels: readonly string[];
  /** By keying: the groups of the device. Undefined: there is no room for the group; also the first, which is the device itself. */
  readonly groups: Groups;

  constructor(device: DeviceState, labels: readonly string[], groups: Groups) {
    this.device = device;
    this.labels = labels;
    this.groups = groups;
  }

  /** How many keyings the stream has. */
  get keyings(): number {
    return this.groups.length;
  }

  /** The key of a keying. Undefined: there is no room for it. */
  key(keying: number): KeyState | undefined {
    return keying === 0 ? this.device : this.groups[keying];
  }
}

/** Whether there is no room for some group of the device. */
export function hasNoRoom({ groups }: Place): boolean {
  for (let i = 1; i < groups.length; i++) if (groups[i] === undefined) return true;
  return false;
}

export type Groups = readonly (GroupState | undefined)[];

/** Positions in `KeyState.numbers`. */
const HEARD_AT = OWN_NUMBERS;
const NEWEST_SENT = OWN_NUMBERS + 1;
const EVENT_AT = OWN_NUMBERS + 2;
const SEEN_LIVE_MS = OWN_NUMBERS + 3;
const CONNECTION = OWN_NUMBERS + 4;
const WINDOW_WAKE_MS = OWN_NUMBERS + 5;
const WINDOW_SLOT = OWN_NUMBERS + 6;
const NEWEST = OWN_NUMBERS + 7;

/** Bits of `DeviceState.flags`. */
const ONLINE = 1;
const KNOWN = 2;
const HAS_STATUS = 4;
const STATUS = 8;
const SKEWED = 16;

/** What the fold remembers about one device of a stream. It is a key too: the one that `per: ["device"]` groups by, or that of a view. */
export class DeviceState extends KeyState implements Watermark {
  /** Belongs to the directory: what follows from the labels of its last reading. Undefined before the first. */
  place: Place | undefined = undefined;
  /** The labels of the last reading that presence has seen. Not part of a snapshot: after a cut they are those of the place. */
  seenLabels: readonly string[] = NO_LABELS;
  /** Belongs to decode: its sequence numbers, if the stream declares a sequence. */
  numbering: Numbering | undefined = undefined;
  /** The first of its watermarks, in every group that it was ever in. Belongs to window. See `findMark`. */
  marks: DeviceMark | undefined = undefined;
  /** If the key has several: its parts. */
  private readonly severalParts: readonly string[] | undefined;
  /** Booleans that would take eight bytes each. */
  private flags = 0;

  constructor(text: string, parts: readonly string[], number: number, numbers: readonly number[]) {
    super(text, 0, number, numbers.slice());
    this.severalParts = parts.length === 1 ? undefined : parts;
  }

  get parts(): readonly string[] {
    return this.severalParts ?? [this.text];
  }

  /** Whether the device is online. This and the next three belong to presence. */
  get online(): boolean {
    return has(this.flags, ONLINE);
  }
  set online(online: boolean) {
    this.flags = withFlag(this.flags, ONLINE, online);
  }
  /** A change of `online` was published, so that it is not published again. */
  get known(): boolean {
    return has(this.flags, KNOWN);
  }
  set known(known: boolean) {
    this.flags = withFlag(this.flags, KNOWN, known);
  }
  /** The value of the last status message, retained or not; undefined before the first. */
  get status(): boolean | undefined {
    return has(this.flags, HAS_STATUS) ? has(this.flags, STATUS) : undefined;
  }
  set status(status: boolean | undefined) {
    this.flags = withFlag(this.flags, HAS_STATUS, status !== undefined);
    this.flags = withFlag(this.flags, STATUS, status === true);
  }
  /** Receive time of the device's last reading or status; -1 before the first. */
  get heardAt(): number {
    return this.numbers[HEARD_AT]!;
  }
  set heardAt(at: number) {
    this.numbers[HEARD_AT] = at;
  }

  /** Belongs to decode: its stamps are set back to the receive time, until its clock is clearly right. */
  get skewed(): boolean {
    return has(this.flags, SKEWED);
  }
  set skewed(skewed: boolean) {
    this.flags = withFlag(this.flags, SKEWED, skewed);
  }
  /** Belongs to decode: the newest stamp that the device has sent while Weir was subscribed, as the device wrote it; -1 for none. */
  get newestSent(): number {
    return this.numbers[NEWEST_SENT]!;
  }
  set newestSent(at: number) {
    this.numbers[NEWEST_SENT] = at;
  }

  /** The watermark for windows of the device alone; NaN before the first reading. This and the next four belong to window. */
  get eventAt(): number {
    return this.numbers[EVENT_AT]!;
  }
  set eventAt(at: number) {
    this.numbers[EVENT_AT] = at;
  }
  get seenLiveMs(): number {
    return this.numbers[SEEN_LIVE_MS]!;
  }
  set seenLiveMs(liveMs: number) {
    this.numbers[SEEN_LIVE_MS] = liveMs;
  }
  get connection(): number {
    return this.numbers[CONNECTION]!;
  }
  set connection(connection: number) {
    this.numbers[CONNECTION] = connection;
  }
  /** Live time for which a window timer is set; Infinity for none. Not part of a snapshot. */
  get windowWakeMs(): number {
    return this.numbers[WINDOW_WAKE_MS]!;
  }
  set windowWakeMs(liveMs: number) {
    this.numbers[WINDOW_WAKE_MS] = liveMs;
  }
  get windowSlot(): number {
    return this.numbers[WINDOW_SLOT]!;
  }
  set windowSlot(slot: number) {
    this.numbers[WINDOW_SLOT] = slot;
  }

  /**
   * Event time of the newest reading that has a field; -1 for none. After the fields, event time of the newest reading with any field. Only if
   * rules of the stream evaluate single readings. Belongs to evaluate.
   */
  newestAt(field: number): number {
    return this.numbers[NEWEST + field]!;
  }
  setNewestAt(field: number, at: number): void {
    this.numbers[NEWEST + field] = at;
  }
  /** How many `newestAt` there are. */
  get newestCount(): number {
    return this.numbers.length - NEWEST;
  }
}

function has(flags: number, flag: number): boolean {
  return (flags & flag) !== 0;
}

function withFlag(flags: number, flag: number, value: boolean): number {
  return value ? flags | flag : flags & ~flag;
}

const NO_LABELS: readonly string[] = Object.freeze([]);

/** The numbers of a device before its first reading. `newest`: how many `newestAt` it has. */
export function createDeviceNumbers(newest: number): readonly number[] {
  const none = Array.from({ length: newest }, () => -1);
  return createNumbers(-1, -1, Number.NaN, 0, 0, Number.POSITIVE_INFINITY, NOT_IN_WHEEL, ...none);
}

/** Whether window rules have seen a reading of the device. */
export function hasWatermark({ eventAt }: DeviceState): boolean {
  return !Number.isNaN(eventAt);
}

/** A device is in few groups at a time; those that it was in before are further back. */
const NEAR = 4;

/** The watermark of a device in a group; undefined if there is none. */
export function findMark(device: DeviceState, key: GroupState): DeviceMark | undefined {
  let before: DeviceMark | undefined;
  let steps = 0;
  for (let mark = device.marks; mark !== undefined; mark = mark.next) {
    if (mark.key === key) {
      if (steps > NEAR) {
        before!.next = mark.next;
        mark.next = device.marks;
        device.marks = mark;
      }
      return mark;
    }
    before = mark;
    steps += 1;
  }
  return undefined;
}

/** Gives a device a watermark in a group. */
export function addMark(
  device: DeviceState,
  key: GroupState,
  { eventAt, seenLiveMs, connection }: Watermark,
): DeviceMark {
  const mark: DeviceMark = {
    device,
    key,
    eventAt,
    seenLiveMs,
    connection,
    movedAfter: -1,
    atTick: Number.NaN,
    next: device.marks,
  };
  device.marks = mark;
  // A list that grows makes room for 16 more, and many groups have one device.
  if (key.watermarks.length === 0) key.watermarks = [mark];
  else key.watermarks.push(mark);
  return mark;
}

/** Takes a watermark from its device; its group still has it. */
export function removeMark(removed: DeviceMark): void {
  const { device } = removed;
  if (device.marks === removed) device.marks = removed.next;
  for (let mark = device.marks; mark !== undefined; mark = mark.next) {
    if (mark.next === removed) mark.next = removed.next;
  }
}
