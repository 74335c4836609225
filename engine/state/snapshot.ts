import { type AlertRecord, createAlertRecord } from '../alerts/alert-record.ts';
import { isRemembered, isTimed, needsTimers } from '../alerts/noise.ts';
import { isOpen, type RemovedRuleAlert, traceOf } from '../alerts/removed-rule.ts';
import { listNumbering, restoreNumbering } from '../decode/numbering.ts';
import { createDeliveries, packDeliveries, unpackDeliveries } from '../decode/redelivery.ts';
import { packRetained, unpackRetained } from '../decode/retained.ts';
import { createSessionTrace, type SessionTrace } from '../decode/session-gap.ts';
import { rowStreamOf } from '../delivery/evidence.ts';
import type { LiveClock } from '../devices/liveness.ts';
import { readAttributes } from '../model/attributes.ts';
import type { FieldValue } from '../model/field.ts';
import type { Keying } from '../model/plan/keying.ts';
import type { Plan, StreamPlan } from '../model/plan/plan.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import type { RuleTrace } from '../model/rule-trace.ts';
import { type LastKnownHead, listLastKnown, restoreKnown } from '../windows/last-known.ts';
import type { WindowState } from '../windows/window-kind.ts';
import type { KeySnapshot, Piece, SnapshotHead, StreamHead } from './pieces.ts';
import {
  addDevice,
  createState,
  type DeviceState,
  type KeyState,
  keyText,
  lookUpKey,
  type Presence,
  type Running,
  type State,
  type StreamState,
} from './state.ts';
import { takeApart, type WholeSnapshot } from './whole-snapshot.ts';

/**
 * Takes the state down as lines of JSON, one for each piece: as a whole, what it is made of would outlive the garbage collector's young
 * generation, and could become longer than a string may be.
 */
export function writeSnapshot(
  plan: Plan,
  brokers: readonly string[],
  state: State,
  writeLine: (line: string) => void,
): void {
  const write = (piece: Piece) => writeLine(JSON.stringify(piece));
  const open = new Set<RulePlan>();
  write(['head', headOf(plan, brokers, state)]);
  for (const orphan of state.alerting.orphans) write(['orphan', orphan]);
  for (const streamPlan of plan.streams) writeStream(plan, streamPlan, state.streams[streamPlan.index]!, open, write);
  for (const [device, { text }] of state.attributes.ofReadings) write(['attributes', [device, text]]);
  const traces = Array.from(open, (rule) => {
    return [rule.name, traceOf(rule, rowStreamOf(plan, plan.streams[rule.stream]!))] as const;
  });
  write(['traces', Object.fromEntries(traces)]);
}

function headOf(plan: Plan, brokers: readonly string[], state: State): SnapshotHead {
  return {
    brokers,
    clocks: Object.fromEntries(brokers.map((name, i) => [name, state.clocks[i]!])),
    deliveries: Object.fromEntries(brokers.map((name, i) => [name, packDeliveries(state.deliveries[i]!)])),
    brought: Object.fromEntries(brokers.map((name, i) => [name, packRetained(state.brought[i]!)])),
    sessions: Object.fromEntries(brokers.map((name, i) => [name, state.sessions[i]!])),
    // Behind a cut, every level has seen the same.
    steppedMs: state.steppedMs[0]!,
    rules: Object.fromEntries(plan.rules.map((rule) => [rule.name, rule.version])),
    alertClock: state.alerting.clock,
    limits: Object.fromEntries(
      plan.rules.flatMap(({ name, index }) => {
        const { limit } = state.alerting.rules[index]!;
        return limit === undefined ? [] : [[name, limit] as const];
      }),
    ),
  };
}

/** The same as one text. */
export function snapshot(plan: Plan, brokers: readonly string[], state: State): string {
  const lines: string[] = [];
  writeSnapshot(plan, brokers, state, (line) => lines.push(line));
  return lines.join('\n');
}

/** The pieces that lines hold, also those of older versions, which wrote everything as one object. */
export function* readSnapshot(lines: Iterable<string>): Generator<Piece> {
  for (const line of lines) {
    const content = JSON.parse(line) as Piece | WholeSnapshot;
    if ('streams' in content) yield* takeApart(content);
    else yield content;
  }
}

function writeStream(
  plan: Plan,
  streamPlan: StreamPlan,
  stream: StreamState,
  open: Set<RulePlan>,
  write: (piece: Piece) => void,
): void {
  const meaning = meaningOfLastKnown(plan, streamPlan);
  const { sequence, labels } = streamPlan.config;
  const { lastKnown, numberings, devices } = stream;
  write([
    'stream',
    {
      name: streamPlan.name,
      labels: labels.map((label) => label.name),
      fields: streamPlan.config.fields.map((field) => field.name),
      ...(meaning !== undefined && { lastKnown: { ...meaning, sweptAt: lastKnown.sweptAt } }),
      ...(sequence !== undefined && { sequence }),
    },
  ]);
  for (const keying of streamPlan.keyings) {
    const rules = plan.rules.filter((rule) => rule.keying === keying);
    for (const key of stream.keys[keying.index]!.values()) write(['key', keySnapshot(keying, rules, key, open)]);
  }
  for (const { name, labels, presence, newest } of devices.values()) {
    const skewed = stream.skewed.has(name) && { skewed: true as const };
    const newestAt = stream.newest.get(name);
    const sent = newestAt !== undefined && { newestAt };
    write(['device', { name, labels, presence, ...sent, ...(newest.length > 0 && { newest }), ...skewed }]);
  }
  if (meaning !== undefined) for (const entry of listLastKnown(lastKnown)) write(['known', entry]);
  if (sequence === undefined) return;
  for (const [device, numbering] of numberings) write(['numbering', listNumbering(device, numbering)]);
}

/** What the last known values of a correlation mean; undefined where it keeps none. */
function meaningOfLastKnown(plan: Plan, { origin }: StreamPlan): Omit<LastKnownHead, 'sweptAt'> | undefined {
  if (origin.kind !== 'correlation' || origin.join.kind !== 'last') return undefined;
  const fields = plan.streams[origin.with]!.config.fields.map(({ name, type }) => `${name}: ${type}`);
  return { fields, version: origin.join.version };
}

/**
 * Whether the next alert could begin before this one ended, if nobody remembered when that was. Outcomes about a device by itself come in
 * the order of their stamps, unless time (by our clock) or the order of arrival has a say, or the end is later than its stamp.
 */
function outlastsItsEnd(rule: RulePlan, { changedAt, ahead }: AlertRecord): boolean {
  const byArrival = (rule.kind === 'reading' || rule.kind === 'derived') && rule.order.byArrival;
  return changedAt >= 0 && (ahead === true || !rule.keying.byDevice || byArrival || isTimed(rule.lifecycle));
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
    else if (alert !== undefined && outlastsItsEnd(rule, alert)) {
      alerts[rule.name] = { ...createAlertRecord(), changedAt: alert.changedAt, ahead: alert.ahead === true };
    }
    if (alert !== undefined && isOpen(alert)) open.add(rule);
    if (facts !== undefined) running[rule.name] = facts;
    const values = key.remembered[rule.slot];
    if (values !== undefined) remembered[rule.name] = values;
  }
  return {
    per: keying.per,
    parts: key.key.parts,
    ...(key.clock !== undefined && { clock: key.clock }),
    ...(key.furthestAt >= 0 && { furthestAt: key.furthestAt }),
    hearing,
    marks: [...key.windowing.marks],
    windows,
    alerts,
    running,
    remembered,
  };
}

/**
 * Makes a state from the pieces of a snapshot, each of which may be forgotten once the next is asked for. State of rules and streams that
 * are gone, or that changed their meaning, is left out and named in `dropped`; everything else is taken over. Open alerts of what is left
 * out wait to be told as over (see `Alerting.orphans`).
 */
export function restore(
  plan: Plan,
  brokers: readonly string[],
  pieces: Iterable<Piece>,
): { state: State; dropped: readonly string[] } {
  const state = createState(plan, brokers.length);
  let restoration: Restoration | undefined;
  for (const piece of pieces) {
    if (piece[0] === 'head') restoration = restoreHead(plan, brokers, state, piece[1]);
    else if (restoration === undefined) throw new Error('a snapshot does not begin with its head');
    else restorePiece(restoration, piece);
  }
  if (restoration === undefined) throw new Error('a snapshot is empty');
  restoreTimers(restoration);
  restoreOpen(plan, state);
  const { orphans, ended, traces } = restoration;
  state.alerting.orphans = [...orphans, ...ended.flatMap((each) => orphanOf(each, traces) ?? [])];
  return { state, dropped: restoration.dropped };
}

/** A restoration under way. */
interface Restoration {
  readonly plan: Plan;
  readonly state: State;
  /** The rules that keep their state. */
  readonly kept: ReadonlyMap<string, RulePlan>;
  /** The rules that are new, or not what they were. */
  readonly changed: ReadonlyMap<string, RulePlan>;
  readonly connections: readonly Connection[];
  readonly dropped: string[];
  readonly orphans: RemovedRuleAlert[];
  /** Open alerts that nobody judges any more. */
  readonly ended: (Omit<RemovedRuleAlert, 'rule'> & { readonly name: string })[];
  traces: Readonly<Record<string, RuleTrace>>;
  /** The newest stamp of a device, as far as an older version knew it: when it was heard of. */
  readonly heardAt: (presence: Presence) => number | undefined;
  /** The stream whose pieces come; undefined: it is gone, or another by now. */
  target: Target | undefined;
}

interface Target {
  readonly streamPlan: StreamPlan;
  readonly stream: StreamState;
  readonly takesLastKnown: boolean;
  readonly takesNumberings: boolean;
  /** See `StreamHead`. */
  readonly fields: readonly string[];
}

function restoreHead(plan: Plan, brokers: readonly string[], state: State, from: SnapshotHead): Restoration {
  brokers.forEach((name, i) => {
    const clock = from.clocks[name];
    if (clock !== undefined) state.clocks[i] = { ...clock };
    const deliveries = from.deliveries[name];
    state.deliveries[i] = deliveries === undefined ? createDeliveries() : unpackDeliveries(deliveries);
    state.brought[i] = unpackRetained(from.brought?.[name] ?? '');
    state.sessions[i] = { ...(from.sessions?.[name] ?? sessionOf(clock)) };
  });
  state.steppedMs.fill(from.steppedMs ?? 0);
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
  const changed = new Map(plan.rules.filter(({ name }) => !kept.has(name)).map((rule) => [rule.name, rule]));
  const { liveMs, ...clock } = from.alertClock;
  state.alerting.clock = { ...clock, liveMs: brokers.map((name) => liveMs[from.brokers.indexOf(name)] ?? null) };
  for (const [name, limit] of Object.entries(from.limits)) {
    const rule = kept.get(name);
    if (rule !== undefined) state.alerting.rules[rule.index]!.limit = limit;
  }
  const heardAt = ({ seenAt }: Presence) => (from.brought === undefined && seenAt >= 0 ? seenAt : undefined);
  return {
    plan,
    state,
    kept,
    changed,
    connections,
    dropped,
    orphans: [],
    ended: [],
    traces: {},
    heardAt,
    target: undefined,
  };
}

function restorePiece(restoration: Restoration, piece: Exclude<Piece, readonly ['head', SnapshotHead]>): void {
  const { plan, state, connections, target } = restoration;
  const [kind, from] = piece;
  if (kind === 'orphan') restoration.orphans.push(from);
  else if (kind === 'stream') restoration.target = findTarget(restoration, from);
  else if (kind === 'traces') restoration.traces = from;
  else if (kind === 'attributes') restoreAttributes(plan, state, from);
  else if (kind === 'key') {
    addEnded(restoration, from);
    const keying = target?.streamPlan.keyings.find((known) => known.per.join() === from.per.join());
    if (target === undefined || keying === undefined) return;
    target.stream.marks[keying.index]! += from.marks.length;
    restoreKey(lookUpKey(target.stream, keying.index, from.parts), keying, from, restoration);
  } else if (target === undefined) return;
  else if (kind === 'device') {
    const { stream, streamPlan } = target;
    // Behind the keys, so that those stand in their old order.
    const device = addDevice(streamPlan, stream, from.name, from.labels);
    Object.assign(device.presence, from.presence);
    takeNewest(target, device, from.newest);
    if (streamPlan.config.time !== undefined) {
      const newestAt = from.newestAt ?? restoration.heardAt(from.presence);
      if (newestAt !== undefined) stream.newest.set(from.name, newestAt);
    }
    stream.admitted.add(from.name);
    if (from.skewed) stream.skewed.add(from.name);
  } else if (kind === 'known') {
    if (target.takesLastKnown) restoreKnown(target.stream.lastKnown, from, (heard) => reconnect(heard, connections));
  } else if (target.takesNumberings) restoreNumbering(target.stream.numberings, from);
}

/** Fields may have come, gone, or changed places. */
function takeNewest(
  { streamPlan, fields }: Target,
  { newest }: DeviceState,
  from: readonly number[] | undefined,
): void {
  const { config, readingRules } = streamPlan;
  if (from === undefined || fields.length === 0 || readingRules.length === 0) return;
  newest.push(...config.fields.map(({ name }) => from[fields.indexOf(name)] ?? -1), from.at(-1)!);
}

/** Finds the stream that the pieces to come are of, and names what of them is left out. */
function findTarget({ plan, state, kept, dropped }: Restoration, from: StreamHead): Target | undefined {
  const { name, lastKnown, sequence } = from;
  const streamPlan = plan.streams.find((each) => each.name === name);
  const labels = streamPlan?.config.labels.map((label) => label.name);
  const isChangedView = streamPlan?.origin.kind === 'view' && !kept.has(name);
  if (streamPlan === undefined || isChangedView || labels?.join() !== from.labels.join()) {
    // Of a view it is told as of a rule.
    if (!dropped.includes(`rule ${name}`)) dropped.push(`stream ${name}`);
    return undefined;
  }
  const stream = state.streams[streamPlan.index]!;
  const takesLastKnown = lastKnown !== undefined && meansSame(meaningOfLastKnown(plan, streamPlan), lastKnown);
  if (takesLastKnown) stream.lastKnown.sweptAt = lastKnown.sweptAt;
  else if (lastKnown !== undefined) dropped.push(`last known values of ${name}`);
  const own = streamPlan.config.sequence;
  const takesNumberings = sequence !== undefined && sequence.path === own?.path && sequence.modulus === own.modulus;
  if (sequence !== undefined && !takesNumberings) dropped.push(`sequence numbers of ${name}`);
  return { streamPlan, stream, takesLastKnown, takesNumberings, fields: from.fields ?? [] };
}

function meansSame(meaning: Omit<LastKnownHead, 'sweptAt'> | undefined, { fields, version }: LastKnownHead): boolean {
  return JSON.stringify(meaning) === JSON.stringify({ fields, version });
}

function restoreTimers({ plan, state, kept }: Restoration): void {
  for (const streamPlan of plan.streams) {
    const stream = state.streams[streamPlan.index]!;
    for (const key of stream.keys.flatMap((keys) => [...keys.values()])) {
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

/** What an older version knew of a session: a connection that has lived was heard, no later than its clock says. */
function sessionOf(clock: LiveClock | undefined): SessionTrace {
  const trace = createSessionTrace();
  if (clock !== undefined && clock.liveMs > 0) trace.heardAt = clock.countedAt;
  return trace;
}

function restoreAttributes(plan: Plan, { attributes }: State, [device, text]: readonly [string, string]): void {
  const known = readAttributes(text, plan.attributes);
  attributes.ofReadings.set(device, known);
  for (const ofClosed of attributes.ofClosed) ofClosed?.set(device, known);
}

function restoreOpen(plan: Plan, { alerting, streams }: State): void {
  for (const rule of plan.rules.filter(({ lifecycle }) => isTimed(lifecycle))) {
    for (const key of streams[rule.stream]!.keys[rule.keying.index]!.values()) {
      const alert = key.alerts[rule.slot];
      if (alert !== undefined && needsTimers(alert)) alerting.rules[rule.index]!.open.add(key);
    }
  }
}

/** Finds the open alerts of a key whose rules are not among those that keep their state, or whose stream does not. */
function addEnded({ plan, kept, target, ended }: Restoration, { parts, alerts }: KeySnapshot): void {
  for (const [name, alert] of Object.entries(alerts)) {
    if ((target !== undefined && kept.has(name)) || !isOpen(alert)) continue;
    const reason = plan.rules.some((rule) => rule.name === name) ? 'rule-changed' : 'rule-removed';
    ended.push({ name, reason, key: { text: keyText(parts), parts }, alert });
  }
}

/** Undefined where a version wrote it that did not yet say what is known of the rule. */
function orphanOf(
  { name, ...rest }: Restoration['ended'][number],
  traces: Restoration['traces'],
): RemovedRuleAlert | undefined {
  const rule = traces[name];
  return rule === undefined ? undefined : { rule, ...rest };
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

function restoreKey(
  key: KeyState,
  keying: Keying,
  from: KeySnapshot,
  { kept, changed, connections }: Restoration,
): void {
  const { wakeMs, ...hearing } = from.hearing;
  Object.assign(key.hearing, reconnect(hearing, connections));
  // Where its broker is another by now, waiting has begun anew.
  const anew = connections[hearing.connection]!.seenLiveMs !== undefined;
  key.hearing.wakeMs = anew ? 0 : wakeMs === null ? Number.POSITIVE_INFINITY : (wakeMs ?? 0);
  key.clock = from.clock;
  key.furthestAt = from.furthestAt ?? -1;
  for (const [device, mark] of from.marks) key.windowing.marks.set(device, reconnect(mark, connections));
  for (const [name, window] of Object.entries(from.windows)) {
    const rule = kept.get(name);
    if (rule !== undefined) key.windowing.windows[rule.slot] = window;
  }
  for (const [name, alert] of Object.entries(from.alerts)) {
    const rule = kept.get(name);
    const successor = changed.get(name);
    // Older versions wrote less of it.
    if (rule !== undefined) key.alerts[rule.slot] = { ...createAlertRecord(), ...alert };
    else if (successor?.keying === keying) {
      // No alert of the rule as it is now begins before the last one of the old rule changed.
      key.alerts[successor.slot] = { ...createAlertRecord(), changedAt: alert.changedAt, ahead: true };
    }
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
