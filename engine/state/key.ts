import { type AlertRecord, createAlertRecord } from '../alerts/alert-record.ts';
import type { KeyClock } from '../devices/key-clock.ts';
import { NOT_IN_WHEEL } from '../devices/timing-wheel.ts';
import type { FieldValue } from '../model/field.ts';
import type { Key } from '../model/item/window-result.ts';
import type { WindowState } from '../windows/window-kind.ts';
import type { Part } from './changes.ts';
import { NONE, type SlotList, withSlot } from './slot-list.ts';

/** The state of a rule's running facts for one key. Plain data. */
export interface Running {
  /** Event time of the newest reading that they have taken. */
  at: number;
  /** States of the detectors, by their order in the plan. */
  readonly detectors: unknown[];
}

export type Remembered = readonly (FieldValue | null)[];

/** Positions in `KeyState.numbers`. */
const USED_LIVE_MS = 0;
const USED_ON = 1;
const IDLE_SLOT = 2;
const CLOCK_AT = 3;
const CLOCK_RECEIVED_AT = 4;
const CLOCK_STEPPED_MS = 5;
const SPARE_MS = 6;
const LAST_SEEN_AT = 7;
const LAST_SEEN_LIVE_MS = 8;
const LAST_SEEN_ON = 9;
const SILENCE_WAKE_MS = 10;
const SILENCE_SLOT = 11;
const FURTHEST_AT = 12;
/** How many there are. */
const KEY_NUMBERS = 13;

/**
 * What the fold remembers about one key: a device or a group of devices. Items refer to a key as a `Key`; see `keyStateOf`.
 *
 * There may be a million of them. So the numbers are in one array of doubles: as properties, each would take three times the memory.
 */
export abstract class KeyState implements Key, Part, KeyClock {
  readonly text: string;
  abstract readonly parts: readonly string[];
  /** Index of the keying that the key belongs to. That of devices is 0. */
  readonly keying: number;
  number: number;
  section = 0;
  /** The numbers behind the accessors. A subclass has more of them after those of a key. */
  protected readonly numbers: number[];
  /** By slot, as all lists below. Belongs to window. */
  windows: SlotList<WindowState> = NONE;
  /** Positions in the stream's window rules, in no order: the rules that have a window of this key. As `openRules`. */
  openWindows: number[] | undefined = undefined;
  /** Belongs to transition and to the steps that evaluate (presence, evaluate); they agree on `AlertRecord.watched`. */
  alerts: SlotList<AlertRecord> = NONE;
  /**
   * Positions in the stream's reading rules, in no order: all rules whose alert is watched, and some whose alert no longer is. Used if these rules
   * have an index. Undefined: not worked out yet. Belongs to evaluate; not part of a snapshot.
   */
  openRules: number[] | undefined = undefined;
  /** Belongs to evaluate. */
  running: SlotList<Running> = NONE;
  /** The previous values of facts that a rule compares by `changed`; null for a fact that had no value yet. Belongs to evaluate. */
  remembered: SlotList<Remembered> = NONE;

  constructor(text: string, keying: number, number: number, numbers: number[]) {
    this.text = text;
    this.keying = keying;
    this.number = number;
    this.numbers = numbers;
  }

  /** Live time at which an item last used the key, on the connection `usedOn`. Belongs to the directory. */
  get usedLiveMs(): number {
    return this.numbers[USED_LIVE_MS]!;
  }
  set usedLiveMs(liveMs: number) {
    this.numbers[USED_LIVE_MS] = liveMs;
  }
  get usedOn(): number {
    return this.numbers[USED_ON]!;
  }
  set usedOn(connection: number) {
    this.numbers[USED_ON] = connection;
  }
  /** See `TimerAccess`. Not part of a snapshot; nor are those of the other timers. */
  get idleSlot(): number {
    return this.numbers[IDLE_SLOT]!;
  }
  set idleSlot(slot: number) {
    this.numbers[IDLE_SLOT] = slot;
  }

  /** NaN before the key's first reading. The clock belongs to the step that follows clocks. */
  get clockAt(): number {
    return this.numbers[CLOCK_AT]!;
  }
  set clockAt(at: number) {
    this.numbers[CLOCK_AT] = at;
  }
  get clockReceivedAt(): number {
    return this.numbers[CLOCK_RECEIVED_AT]!;
  }
  set clockReceivedAt(at: number) {
    this.numbers[CLOCK_RECEIVED_AT] = at;
  }
  get clockSteppedMs(): number {
    return this.numbers[CLOCK_STEPPED_MS]!;
  }
  set clockSteppedMs(steppedMs: number) {
    this.numbers[CLOCK_STEPPED_MS] = steppedMs;
  }
  get spareMs(): number {
    return this.numbers[SPARE_MS]!;
  }
  set spareMs(spareMs: number) {
    this.numbers[SPARE_MS] = spareMs;
  }

  /** Receive time of the last reading from any device of the key; -1 before the first. This and the next four belong to presence. */
  get lastSeenAt(): number {
    return this.numbers[LAST_SEEN_AT]!;
  }
  set lastSeenAt(at: number) {
    this.numbers[LAST_SEEN_AT] = at;
  }
  /** Live time of that reading, on the connection `lastSeenOn`. */
  get lastSeenLiveMs(): number {
    return this.numbers[LAST_SEEN_LIVE_MS]!;
  }
  set lastSeenLiveMs(liveMs: number) {
    this.numbers[LAST_SEEN_LIVE_MS] = liveMs;
  }
  get lastSeenOn(): number {
    return this.numbers[LAST_SEEN_ON]!;
  }
  set lastSeenOn(connection: number) {
    this.numbers[LAST_SEEN_ON] = connection;
  }
  /** Live time for which a silence timer is set; Infinity for none. */
  get silenceWakeMs(): number {
    return this.numbers[SILENCE_WAKE_MS]!;
  }
  set silenceWakeMs(liveMs: number) {
    this.numbers[SILENCE_WAKE_MS] = liveMs;
  }
  get silenceSlot(): number {
    return this.numbers[SILENCE_SLOT]!;
  }
  set silenceSlot(slot: number) {
    this.numbers[SILENCE_SLOT] = slot;
  }

  /** If rules evaluate single readings: the latest event time of the key's readings; -1 before the first. Belongs to evaluate. */
  get furthestAt(): number {
    return this.numbers[FURTHEST_AT]!;
  }
  set furthestAt(at: number) {
    this.numbers[FURTHEST_AT] = at;
  }
}

/** The numbers of a key before its first reading, and `more` after them. A copy of it (`slice`) takes no more memory than needed. */
export function createNumbers(...more: readonly number[]): readonly number[] {
  // The first number is no integer, so this is an array of doubles from the start.
  const numbers = [Number.NaN];
  for (let i = 1; i < KEY_NUMBERS; i++) numbers.push(0);
  numbers[USED_LIVE_MS] = 0;
  numbers[IDLE_SLOT] = NOT_IN_WHEEL;
  numbers[CLOCK_AT] = Number.NaN;
  numbers[LAST_SEEN_AT] = -1;
  numbers[SILENCE_WAKE_MS] = Number.POSITIVE_INFINITY;
  numbers[SILENCE_SLOT] = NOT_IN_WHEEL;
  numbers[FURTHEST_AT] = -1;
  for (const number of more) numbers.push(number);
  return numbers;
}

/** The position of the first number of a subclass. */
export const OWN_NUMBERS = KEY_NUMBERS;

/** The state of a key that an item refers to. Items of the fold refer to keys by their state alone. */
export function keyStateOf(key: Key): KeyState {
  return key as KeyState;
}

/** The alert of a rule for a key, by the rule's slot. It is made if there is none. */
export function alertOf(key: KeyState, slot: number): AlertRecord {
  const known = key.alerts[slot];
  if (known !== undefined) return known;
  const record = createAlertRecord();
  key.alerts = withSlot(key.alerts, slot, record);
  return record;
}

/** The text of a key. One part is used as it is. Several are joined by `|`; `|` and `\` inside a part are escaped, so that no two keys are alike. */
export function keyText(parts: readonly string[]): string {
  return parts.length === 1 ? parts[0]! : parts.map((part) => part.replace(/[\\|]/g, '\\$&')).join('|');
}
