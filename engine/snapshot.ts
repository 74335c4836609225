import type { AlertClock } from './alerts/clock.ts';
import type { AlertRecord } from './alerts/lifecycle.ts';
import { isAttended, isRemembered, isTimed, type LimitRecord } from './alerts/noise.ts';
import { listDeliveries, restoreDeliveries } from './decode/redelivery.ts';
import type { LiveClock } from './devices/liveness.ts';
import type { Keying, Plan, RulePlan } from './model/plan.ts';
import type { FieldValue } from './model/reading.ts';
import {
  createState,
  type Hearing,
  type KeyState,
  lookUpDevice,
  lookUpKey,
  type Presence,
  type Running,
  type State,
} from './state.ts';
import type { Watermark } from './windows/watermark.ts';
import type { WindowState } from './windows/window-kind.ts';

/** The state as plain data. Rules and streams stand by name, so that a changed config finds what is still its own. */
export interface Snapshot {
  /** Names of the brokers, by the connection indexes in this snapshot. */
  readonly brokers: readonly string[];
  readonly clocks: Readonly<Record<string, LiveClock>>;
  /** As `listDeliveries` gives them. */
  readonly deliveries: Readonly<Record<string, readonly number[]>>;
  /** Rule name → version: whose state this is. */
  readonly rules: Readonly<Record<string, string>>;
  readonly streams: Readonly<Record<string, StreamSnapshot>>;
  readonly alertClock: AlertClock;
  /** By rule name: the periods of limits that run. */
  readonly limits: Readonly<Record<string, LimitRecord>>;
}

interface StreamSnapshot {
  readonly labels: readonly string[];
  readonly devices: readonly {
    readonly name: string;
    readonly labels: readonly string[];
    readonly presence: Presence;
  }[];
  readonly keys: readonly KeySnapshot[];
}

interface KeySnapshot {
  readonly per: readonly string[];
  readonly parts: readonly string[];
  readonly hearing: Omit<Hearing, 'wakeMs'>;
  readonly marks: readonly (readonly [string, Watermark])[];
  /** By rule name. */
  readonly windows: Readonly<Record<string, WindowState>>;
  readonly alerts: Readonly<Record<string, AlertRecord>>;
  readonly running: Readonly<Record<string, Running>>;
  readonly remembered: Readonly<Record<string, readonly (FieldValue | null)[]>>;
}

/** Takes the state down. The result shares nothing with it only once it has been made JSON; do that before the next record. */
export function snapshot(plan: Plan, brokers: readonly string[], state: State): Snapshot {
  return {
    brokers,
    clocks: Object.fromEntries(brokers.map((name, i) => [name, state.clocks[i]!])),
    deliveries: Object.fromEntries(brokers.map((name, i) => [name, listDeliveries(state.deliveries[i]!)])),
    rules: Object.fromEntries(plan.rules.map((rule) => [rule.name, rule.version])),
    alertClock: state.alerting.clock,
    limits: Object.fromEntries(
      plan.rules.flatMap(({ name, index }) => {
        const { limit } = state.alerting.rules[index]!;
        return limit === undefined ? [] : [[name, limit] as const];
      }),
    ),
    streams: Object.fromEntries(
      plan.streams.map((streamPlan) => {
        const stream = state.streams[streamPlan.index]!;
        const labels = streamPlan.config.labels.map((label) => label.name);
        const devices = Array.from(stream.devices.values(), (each) => ({
          name: each.name,
          labels: each.labels,
          presence: each.presence,
        }));
        const keys = streamPlan.keyings.flatMap((keying) => {
          const rules = plan.rules.filter((rule) => rule.keying === keying);
          return Array.from(stream.keys[keying.index]!.values(), (key) => keySnapshot(keying, rules, key));
        });
        return [streamPlan.name, { labels, devices, keys }];
      }),
    ),
  };
}

function keySnapshot(keying: Keying, rules: readonly RulePlan[], key: KeyState): KeySnapshot {
  const { wakeMs: _wakeMs, ...hearing } = key.hearing;
  const windows: Record<string, WindowState> = {};
  const alerts: Record<string, AlertRecord> = {};
  const running: Record<string, Running> = {};
  const remembered: Record<string, readonly (FieldValue | null)[]> = {};
  for (const rule of rules) {
    const window = key.windowing.windows[rule.slot];
    const alert = key.alerts[rule.slot];
    const facts = key.running[rule.slot];
    if (window !== undefined) windows[rule.name] = window;
    if (alert !== undefined && isRemembered(alert)) alerts[rule.name] = alert;
    if (facts !== undefined) running[rule.name] = facts;
    const values = key.remembered[rule.slot];
    if (values !== undefined) remembered[rule.name] = values;
  }
  return {
    per: keying.per,
    parts: key.key.parts,
    hearing,
    marks: [...key.windowing.marks],
    windows,
    alerts,
    running,
    remembered,
  };
}

/**
 * Makes a state from a snapshot. State of rules and streams that are gone, or that changed their meaning, is left out and named in
 * `dropped`; everything else is taken over.
 */
export function restore(
  plan: Plan,
  brokers: readonly string[],
  from: Snapshot,
): { state: State; dropped: readonly string[] } {
  const state = createState(plan, brokers.length);
  brokers.forEach((name, i) => {
    const clock = from.clocks[name];
    if (clock !== undefined) state.clocks[i] = { ...clock };
    state.deliveries[i] = restoreDeliveries(from.deliveries[name] ?? []);
  });
  const connections = from.brokers.map((name): Connection => {
    const index = brokers.indexOf(name);
    return { index: Math.max(index, 0), seenLiveMs: index < 0 ? state.clocks[0]!.liveMs : undefined };
  });
  const kept = new Map(
    plan.rules.filter((rule) => from.rules[rule.name] === rule.version).map((rule) => [rule.name, rule]),
  );
  const dropped = Object.keys(from.rules)
    .filter((name) => !kept.has(name))
    .map((name) => `rule ${name}`);
  for (const [name, snapshotted] of Object.entries(from.streams)) {
    const streamPlan = plan.streams.find((each) => each.name === name);
    const labels = streamPlan?.config.labels.map((label) => label.name);
    if (streamPlan === undefined || labels?.join() !== snapshotted.labels.join()) {
      dropped.push(`stream ${name}`);
      continue;
    }
    const stream = state.streams[streamPlan.index]!;
    for (const each of snapshotted.keys) {
      const keying = streamPlan.keyings.find((known) => known.per.join() === each.per.join());
      if (keying !== undefined) restoreKey(lookUpKey(stream, keying.index, each.parts), each, kept, connections);
    }
    // Behind the keys, so that those stand in their old order.
    for (const device of snapshotted.devices) {
      Object.assign(lookUpDevice(stream, streamPlan.keyings, device.name, device.labels).presence, device.presence);
    }
    for (const keys of stream.keys) {
      for (const key of keys.values()) {
        // Looked at with the next tick, which sets the right timers.
        if (streamPlan.silenceRules[key.keying]!.length > 0 && key.hearing.seenAt >= 0) {
          key.hearing.wakeMs = 0;
          stream.silenceTimers.schedule(key, 0);
        }
        if (streamPlan.keyings[key.keying]!.byDevice && key.windowing.marks.size > 0) {
          key.windowing.wakeMs = 0;
          stream.windowTimers.schedule(key, 0);
        }
      }
    }
  }
  restoreAlerting(plan, brokers, state, from, kept);
  return { state, dropped };
}

function restoreAlerting(
  plan: Plan,
  brokers: readonly string[],
  { alerting, streams }: State,
  from: Snapshot,
  kept: ReadonlyMap<string, RulePlan>,
): void {
  const { liveMs, ...clock } = from.alertClock;
  alerting.clock = { ...clock, liveMs: brokers.map((name) => liveMs[from.brokers.indexOf(name)] ?? null) };
  for (const [name, limit] of Object.entries(from.limits)) {
    const rule = kept.get(name);
    if (rule !== undefined) alerting.rules[rule.index]!.limit = limit;
  }
  for (const rule of plan.rules.filter(({ lifecycle }) => isTimed(lifecycle))) {
    for (const key of streams[rule.stream]!.keys[rule.keying.index]!.values()) {
      const alert = key.alerts[rule.slot];
      if (alert !== undefined && isAttended(alert)) alerting.rules[rule.index]!.open.add(key);
    }
  }
}

/** What a broker of the snapshot is now. Where it is gone, the first one takes its place, and waiting begins anew. */
interface Connection {
  readonly index: number;
  readonly seenLiveMs: number | undefined;
}

function restoreKey(
  key: KeyState,
  from: KeySnapshot,
  kept: ReadonlyMap<string, RulePlan>,
  connections: readonly Connection[],
): void {
  const reconnected = <T extends { readonly connection: number; readonly seenLiveMs: number }>(heard: T) => {
    const { index, seenLiveMs = heard.seenLiveMs } = connections[heard.connection]!;
    return { ...heard, connection: index, seenLiveMs };
  };
  Object.assign(key.hearing, reconnected(from.hearing));
  for (const [device, mark] of from.marks) key.windowing.marks.set(device, reconnected(mark));
  for (const [name, window] of Object.entries(from.windows)) {
    const rule = kept.get(name);
    if (rule !== undefined) key.windowing.windows[rule.slot] = window;
  }
  for (const [name, alert] of Object.entries(from.alerts)) {
    const rule = kept.get(name);
    if (rule !== undefined) key.alerts[rule.slot] = alert;
  }
  for (const [name, running] of Object.entries(from.running)) {
    const rule = kept.get(name);
    if (rule !== undefined) key.running[rule.slot] = running;
  }
  for (const [name, values] of Object.entries(from.remembered)) {
    const rule = kept.get(name);
    if (rule !== undefined) key.remembered[rule.slot] = values;
  }
}
