import { type AlertRecord, createAlertRecord } from '../alerts/alert-record.ts';
import { isRemembered, isTimed } from '../alerts/noise.ts';
import type { Keying } from '../model/plan/keying.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import type { WindowState } from '../windows/window-kind.ts';
import { DeviceState } from './device.ts';
import { GroupState } from './group.ts';
import type { KeyState, Remembered, Running } from './key.ts';
import type { PieceReader } from './piece-reader.ts';
import type { PieceWriter } from './piece-writer.ts';
import { type RestoreContext, reconnect } from './restore-context.ts';
import { type SlotList, withSlot } from './slot-list.ts';

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
  readonly clock?: ClockSnapshot;
  readonly furthestAt?: number;
  /** The `lastSeen…` of the key; `wakeMs` is `silenceWakeMs`, null for Infinity. */
  readonly hearing: HearingSnapshot;
  /** By rule name, as all that follow. */
  readonly windows: Readonly<Record<string, WindowState>>;
  readonly alerts: Readonly<Record<string, AlertRecord>>;
  readonly running: Readonly<Record<string, Running>>;
  readonly remembered: Readonly<Record<string, Remembered>>;
}

/** Whether a device is online, in a snapshot. See `DeviceState`; `seenAt` is `heardAt`. */
export interface PresenceSnapshot {
  readonly online: boolean;
  readonly known: boolean;
  readonly seenAt: number;
  readonly status?: boolean;
}

interface ClockSnapshot {
  readonly at: number;
  readonly receivedAt: number;
  readonly steppedMs: number;
  readonly spareMs: number;
}

interface HearingSnapshot {
  readonly seenAt: number;
  readonly seenLiveMs: number;
  readonly connection: number;
  readonly wakeMs: number | null;
}

/** What of a rule the next value is, in a piece. */
const WINDOW = 0;
const ALERT = 1;
const RUNNING = 2;
const REMEMBERED = 3;
/** After the last one. */
const END = -1;

/** Writes what each key has; `rules` are those of its keying. */
export function writeKey(writer: PieceWriter, rules: readonly RulePlan[], key: KeyState): void {
  writer.number(key.number);
  writer.texts(key.parts);
  writer.number(key.clockAt);
  if (!Number.isNaN(key.clockAt)) {
    writer.number(key.clockReceivedAt);
    writer.number(key.clockSteppedMs);
    writer.number(key.spareMs);
  }
  writer.number(key.usedLiveMs);
  writer.number(key.usedOn);
  writer.number(key.furthestAt);
  writer.number(key.lastSeenAt);
  writer.number(key.lastSeenLiveMs);
  writer.number(key.lastSeenOn);
  writer.number(key.silenceWakeMs);
  for (let i = 0; i < rules.length; i++) writeRule(writer, rules[i]!, key);
  writer.number(END);
}

function writeRule(writer: PieceWriter, rule: RulePlan, key: KeyState): void {
  const { slot, index } = rule;
  writeState(writer, index, WINDOW, key.windows[slot]);
  const alert = key.alerts[slot];
  if (alert !== undefined) writeState(writer, index, ALERT, alertToKeep(rule, alert));
  writeState(writer, index, RUNNING, key.running[slot]);
  writeState(writer, index, REMEMBERED, key.remembered[slot]);
}

function writeState(writer: PieceWriter, rule: number, kind: number, state: unknown): void {
  if (state === undefined) return;
  writer.number(rule);
  writer.number(kind);
  writer.value(state);
}

/** Reads what `writeKey` has written. `rules` are the names of the rules by their index when it was written. */
export function readKey(reader: PieceReader, per: readonly string[], rules: readonly string[]): KeySnapshot {
  const number = reader.number();
  const parts = reader.texts();
  const at = reader.number();
  const hasClock = !Number.isNaN(at);
  const clock: ClockSnapshot | undefined = hasClock
    ? { at, receivedAt: reader.number(), steppedMs: reader.number(), spareMs: reader.number() }
    : undefined;
  const used = [reader.number(), reader.number()] as const;
  const furthestAt = reader.number();
  const [seenAt, seenLiveMs, connection] = [reader.number(), reader.number(), reader.number()];
  const wakeMs = reader.number();
  const windows: Record<string, WindowState> = {};
  const alerts: Record<string, AlertRecord> = {};
  const running: Record<string, Running> = {};
  const remembered: Record<string, Remembered> = {};
  const states: Readonly<Record<number, Record<string, unknown>>> = {
    [WINDOW]: windows,
    [ALERT]: alerts,
    [RUNNING]: running,
    [REMEMBERED]: remembered,
  };
  for (let rule = reader.number(); rule !== END; rule = reader.number()) {
    states[reader.number()]![rules[rule]!] = reader.value();
  }
  return {
    number,
    per,
    parts,
    used,
    ...(clock !== undefined && { clock }),
    ...(furthestAt >= 0 && { furthestAt }),
    hearing: { seenAt, seenLiveMs, connection, wakeMs: Number.isFinite(wakeMs) ? wakeMs : null },
    windows,
    alerts,
    running,
    remembered,
  };
}

/** What to keep of an alert; undefined: nothing. */
function alertToKeep(rule: RulePlan, alert: AlertRecord): AlertRecord | undefined {
  if (isRemembered(alert)) return alert;
  if (!outlastsItsEnd(rule, alert)) return undefined;
  return { ...createAlertRecord(), changedAt: alert.changedAt, ahead: alert.ahead === true };
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
  const { hearing, clock, presence } = from;
  restoreLastSeen(key, hearing, connections);
  if (clock !== undefined) {
    key.clockAt = clock.at;
    key.clockReceivedAt = clock.receivedAt;
    key.clockSteppedMs = clock.steppedMs;
    key.spareMs = clock.spareMs;
  }
  key.furthestAt = from.furthestAt ?? -1;
  if (from.number !== undefined) key.number = from.number;
  const [usedLiveMs, usedOn] = from.used ?? [hearing.seenLiveMs, hearing.connection];
  const used = reconnect({ seenLiveMs: usedLiveMs, connection: usedOn }, connections);
  key.usedLiveMs = used.seenLiveMs;
  key.usedOn = used.connection;
  if (key instanceof GroupState) key.connection = connections[from.connection ?? 0]!.index;
  else if (key instanceof DeviceState && presence !== undefined) restorePresence(key, presence);
  key.windows = restoreBySlot(key.windows, from.windows, kept);
  restoreAlerts(key, keying, from.alerts, context);
  key.running = restoreBySlot(key.running, from.running, kept);
  key.remembered = restoreBySlot(key.remembered, from.remembered, kept);
}

/** Restores whether a device is online. */
export function restorePresence(device: DeviceState, { online, known, seenAt, status }: PresenceSnapshot): void {
  device.online = online;
  device.known = known;
  device.heardAt = seenAt;
  device.status = status;
}

function restoreLastSeen(key: KeyState, from: HearingSnapshot, connections: RestoreContext['connections']): void {
  const { wakeMs } = from;
  const { seenLiveMs, connection } = reconnect(from, connections);
  key.lastSeenAt = from.seenAt;
  key.lastSeenLiveMs = seenLiveMs;
  key.lastSeenOn = connection;
  // If the broker is gone, waiting has started again with another one.
  const startsAgain = connections[from.connection]!.seenLiveMs !== undefined;
  key.silenceWakeMs = startsAgain ? 0 : wakeMs === null ? Number.POSITIVE_INFINITY : (wakeMs ?? 0);
}

function restoreBySlot<T>(
  states: SlotList<T>,
  from: Readonly<Record<string, T>>,
  kept: RestoreContext['kept'],
): SlotList<T> {
  let restored = states;
  for (const [name, state] of Object.entries(from)) {
    const rule = kept.get(name);
    if (rule !== undefined) restored = withSlot(restored, rule.slot, state);
  }
  return restored;
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
    if (rule !== undefined) key.alerts = withSlot(key.alerts, rule.slot, { ...createAlertRecord(), ...alert });
    else if (successor?.keying === keying) {
      // No alert of the changed rule begins before the last alert of the old rule changed.
      const record = { ...createAlertRecord(), changedAt: alert.changedAt, ahead: true };
      key.alerts = withSlot(key.alerts, successor.slot, record);
    }
  }
}
