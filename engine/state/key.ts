// Longer than most: the state of a key and its snapshot are defined side by side, so that neither is forgotten.
import { type AlertRecord, createAlertRecord } from '../alerts/alert-record.ts';
import { isRemembered, isTimed } from '../alerts/noise.ts';
import type { KeyClock } from '../devices/key-clock.ts';
import { NOT_IN_WHEEL } from '../devices/timing-wheel.ts';
import type { FieldValue } from '../model/field.ts';
import type { Key } from '../model/item/window-result.ts';
import type { Keying } from '../model/plan/keying.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import type { Watermark } from '../windows/watermark.ts';
import type { WindowState } from '../windows/window-kind.ts';
import type { Part } from './changes.ts';
import { type RestoreContext, reconnect } from './restore-context.ts';

/**
 * What the fold remembers about one key. `alerts`, `windowing.windows`, `running` and `remembered` are by the rules' slots. Items refer to a key
 * as a `Key`; see `keyStateOf`.
 */
export interface KeyState extends Key, Part {
  /** Index of the keying that the key belongs to. */
  readonly keying: number;
  /** Live time at which an item last used the key, on the connection `usedOn`. Belongs to the directory. */
  usedLiveMs: number;
  usedOn: number;
  /** See `TimerAccess`. */
  idleSlot: number;
  /** Of the device that the key is; undefined for a group. */
  presence: Presence | undefined;
  /** Undefined before the key's first reading. Belongs to the step that follows clocks. */
  clock: KeyClock | undefined;
  readonly lastSeen: LastSeen;
  readonly windowing: Windowing;
  /** Belongs to transition and to the steps that evaluate (presence, evaluate); they agree on `AlertRecord.watched`. */
  readonly alerts: (AlertRecord | undefined)[];
  /**
   * Positions in the stream's reading rules, in no order: all rules whose alert is watched, and some whose alert no longer is. Used if these rules
   * have an index. Undefined: not worked out yet. Belongs to evaluate; not part of a snapshot.
   */
  openRules: number[] | undefined;
  /** If rules evaluate single readings: the latest event time of the key's readings; -1 before the first. Belongs to evaluate. */
  furthestAt: number;
  /** Belongs to evaluate. */
  readonly running: (Running | undefined)[];
  /** The previous values of facts that a rule compares by `changed`; null for a fact that had no value yet. Belongs to evaluate. */
  readonly remembered: (Remembered | undefined)[];
}

/** Whether a device is online. Belongs to presence. */
export interface Presence {
  online: boolean;
  /** A change of `online` was published, so that it is not published again. */
  known: boolean;
  /** Receive time of the device's last reading; -1 before the first. */
  seenAt: number;
  /** The value of the last status message, retained or not; undefined before the first. */
  status: boolean | undefined;
  /** The labels of the last reading. Not part of a snapshot: after a cut they are those of the device's place. */
  labels: readonly string[];
}

/** `Presence` in a snapshot. */
export type PresenceSnapshot = Omit<Presence, 'labels' | 'status'> & { readonly status?: boolean };

/** When a reading of a key last came, from any of its devices. Belongs to presence. */
export interface LastSeen {
  /** Receive time; -1 before the first reading. */
  seenAt: number;
  seenLiveMs: number;
  connection: number;
  /** Live time for which a silence timer is set; Infinity for none. */
  wakeMs: number;
  /** See `TimerAccess`. Not part of a snapshot; nor are those of the other timers. */
  slot: number;
}

/** A key's windows, and the watermarks of its devices. Belongs to window. */
export interface Windowing {
  readonly windows: (WindowState | undefined)[];
  /** Positions in the stream's window rules, in no order: the rules that have a window of this key. As `KeyState.openRules`. */
  openRules: number[] | undefined;
  /** Of its devices, in no order; a key that is a device has one. Part of a snapshot with the devices. */
  readonly watermarks: Watermark[];
  /** Undefined for a key that is a device. */
  readonly group: GroupClock | undefined;
  /** Live time for which a window timer is set; Infinity for none. Not part of a snapshot. */
  wakeMs: number;
  slot: number;
}

/** How far event time has advanced in a group of devices. Belongs to window. */
export interface GroupClock {
  /** Index of the broker that last delivered a reading of the group. */
  connection: number;
  /** The tick for which `passedAt` was computed; -1: never. Not part of a snapshot: it saves work, and decides nothing. */
  passedTick: number;
  /** The watermark of the group at that tick. */
  passedAt: number;
  /** The next tick looks at the group. Not part of a snapshot: after a restart it looks at all groups. */
  isActive: boolean;
  /** Receive time for which a timer is set; Infinity for none. Not part of a snapshot. */
  wakeAt: number;
  slot: number;
  /** A device that the windows of the group wait for. Not part of a snapshot: it saves work, and decides nothing. */
  awaited: Watermark | undefined;
  /** Where the search for the next such device begins. Not part of a snapshot. */
  cursor: number;
}

/** The state of a rule's running facts for one key. Plain data. */
export interface Running {
  /** Event time of the newest reading that they have taken. */
  at: number;
  /** States of the detectors, by their order in the plan. */
  readonly detectors: unknown[];
}

type Remembered = readonly (FieldValue | null)[];

/** A key in a snapshot. */
export interface KeySnapshot {
  /** `Part.number`. Absent in what older versions wrote. */
  readonly number?: number;
  readonly per: readonly string[];
  readonly parts: readonly string[];
  /** Of a device. Older versions wrote it with the device. */
  readonly presence?: PresenceSnapshot;
  /** Of a group: see `GroupClock`. Older versions did not write it. */
  readonly connection?: number;
  /** `KeyState.usedLiveMs` and `usedOn`. Older versions did not write it. */
  readonly used?: readonly [liveMs: number, connection: number];
  /** Absent before the first reading, and in what older versions wrote; so is `furthestAt`. */
  readonly clock?: KeyClock;
  readonly furthestAt?: number;
  /** `KeyState.lastSeen`; `wakeMs` is null for Infinity. */
  readonly hearing: Omit<LastSeen, 'wakeMs' | 'slot'> & { readonly wakeMs: number | null };
  /** By rule name, as all that follow. */
  readonly windows: Readonly<Record<string, WindowState>>;
  readonly alerts: Readonly<Record<string, AlertRecord>>;
  readonly running: Readonly<Record<string, Running>>;
  readonly remembered: Readonly<Record<string, Remembered>>;
}

/** The presence of a device before its first reading. */
export function createPresence(): Presence {
  return { online: false, known: false, seenAt: -1, status: undefined, labels: [] };
}

/** Restores a presence; the labels are restored with the device. */
export function restorePresence(presence: Presence, { online, known, seenAt, status }: PresenceSnapshot): void {
  Object.assign(presence, { online, known, seenAt, status });
}

/** Makes the state of a key before its first reading. */
export function createKey({ text, parts }: Key, { index: keying, byDevice }: Keying, number: number): KeyState {
  return {
    text,
    parts,
    keying,
    number,
    section: 0,
    usedLiveMs: 0,
    usedOn: 0,
    idleSlot: NOT_IN_WHEEL,
    presence: undefined,
    clock: undefined,
    lastSeen: { seenAt: -1, seenLiveMs: 0, connection: 0, wakeMs: Number.POSITIVE_INFINITY, slot: NOT_IN_WHEEL },
    windowing: {
      windows: [],
      openRules: undefined,
      watermarks: [],
      group: byDevice ? undefined : createGroupClock(),
      wakeMs: Number.POSITIVE_INFINITY,
      slot: NOT_IN_WHEEL,
    },
    alerts: [],
    openRules: undefined,
    furthestAt: -1,
    running: [],
    remembered: [],
  };
}

function createGroupClock(): GroupClock {
  return {
    connection: 0,
    passedTick: -1,
    passedAt: 0,
    isActive: false,
    wakeAt: Number.POSITIVE_INFINITY,
    slot: NOT_IN_WHEEL,
    awaited: undefined,
    cursor: 0,
  };
}

/** The state of a key that an item refers to. Items of the fold refer to keys by their state alone. */
export function keyStateOf(key: Key): KeyState {
  return key as KeyState;
}

/** The text of a key. One part is used as it is. Several are joined by `|`; `|` and `\` inside a part are escaped, so that no two keys are alike. */
export function keyText(parts: readonly string[]): string {
  return parts.length === 1 ? parts[0]! : parts.map((part) => part.replace(/[\\|]/g, '\\$&')).join('|');
}

/** The snapshot of a key; `rules` are those of its keying. */
export function keySnapshot({ per }: Keying, rules: readonly RulePlan[], key: KeyState): KeySnapshot {
  const { seenAt, seenLiveMs, connection, wakeMs } = key.lastSeen;
  const { group } = key.windowing;
  return {
    number: key.number,
    per,
    parts: key.parts,
    used: [key.usedLiveMs, key.usedOn],
    ...(key.clock !== undefined && { clock: key.clock }),
    ...(key.furthestAt >= 0 && { furthestAt: key.furthestAt }),
    hearing: { seenAt, seenLiveMs, connection, wakeMs: Number.isFinite(wakeMs) ? wakeMs : null },
    ...(key.presence !== undefined && { presence: presenceSnapshot(key.presence) }),
    ...(group !== undefined && { connection: group.connection }),
    windows: byRuleName(rules, key.windowing.windows),
    alerts: alertsByRuleName(rules, key.alerts),
    running: byRuleName(rules, key.running),
    remembered: byRuleName(rules, key.remembered),
  };
}

function presenceSnapshot({ online, known, seenAt, status }: Presence): PresenceSnapshot {
  return { online, known, seenAt, ...(status !== undefined && { status }) };
}

function byRuleName<T>(rules: readonly RulePlan[], states: readonly (T | undefined)[]): Record<string, T> {
  const named: Record<string, T> = {};
  if (states.length === 0) return named;
  for (const { name, slot } of rules) {
    const state = states[slot];
    if (state !== undefined) named[name] = state;
  }
  return named;
}

function alertsByRuleName(rules: readonly RulePlan[], alerts: KeyState['alerts']): Record<string, AlertRecord> {
  const named: Record<string, AlertRecord> = {};
  if (alerts.length === 0) return named;
  for (const rule of rules) {
    const alert = alerts[rule.slot];
    if (alert === undefined) continue;
    if (isRemembered(alert)) named[rule.name] = alert;
    else if (outlastsItsEnd(rule, alert)) {
      named[rule.name] = { ...createAlertRecord(), changedAt: alert.changedAt, ahead: alert.ahead === true };
    }
  }
  return named;
}

/**
 * Whether the time at which an alert ended must be remembered, because the next alert could begin before it. Evaluations about a single device
 * come in the order of their stamps, unless time (by our clock) or the order of arrival decides too, or the end is later than its stamp.
 */
function outlastsItsEnd(rule: RulePlan, { changedAt, ahead }: AlertRecord): boolean {
  const byArrival = (rule.kind === 'reading' || rule.kind === 'derived') && rule.order.byArrival;
  return changedAt >= 0 && (ahead === true || !rule.keying.byDevice || byArrival || isTimed(rule.lifecycle));
}

/** Restores a key. State of rules that have changed is left out, except for the time at which their alerts last changed. */
export function restoreKey(key: KeyState, keying: Keying, from: KeySnapshot, context: RestoreContext): void {
  const { kept, connections } = context;
  restoreLastSeen(key.lastSeen, from.hearing, connections);
  key.clock = from.clock;
  key.furthestAt = from.furthestAt ?? -1;
  if (from.number !== undefined) key.number = from.number;
  const [usedLiveMs, usedOn] = from.used ?? [from.hearing.seenLiveMs, from.hearing.connection];
  const used = reconnect({ seenLiveMs: usedLiveMs, connection: usedOn }, connections);
  key.usedLiveMs = used.seenLiveMs;
  key.usedOn = used.connection;
  if (from.presence !== undefined) restorePresence((key.presence ??= createPresence()), from.presence);
  const { group } = key.windowing;
  if (group !== undefined) group.connection = connections[from.connection ?? 0]!.index;
  restoreBySlot(key.windowing.windows, from.windows, kept);
  restoreAlerts(key, keying, from.alerts, context);
  restoreBySlot(key.running, from.running, kept);
  restoreBySlot(key.remembered, from.remembered, kept);
}

function restoreLastSeen(
  lastSeen: LastSeen,
  { wakeMs, ...from }: KeySnapshot['hearing'],
  connections: RestoreContext['connections'],
): void {
  Object.assign(lastSeen, reconnect(from, connections));
  // If the broker is gone, waiting has started again with another one.
  const startsAgain = connections[from.connection]!.seenLiveMs !== undefined;
  lastSeen.wakeMs = startsAgain ? 0 : wakeMs === null ? Number.POSITIVE_INFINITY : (wakeMs ?? 0);
}

function restoreBySlot<T>(
  states: (T | undefined)[],
  from: Readonly<Record<string, T>>,
  kept: RestoreContext['kept'],
): void {
  for (const [name, state] of Object.entries(from)) {
    const rule = kept.get(name);
    if (rule !== undefined) states[rule.slot] = state;
  }
}

function restoreAlerts(
  key: KeyState,
  keying: Keying,
  from: KeySnapshot['alerts'],
  { kept, changed }: RestoreContext,
): void {
  for (const [name, alert] of Object.entries(from)) {
    const rule = kept.get(name);
    const successor = changed.get(name);
    // Older versions wrote fewer fields of a record.
    if (rule !== undefined) key.alerts[rule.slot] = { ...createAlertRecord(), ...alert };
    else if (successor?.keying === keying) {
      // No alert of the changed rule begins before the last alert of the old rule changed.
      key.alerts[successor.slot] = { ...createAlertRecord(), changedAt: alert.changedAt, ahead: true };
    }
  }
}
