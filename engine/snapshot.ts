import type { AlertClock } from './alerts/clock.ts';
import { type AlertRecord, createAlertRecord } from './alerts/lifecycle.ts';
import { isAttended, isRemembered, isTimed, type LimitRecord } from './alerts/noise.ts';
import { isOpen, type Orphan, traceOf } from './alerts/orphan.ts';
import { listNumbering, type NumberingEntry, restoreNumbering } from './decode/numbering.ts';
import { packDeliveries, unpackDeliveries } from './decode/redelivery.ts';
import { packBrought, unpackBrought } from './decode/retained.ts';
import { createSessionTrace, type SessionTrace } from './decode/session-gap.ts';
import { rowStreamOf } from './delivery/evidence.ts';
import type { LiveClock } from './devices/liveness.ts';
import { readAttributes } from './model/attributes.ts';
import type { SequenceConfig } from './model/config.ts';
import type { Keying, Plan, RulePlan, StreamPlan } from './model/plan.ts';
import type { FieldValue } from './model/reading.ts';
import type { RuleTrace } from './model/rule-trace.ts';
import {
  createState,
  type Hearing,
  type KeyState,
  keyText,
  lookUpDevice,
  lookUpKey,
  type Presence,
  type Running,
  type State,
  type StreamState,
} from './state.ts';
import { type LastKnownList, listLastKnown, restoreLastKnown } from './windows/last-known.ts';
import type { Watermark } from './windows/watermark.ts';
import type { WindowState } from './windows/window-kind.ts';

/** The state as plain data. Rules and streams stand by name, so that a changed config finds what is still its own. */
export interface Snapshot {
  /** Names of the brokers, by the connection indexes in this snapshot. */
  readonly brokers: readonly string[];
  readonly clocks: Readonly<Record<string, LiveClock>>;
  /** As `packDeliveries` gives them. */
  readonly deliveries: Readonly<Record<string, string>>;
  /** As `packBrought` gives them. Absent in what older versions wrote. */
  readonly brought?: Readonly<Record<string, string>>;
  /** Absent in what older versions wrote. */
  readonly sessions?: Readonly<Record<string, SessionTrace>>;
  /** Rule name → version: whose state this is. */
  readonly rules: Readonly<Record<string, string>>;
  readonly streams: Readonly<Record<string, StreamSnapshot>>;
  readonly alertClock: AlertClock;
  /** By rule name: the periods of limits that run. */
  readonly limits: Readonly<Record<string, LimitRecord>>;
  /** By rule name: what is known of the rules that have open alerts. Absent in what older versions wrote. */
  readonly traces?: Readonly<Record<string, RuleTrace>>;
  readonly orphans?: readonly Orphan[];
  /** Device and JSON text of its attributes. Absent in what older versions wrote. */
  readonly attributes?: readonly (readonly [string, string])[];
}

interface StreamSnapshot {
  readonly labels: readonly string[];
  readonly devices: readonly {
    readonly name: string;
    readonly labels: readonly string[];
    readonly presence: Presence;
    /** Event time of its newest reading, where the stream declares a time. Absent in what older versions wrote. */
    readonly newestAt?: number;
  }[];
  readonly keys: readonly KeySnapshot[];
  /** Of a correlation by last known values. */
  readonly lastKnown?: LastKnownList;
  /** Where the stream declares a sequence: which one, and what is remembered of the devices. */
  readonly numberings?: { readonly of: SequenceConfig; readonly devices: readonly NumberingEntry[] };
}

interface KeySnapshot {
  readonly per: readonly string[];
  readonly parts: readonly string[];
  /** `wakeMs` is null for Infinity. */
  readonly hearing: Omit<Hearing, 'wakeMs'> & { readonly wakeMs: number | null };
  readonly marks: readonly (readonly [string, Watermark])[];
  /** By rule name. */
  readonly windows: Readonly<Record<string, WindowState>>;
  readonly alerts: Readonly<Record<string, AlertRecord>>;
  readonly running: Readonly<Record<string, Running>>;
  readonly remembered: Readonly<Record<string, readonly (FieldValue | null)[]>>;
}

/**
 * Takes the state down as the JSON of a Snapshot, in pieces of about a key each: as a whole, what it is made of would outlive the garbage
 * collector's young generation, and take more memory than the state.
 */
export function writeSnapshot(
  plan: Plan,
  brokers: readonly string[],
  state: State,
  write: (piece: string) => void,
): void {
  const open = new Set<RulePlan>();
  write('{"streams":{');
  for (const streamPlan of plan.streams) {
    if (streamPlan.index > 0) write(',');
    writeStream(plan, streamPlan, state.streams[streamPlan.index]!, open, write);
  }
  const rest: Omit<Snapshot, 'streams'> = {
    brokers,
    clocks: Object.fromEntries(brokers.map((name, i) => [name, state.clocks[i]!])),
    deliveries: Object.fromEntries(brokers.map((name, i) => [name, packDeliveries(state.deliveries[i]!)])),
    brought: Object.fromEntries(brokers.map((name, i) => [name, packBrought(state.brought[i]!)])),
    sessions: Object.fromEntries(brokers.map((name, i) => [name, state.sessions[i]!])),
    rules: Object.fromEntries(plan.rules.map((rule) => [rule.name, rule.version])),
    alertClock: state.alerting.clock,
    attributes: Array.from(state.attributes.ofReadings, ([device, { text }]) => [device, text] as const),
    limits: Object.fromEntries(
      plan.rules.flatMap(({ name, index }) => {
        const { limit } = state.alerting.rules[index]!;
        return limit === undefined ? [] : [[name, limit] as const];
      }),
    ),
    traces: Object.fromEntries(
      Array.from(open, (rule) => [rule.name, traceOf(rule, rowStreamOf(plan, plan.streams[rule.stream]!))]),
    ),
    orphans: state.alerting.orphans,
  };
  write(`},${JSON.stringify(rest).slice(1)}`);
}

/** The same in one piece. */
export function snapshot(plan: Plan, brokers: readonly string[], state: State): string {
  const pieces: string[] = [];
  writeSnapshot(plan, brokers, state, (piece) => pieces.push(piece));
  return pieces.join('');
}

function writeStream(
  plan: Plan,
  streamPlan: StreamPlan,
  stream: StreamState,
  open: Set<RulePlan>,
  write: (piece: string) => void,
): void {
  const labels = streamPlan.config.labels.map((label) => label.name);
  write(`${JSON.stringify(streamPlan.name)}:{"labels":${JSON.stringify(labels)},"devices":[`);
  let separator = '';
  for (const { name, labels, presence } of stream.devices.values()) {
    write(separator + JSON.stringify({ name, labels, presence, newestAt: stream.newest.get(name) }));
    separator = ',';
  }
  write('],"keys":[');
  separator = '';
  for (const keying of streamPlan.keyings) {
    const rules = plan.rules.filter((rule) => rule.keying === keying);
    for (const key of stream.keys[keying.index]!.values()) {
      write(separator + JSON.stringify(keySnapshot(keying, rules, key, open)));
      separator = ',';
    }
  }
  write(']');
  const meaning = meaningOfLastKnown(plan, streamPlan);
  if (meaning !== undefined) write(`,"lastKnown":${JSON.stringify(listLastKnown(stream.lastKnown, meaning))}`);
  const { sequence } = streamPlan.config;
  if (sequence !== undefined) {
    write(`,"numberings":{"of":${JSON.stringify(sequence)},"devices":[`);
    separator = '';
    for (const [device, numbering] of stream.numberings) {
      write(separator + JSON.stringify(listNumbering(device, numbering)));
      separator = ',';
    }
    write(']}');
  }
  write('}');
}

/** What the last known values of a correlation mean; undefined where it keeps none. */
function meaningOfLastKnown(plan: Plan, { origin }: StreamPlan): Pick<LastKnownList, 'fields' | 'version'> | undefined {
  if (origin.kind !== 'correlation' || origin.join.kind !== 'last') return undefined;
  const fields = plan.streams[origin.with]!.config.fields.map(({ name, type }) => `${name}: ${type}`);
  return { fields, version: origin.join.version };
}

/** Adds the rules that have an open alert of the key to `open`. */
function keySnapshot(keying: Keying, rules: readonly RulePlan[], key: KeyState, open: Set<RulePlan>): KeySnapshot {
  const { wakeMs } = key.hearing;
  const hearing = { ...key.hearing, wakeMs: Number.isFinite(wakeMs) ? wakeMs : null };
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
    if (alert !== undefined && isOpen(alert)) open.add(rule);
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
 * `dropped`; everything else is taken over. Open alerts of what is left out wait to be told as over (see `Alerting.orphans`).
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
    state.deliveries[i] = unpackDeliveries(from.deliveries[name] ?? '');
    state.brought[i] = unpackBrought(from.brought?.[name] ?? '');
    state.sessions[i] = { ...(from.sessions?.[name] ?? sessionOf(clock)) };
  });
  const connections = from.brokers.map((name): Connection => {
    const index = brokers.indexOf(name);
    return { index: Math.max(index, 0), seenLiveMs: index < 0 ? state.clocks[0]!.liveMs : undefined };
  });
  const kept = new Map(
    plan.rules.filter((rule) => from.rules[rule.name] === rule.version).map((rule) => [rule.name, rule]),
  );
  const orphans = [...(from.orphans ?? [])];
  const dropped = Object.keys(from.rules)
    .filter((name) => !kept.has(name))
    .map((name) => `rule ${name}`);
  for (const [name, snapshotted] of Object.entries(from.streams)) {
    const streamPlan = plan.streams.find((each) => each.name === name);
    const labels = streamPlan?.config.labels.map((label) => label.name);
    const isChangedView = streamPlan?.origin.kind === 'view' && !kept.has(name);
    if (streamPlan === undefined || isChangedView || labels?.join() !== snapshotted.labels.join()) {
      // Of a view it is told as of a rule.
      if (!dropped.includes(`rule ${name}`)) dropped.push(`stream ${name}`);
      addOrphans(snapshotted, new Map(), plan, from.traces, orphans);
      continue;
    }
    addOrphans(snapshotted, kept, plan, from.traces, orphans);
    const stream = state.streams[streamPlan.index]!;
    for (const each of snapshotted.keys) {
      const keying = streamPlan.keyings.find((known) => known.per.join() === each.per.join());
      if (keying !== undefined) restoreKey(lookUpKey(stream, keying.index, each.parts), each, kept, connections);
    }
    // Behind the keys, so that those stand in their old order.
    for (const device of snapshotted.devices) {
      Object.assign(lookUpDevice(stream, streamPlan.keyings, device.name, device.labels).presence, device.presence);
      if (streamPlan.config.time !== undefined) restoreNewest(stream, device, from);
    }
    if (!takeLastKnown(plan, streamPlan, stream, snapshotted, connections)) {
      dropped.push(`last known values of ${name}`);
    }
    if (!takeNumberings(streamPlan, stream, snapshotted)) dropped.push(`sequence numbers of ${name}`);
    for (const keys of stream.keys) {
      for (const key of keys.values()) {
        const silenceRules = streamPlan.silenceRules[key.keying]!;
        if (silenceRules.length > 0 && key.hearing.seenAt >= 0) {
          // A rule that is new to the key wants it looked at with the next tick; those that are not have said when.
          if (!silenceRules.every((rule) => kept.has(rule.name))) key.hearing.wakeMs = 0;
          if (Number.isFinite(key.hearing.wakeMs)) stream.silenceTimers.schedule(key, key.hearing.wakeMs);
        }
        // Looked at with the next tick, which sets the right timer.
        if (streamPlan.keyings[key.keying]!.byDevice && key.windowing.marks.size > 0) {
          key.windowing.wakeMs = 0;
          stream.windowTimers.schedule(key, 0);
        }
      }
    }
  }
  restoreAlerting(plan, brokers, state, from, kept);
  state.alerting.orphans = orphans;
  restoreAttributes(plan, state, from);
  return { state, dropped };
}

/** An older version knew only when it was heard of. */
function restoreNewest(
  { newest }: StreamState,
  { name, presence, newestAt }: StreamSnapshot['devices'][number],
  { brought }: Snapshot,
): void {
  const known = newestAt ?? (brought === undefined && presence.seenAt >= 0 ? presence.seenAt : undefined);
  if (known !== undefined) newest.set(name, known);
}

/** What an older version knew of a session: a connection that has lived was heard, no later than its clock says. */
function sessionOf(clock: LiveClock | undefined): SessionTrace {
  const trace = createSessionTrace();
  if (clock !== undefined && clock.liveMs > 0) trace.heardAt = clock.countedAt;
  return trace;
}

function restoreAttributes(plan: Plan, { attributes }: State, from: Snapshot): void {
  for (const [device, text] of from.attributes ?? []) {
    const known = readAttributes(text, plan.attributes);
    attributes.ofReadings.set(device, known);
    for (const ofClosed of attributes.ofClosed) ofClosed?.set(device, known);
  }
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

/** Finds the open alerts of a stream whose rules are not among those that keep their state. */
function addOrphans(
  { keys }: StreamSnapshot,
  kept: ReadonlyMap<string, RulePlan>,
  { rules }: Plan,
  traces: Snapshot['traces'],
  orphans: Orphan[],
): void {
  const names = new Set(rules.map(({ name }) => name));
  for (const { parts, alerts } of keys) {
    for (const [name, alert] of Object.entries(alerts)) {
      const rule = traces?.[name];
      if (kept.has(name) || rule === undefined || !isOpen(alert)) continue;
      const reason = names.has(name) ? 'rule-changed' : 'rule-removed';
      orphans.push({ rule, reason, key: { text: keyText(parts), parts }, alert });
    }
  }
}

/** What a broker of the snapshot is now. Where it is gone, the first one takes its place, and waiting begins anew. */
interface Connection {
  readonly index: number;
  readonly seenLiveMs: number | undefined;
}

function reconnect<T extends { readonly connection: number; readonly seenLiveMs: number }>(
  heard: T,
  connections: readonly Connection[],
): T {
  const { index, seenLiveMs = heard.seenLiveMs } = connections[heard.connection]!;
  return { ...heard, connection: index, seenLiveMs };
}

/** False where there are some that mean something else by now. */
function takeLastKnown(
  plan: Plan,
  streamPlan: StreamPlan,
  stream: StreamState,
  { lastKnown }: StreamSnapshot,
  connections: readonly Connection[],
): boolean {
  if (lastKnown === undefined) return true;
  const { fields, version } = lastKnown;
  if (JSON.stringify(meaningOfLastKnown(plan, streamPlan)) !== JSON.stringify({ fields, version })) return false;
  restoreLastKnown(stream.lastKnown, lastKnown, (heard) => reconnect(heard, connections));
  return true;
}

/** False where there are some that mean something else by now, or nothing. */
function takeNumberings(
  { config: { sequence } }: StreamPlan,
  { numberings }: StreamState,
  { numberings: from }: StreamSnapshot,
): boolean {
  if (from === undefined) return true;
  if (from.of.path !== sequence?.path || from.of.modulus !== sequence.modulus) return false;
  for (const entry of from.devices) restoreNumbering(numberings, entry);
  return true;
}

function restoreKey(
  key: KeyState,
  from: KeySnapshot,
  kept: ReadonlyMap<string, RulePlan>,
  connections: readonly Connection[],
): void {
  const { wakeMs, ...hearing } = from.hearing;
  Object.assign(key.hearing, reconnect(hearing, connections));
  // Where its broker is another by now, waiting has begun anew.
  const anew = connections[hearing.connection]!.seenLiveMs !== undefined;
  key.hearing.wakeMs = anew ? 0 : wakeMs === null ? Number.POSITIVE_INFINITY : (wakeMs ?? 0);
  for (const [device, mark] of from.marks) key.windowing.marks.set(device, reconnect(mark, connections));
  for (const [name, window] of Object.entries(from.windows)) {
    const rule = kept.get(name);
    if (rule !== undefined) key.windowing.windows[rule.slot] = window;
  }
  for (const [name, alert] of Object.entries(from.alerts)) {
    const rule = kept.get(name);
    // Older versions wrote less of it.
    if (rule !== undefined) key.alerts[rule.slot] = { ...createAlertRecord(), ...alert };
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
