import type { Evaluation, OfflineReason } from '../model/item/alert.ts';
import type { Status } from '../model/item/decoded.ts';
import type { DeviceChange } from '../model/item/devices.ts';
import type { Item, Tick } from '../model/item/item.ts';
import type { Plan, StreamPlan } from '../model/plan/plan.ts';
import type { SilenceRule } from '../model/plan/rule-plan.ts';
import type { Reading } from '../model/reading.ts';
import { DeviceState, hasNoRoom } from '../state/device.ts';
import { forgottenBy, placeOf } from '../state/directory.ts';
import { alertOf, type KeyState } from '../state/key.ts';
import { MOST_DUE, type State } from '../state/state.ts';
import type { StreamState } from '../state/stream.ts';
import type { Counters } from '../telemetry.ts';
import { lift } from './lift.ts';

/** The record of the journal that caused a change, and its receive time. */
interface Moment {
  readonly at: number;
  readonly offset: number;
}

/**
 * Tracks which devices are online: readings make them online, silence or a last will offline. Evaluates silence rules. Retained messages, which a
 * new subscription brings, are no sign of life: see `seeRetained` and `seeRetainedOnline`.
 */
export const presence = (plan: Plan, state: State, counters: Counters) =>
  lift((item, out) => {
    out.push(item);
    if (item.kind === 'reading') seeReading(plan, state, counters, item, out);
    else if (item.kind === 'status') seeStatus(plan, state, item, out);
    else if (item.kind === 'tick') seeTick(plan, state, item, out);
  });

function seeReading(plan: Plan, state: State, counters: Counters, reading: Reading, out: Item[]): void {
  const streamPlan = plan.streams[reading.stream]!;
  const stream = state.streams[reading.stream]!;
  const place = placeOf(reading);
  if (place === undefined) return;
  const { device } = place;
  if (hasNoRoom(place)) counters.readings_over_key_limit += 1;
  device.seenLabels = place.labels;
  if (reading.retained) {
    if (!streamPlan.hasSilence) return;
    for (let i = 0; i < place.keyings; i++) {
      const key = place.key(i);
      if (key !== undefined) seeRetained(streamPlan, stream, key, reading);
    }
    return;
  }
  if (!device.online) {
    const reason = device.heardAt < 0 ? 'first-reading' : 'reading';
    change(device, reading.stream, true, reason, { at: reading.receivedAt, offset: reading.offset }, out);
  }
  device.heardAt = reading.receivedAt;
  if (!streamPlan.hasSilence) return;
  for (let i = 0; i < place.keyings; i++) {
    const key = place.key(i);
    if (key !== undefined) endSilence(streamPlan, stream, key, reading, reading.receivedAt, out);
  }
}

/** The key exists, but has not sent anything now. If none of its readings has been seen, the wait for the first one begins. */
function seeRetained(plan: StreamPlan, stream: StreamState, key: KeyState, reading: Reading): void {
  if (key.lastSeenAt < 0)
    awaitReading(plan, stream, key, reading, Math.max(0, Math.min(reading.time, reading.receivedAt)));
}

function seeStatus(plan: Plan, state: State, status: Status, out: Item[]): void {
  const streamPlan = plan.streams[status.stream]!;
  const stream = state.streams[status.stream]!;
  // A status does not count for the groups of its device.
  const own = placeOf(status)!.device;
  const isNews = own.status !== status.online;
  own.status = status.online;
  // The broker sends an old status again; readings that came since are newer.
  if (status.retained && !isNews) return;
  if (status.retained && status.online) {
    seeRetainedOnline(streamPlan, stream, own, status, out);
    return;
  }
  if (status.online) {
    if (!own.online) change(own, status.stream, true, 'status', status, out);
    own.heardAt = status.at;
    endSilence(streamPlan, stream, own, status, status.at, out);
    return;
  }
  if (own.online || !own.known) change(own, status.stream, false, 'last-will', status, out);
  for (const rule of streamPlan.silenceRules[own.keying]!) fallSilent(rule, own, status, 'last-will', out);
}

/** The broker says that the device is connected. An open silence of the device continues until it sends a reading. */
function seeRetainedOnline(plan: StreamPlan, stream: StreamState, own: DeviceState, status: Status, out: Item[]): void {
  if (own.online) return;
  change(own, status.stream, true, 'status', status, out);
  awaitReading(plan, stream, own, status, own.lastSeenAt < 0 ? status.at : own.lastSeenAt);
}

/** Starts to measure silence now. An open silence stays open. */
function awaitReading(
  plan: StreamPlan,
  stream: StreamState,
  key: KeyState,
  { liveMs, connection }: { readonly liveMs: number; readonly connection: number },
  seenAt: number,
): void {
  const rules = plan.silenceRules[key.keying]!;
  if (rules.length === 0) return;
  key.lastSeenAt = seenAt;
  key.lastSeenLiveMs = liveMs;
  key.lastSeenOn = connection;
  wakeAt(stream, key, liveMs + Math.min(...rules.map(({ silenceMs }) => silenceMs)));
}

/** A device of the key has sent something. Ends the key's silence, if there is one. */
function endSilence(
  plan: StreamPlan,
  stream: StreamState,
  key: KeyState,
  seen: { readonly connection: number; readonly liveMs: number; readonly offset: number },
  at: number,
  out: Item[],
): void {
  const rules = plan.silenceRules[key.keying]!;
  if (rules.length === 0) return;
  // Before the evaluations, which report this time as the last one seen.
  key.lastSeenAt = at;
  let shortestMs = Number.POSITIVE_INFINITY;
  for (const rule of rules) {
    if (rule.silenceMs < shortestMs) shortestMs = rule.silenceMs;
    if (!key.alerts[rule.slot]?.watched) continue;
    out.push(evaluationOf(rule, key, { at, offset: seen.offset }, false, 'silence'));
  }
  key.lastSeenLiveMs = seen.liveMs;
  key.lastSeenOn = seen.connection;
  wakeAt(stream, key, seen.liveMs + shortestMs);
}

/** Makes sure that the silence timer of the key runs out at this live time, or before. */
function wakeAt(stream: StreamState, key: KeyState, liveMs: number): void {
  if (liveMs >= key.silenceWakeMs) return;
  key.silenceWakeMs = liveMs;
  stream.silenceTimers.schedule(key);
}

function seeTick(plan: Plan, state: State, tick: Tick, out: Item[]): void {
  for (const { stream, key } of forgottenBy(tick)) {
    key.silenceWakeMs = Number.POSITIVE_INFINITY;
    if (key instanceof DeviceState && key.online) change(key, stream, false, 'forgotten', tick, out);
  }
  for (const streamPlan of plan.streams) {
    if (!streamPlan.hasSilence) continue;
    const { silenceTimers } = state.streams[streamPlan.index]!;
    silenceTimers.advance(Math.max(...tick.liveMs));
    const looked: KeyState[] = [];
    let left = MOST_DUE;
    for (let key = silenceTimers.next(); key !== undefined; key = left > 0 ? silenceTimers.next() : undefined) {
      looked.push(key);
      if (checkSilence(streamPlan, state, key, tick, out)) left -= 1;
    }
    if (left === 0) state.hasMoreDue = true;
    // Not before, because the connection of a key may be behind the others in live time.
    for (const key of looked) silenceTimers.schedule(key);
  }
}

/** Evaluates the silence of a key whose timer has expired. False if no rule finds it silent: the timer was set for an earlier reading. */
function checkSilence(plan: StreamPlan, state: State, key: KeyState, tick: Tick, out: Item[]): boolean {
  const stream = state.streams[plan.index]!;
  stream.changedKeys.touch(key);
  const liveMs = tick.liveMs[key.lastSeenOn]!;
  key.silenceWakeMs = Number.POSITIVE_INFINITY;
  let isSilent = false;
  for (const rule of plan.silenceRules[key.keying]!) {
    const dueMs = key.lastSeenLiveMs + rule.silenceMs;
    if (dueMs > liveMs) {
      key.silenceWakeMs = Math.min(key.silenceWakeMs, dueMs);
      continue;
    }
    if (key instanceof DeviceState && key.online) change(key, plan.index, false, 'silence', tick, out);
    fallSilent(rule, key, tick, 'silence', out);
    isSilent = true;
  }
  return isSilent;
}

function fallSilent(rule: SilenceRule, key: KeyState, moment: Moment, reason: OfflineReason, out: Item[]): void {
  alertOf(key, rule.slot).watched = true;
  out.push(evaluationOf(rule, key, moment, true, reason));
}

function change(
  device: DeviceState,
  stream: number,
  online: boolean,
  reason: DeviceChange['reason'],
  moment: Moment,
  out: Item[],
): void {
  const { text, seenLabels: labels, heardAt } = device;
  device.online = online;
  device.known = true;
  const { at, offset } = moment;
  const lastSeenAt = heardAt < 0 ? at : heardAt;
  out.push({ kind: 'device', offset, stream, device: text, labels, online, at, lastSeenAt, reason });
}

function evaluationOf(
  rule: SilenceRule,
  key: KeyState,
  moment: Moment,
  holds: boolean,
  reason: OfflineReason,
): Evaluation {
  const { lastSeenAt: seenAt } = key;
  return {
    kind: 'evaluation',
    offset: moment.offset,
    recordedAt: moment.at,
    rule: rule.index,
    key,
    at: moment.at,
    holds,
    clears: !holds,
    subject: { kind: 'silence', lastSeenAt: seenAt < 0 ? moment.at : seenAt, reason },
  };
}
