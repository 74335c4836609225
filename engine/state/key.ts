import { type AlertRecord, createAlertRecord } from '../alerts/alert-record.ts';
import { isRemembered, isTimed } from '../alerts/noise.ts';
import { isOpen } from '../alerts/removed-rule.ts';
import type { KeyClock } from '../devices/key-clock.ts';
import type { FieldValue } from '../model/field.ts';
import type { Key } from '../model/item/window-result.ts';
import type { Keying } from '../model/plan/keying.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import type { Watermark } from '../windows/watermark.ts';
import type { WindowState } from '../windows/window-kind.ts';
import { type RestoreContext, reconnect } from './restore-context.ts';

/** What the fold remembers about one key. `alerts`, `windowing.windows`, `running` and `remembered` are by the rules' slots. */
export interface KeyState {
  readonly key: Key;
  /** Index of the keying that the key belongs to. */
  readonly keying: number;
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

/** When a reading of a key last came, from any of its devices. Belongs to presence. */
export interface LastSeen {
  /** Receive time; -1 before the first reading. */
  seenAt: number;
  seenLiveMs: number;
  connection: number;
  /** Live time for which a silence timer is set; Infinity for none. */
  wakeMs: number;
}

/** A key's windows, and the watermarks of its devices. Belongs to window. */
export interface Windowing {
  readonly windows: (WindowState | undefined)[];
  /** Positions in the stream's window rules, in no order: the rules that have a window of this key. As `KeyState.openRules`. */
  openRules: number[] | undefined;
  /** By device; a key that is a device has one. */
  readonly watermarks: Map<string, Watermark>;
  /** Live time for which a window timer is set; Infinity for none. Not part of a snapshot. */
  wakeMs: number;
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
  readonly per: readonly string[];
  readonly parts: readonly string[];
  /** Absent before the first reading, and in what older versions wrote; so is `furthestAt`. */
  readonly clock?: KeyClock;
  readonly furthestAt?: number;
  /** `KeyState.lastSeen`; `wakeMs` is null for Infinity. */
  readonly hearing: Omit<LastSeen, 'wakeMs'> & { readonly wakeMs: number | null };
  /** `Windowing.watermarks`. */
  readonly marks: readonly (readonly [string, Watermark])[];
  /** By rule name, as all that follow. */
  readonly windows: Readonly<Record<string, WindowState>>;
  readonly alerts: Readonly<Record<string, AlertRecord>>;
  readonly running: Readonly<Record<string, Running>>;
  readonly remembered: Readonly<Record<string, Remembered>>;
}

/** Makes the state of a key before its first reading. `keying` is the index of its keying. */
export function createKey(key: Key, keying: number): KeyState {
  return {
    key,
    keying,
    clock: undefined,
    lastSeen: { seenAt: -1, seenLiveMs: 0, connection: 0, wakeMs: Number.POSITIVE_INFINITY },
    windowing: { windows: [], openRules: undefined, watermarks: new Map(), wakeMs: Number.POSITIVE_INFINITY },
    alerts: [],
    openRules: undefined,
    furthestAt: -1,
    running: [],
    remembered: [],
  };
}

/** The text of a key. One part is used as it is. Several are joined by `|`; `|` and `\` inside a part are escaped, so that no two keys are alike. */
export function keyText(parts: readonly string[]): string {
  return parts.length === 1 ? parts[0]! : parts.map((part) => part.replace(/[\\|]/g, '\\$&')).join('|');
}

/** The snapshot of a key; `rules` are those of its keying. Adds the rules that have an open alert of the key to `open`. */
export function keySnapshot(
  { per }: Keying,
  rules: readonly RulePlan[],
  key: KeyState,
  open: Set<RulePlan>,
): KeySnapshot {
  const { wakeMs } = key.lastSeen;
  return {
    per,
    parts: key.key.parts,
    ...(key.clock !== undefined && { clock: key.clock }),
    ...(key.furthestAt >= 0 && { furthestAt: key.furthestAt }),
    hearing: { ...key.lastSeen, wakeMs: Number.isFinite(wakeMs) ? wakeMs : null },
    marks: [...key.windowing.watermarks],
    windows: byRuleName(rules, key.windowing.windows),
    alerts: alertsByRuleName(rules, key.alerts, open),
    running: byRuleName(rules, key.running),
    remembered: byRuleName(rules, key.remembered),
  };
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

function alertsByRuleName(
  rules: readonly RulePlan[],
  alerts: KeyState['alerts'],
  open: Set<RulePlan>,
): Record<string, AlertRecord> {
  const named: Record<string, AlertRecord> = {};
  if (alerts.length === 0) return named;
  for (const rule of rules) {
    const alert = alerts[rule.slot];
    if (alert === undefined) continue;
    if (isOpen(alert)) open.add(rule);
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
  for (const [device, mark] of from.marks) key.windowing.watermarks.set(device, reconnect(mark, connections));
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
