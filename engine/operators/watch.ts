import type { DeviceChange, Item, OfflineReason, Status, Tick, Verdict } from '../model/item.ts';
import type { Plan, SilenceRule, StreamPlan } from '../model/plan.ts';
import type { Reading } from '../model/reading.ts';
import { type DeviceState, type KeyState, lookUpDevice, type State, type StreamState } from '../state.ts';
import { lift } from './lift.ts';

/** Where and when in the journal a change happened. */
interface Moment {
  readonly at: number;
  readonly offset: number;
}

/** Knows which devices are there: online with their readings, offline by silence or last will; gives the verdicts of silence rules. */
export const watch = (plan: Plan, state: State) =>
  lift((item, out) => {
    out.push(item);
    if (item.kind === 'reading') seeReading(plan, state, item, out);
    else if (item.kind === 'status') seeStatus(plan, state, item, out);
    else if (item.kind === 'tick') seeTick(plan, state, item, out);
  });

function seeReading(plan: Plan, state: State, reading: Reading, out: Item[]): void {
  const streamPlan = plan.streams[reading.stream]!;
  const stream = state.streams[reading.stream]!;
  const device = lookUpDevice(stream, streamPlan.keyings, reading.device, reading.labels);
  const { presence } = device;
  if (!presence.online) {
    const reason = presence.seenAt < 0 ? 'first-reading' : 'reading';
    change(device, reading.stream, true, reason, { at: reading.receivedAt, offset: reading.offset }, out);
  }
  presence.seenAt = reading.receivedAt;
  if (streamPlan.hasSilence) hear(streamPlan, stream, device, reading, reading.receivedAt, out);
}

function seeStatus(plan: Plan, state: State, status: Status, out: Item[]): void {
  const streamPlan = plan.streams[status.stream]!;
  const stream = state.streams[status.stream]!;
  const device = lookUpDevice(stream, streamPlan.keyings, status.device, status.labels);
  const { presence } = device;
  if (status.online) {
    if (!presence.online) change(device, status.stream, true, 'status', status, out);
    presence.seenAt = status.at;
    hear(streamPlan, stream, device, status, status.at, out);
    return;
  }
  if (presence.online || presence.seenAt < 0) change(device, status.stream, false, 'last-will', status, out);
  for (const key of device.keys) {
    // A group is not silent because one of its devices has gone.
    if (!streamPlan.keyings[key.keying]!.byDevice) continue;
    for (const rule of streamPlan.silenceRules[key.keying]!) out.push(verdict(rule, key, status, true, 'last-will'));
    key.hearing.silent = true;
  }
}

/** The device's keys have been heard of; those that were silent no longer are. */
function hear(
  plan: StreamPlan,
  stream: StreamState,
  device: DeviceState,
  heard: { readonly connection: number; readonly liveMs: number; readonly offset: number },
  at: number,
  out: Item[],
): void {
  for (const key of device.keys) {
    const rules = plan.silenceRules[key.keying]!;
    if (rules.length === 0) continue;
    const { hearing } = key;
    if (hearing.silent) {
      for (const rule of rules) out.push(verdict(rule, key, { at, offset: heard.offset }, false, 'silence'));
      hearing.silent = false;
    }
    hearing.seenAt = at;
    hearing.seenLiveMs = heard.liveMs;
    hearing.connection = heard.connection;
    if (!hearing.timed) setTimer(stream, key, heard.liveMs + Math.min(...rules.map((rule) => rule.silenceMs)));
  }
}

function setTimer(stream: StreamState, key: KeyState, atLiveMs: number): void {
  key.hearing.timed = atLiveMs < Number.POSITIVE_INFINITY;
  if (key.hearing.timed) stream.silenceTimers.schedule(key, atLiveMs);
}

function seeTick(plan: Plan, state: State, tick: Tick, out: Item[]): void {
  for (const streamPlan of plan.streams) {
    if (!streamPlan.hasSilence) continue;
    const due = state.streams[streamPlan.index]!.silenceTimers.advance(Math.max(...tick.liveMs));
    // The order of timers is not part of a snapshot, so the order of outputs must not depend on it.
    due.sort((a, b) => a.keying - b.keying || (a.key.text < b.key.text ? -1 : 1));
    for (const key of due) checkSilence(streamPlan, state, key, tick, out);
  }
}

function checkSilence(plan: StreamPlan, state: State, key: KeyState, tick: Tick, out: Item[]): void {
  const stream = state.streams[plan.index]!;
  const { hearing } = key;
  const liveMs = tick.liveMs[hearing.connection]!;
  let nextMs = Number.POSITIVE_INFINITY;
  for (const rule of plan.silenceRules[key.keying]!) {
    const dueMs = hearing.seenLiveMs + rule.silenceMs;
    if (dueMs > liveMs) {
      nextMs = Math.min(nextMs, dueMs);
      continue;
    }
    const device = rule.keying.byDevice ? stream.devices.get(key.key.parts[0]!) : undefined;
    if (device?.presence.online) change(device, plan.index, false, 'silence', tick, out);
    out.push(verdict(rule, key, tick, true, 'silence'));
    hearing.silent = true;
  }
  setTimer(stream, key, nextMs);
}

function change(
  device: DeviceState,
  stream: number,
  online: boolean,
  reason: DeviceChange['reason'],
  moment: Moment,
  out: Item[],
): void {
  const { name, labels, presence } = device;
  presence.online = online;
  const { at, offset } = moment;
  out.push({ kind: 'device', offset, stream, device: name, labels, online, at, lastSeenAt: presence.seenAt, reason });
}

function verdict(rule: SilenceRule, key: KeyState, moment: Moment, holds: boolean, reason: OfflineReason): Verdict {
  return {
    kind: 'verdict',
    offset: moment.offset,
    recordedAt: moment.at,
    rule: rule.index,
    key: key.key,
    at: moment.at,
    holds,
    clears: !holds,
    subject: { kind: 'silence', lastSeenAt: key.hearing.seenAt, reason },
  };
}
