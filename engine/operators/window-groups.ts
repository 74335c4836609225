import type { Item, Tick } from '../model/item/item.ts';
import type { Reading } from '../model/reading.ts';
import type { DeviceMark } from '../state/device.ts';
import type { GroupState } from '../state/group.ts';
import { MOST_DUE } from '../state/state.ts';
import type { StreamState } from '../state/stream.ts';
import { groupWatermark, quietUntil, quietWatermark, type Watermark } from '../windows/watermark.ts';
import { hasOutcome, passOutcome, type StreamWindows } from './window-rules.ts';

/** Call it with the mark of a reading before the mark moves: the next tick looks at the group. */
export function noteReading({ stream, plan }: StreamWindows, mark: DeviceMark, connection: number): void {
  const { number, liveMs } = stream.lastTick;
  if (mark.movedAfter !== number) {
    mark.movedAfter = number;
    mark.atTick = quietWatermark(mark, liveMs[mark.connection] ?? 0, plan.graceMs);
  }
  const { key } = mark;
  key.connection = connection;
  activate(stream, key);
}

/**
 * Whether the group may have passed the windows of a reading, although they have not closed. The watermark of a group is not above that of a
 * device that it waits for. So this needs a reading that is older than its device, or a device that the group may not wait for.
 */
export function mayBeLate(
  { maxBehindMs }: StreamWindows,
  { eventAt }: Watermark,
  { time, receivedAt }: Reading,
): boolean {
  return time < eventAt || time < receivedAt - maxBehindMs;
}

/**
 * The watermark of a group at the last tick, for a reading that may be late. What is late does not depend on the order in which the readings of
 * several devices arrive between two ticks. It is computed at most once for a tick, because that takes a look at each device of the group.
 */
export function passedBy(
  { plan, stream, maxBehindMs, scratch: { eventTimes } }: StreamWindows,
  group: GroupState,
): number {
  const { number, at, liveMs } = stream.lastTick;
  if (group.passedTick === number) return group.passedAt;
  eventTimes.length = 0;
  for (const mark of group.watermarks) {
    const { movedAfter, atTick } = mark as DeviceMark;
    if (movedAfter !== number) eventTimes.push(quietWatermark(mark, liveMs[mark.connection] ?? 0, plan.graceMs));
    else if (!Number.isNaN(atTick)) eventTimes.push(atTick);
  }
  group.passedTick = number;
  group.passedAt = groupWatermark(eventTimes, maxBehindMs, at);
  return group.passedAt;
}

/**
 * Closes the windows of groups that the watermark of the group has passed. Looks only at groups that have got a reading since the last tick,
 * and at those whose timer has expired. Returns whether some are left for the next tick.
 */
export function closeGroups(windows: StreamWindows, tick: Tick, out: Item[]): boolean {
  const { stream } = windows;
  const { groupTimers, quietGroupTimers } = stream;
  const { lastTick } = stream;
  lastTick.number += 1;
  lastTick.at = tick.at;
  lastTick.liveMs = tick.liveMs;
  groupTimers.advance(tick.at);
  for (let group = groupTimers.next(); group !== undefined; group = groupTimers.next()) {
    group.wakeAt = Number.POSITIVE_INFINITY;
    activate(stream, group);
  }
  quietGroupTimers.advance(Math.max(...tick.liveMs));
  for (let group = quietGroupTimers.next(); group !== undefined; group = quietGroupTimers.next()) {
    group.wakeMs = Number.POSITIVE_INFINITY;
    activate(stream, group);
  }
  if (stream.activeGroups.length === 0) return false;
  const active = stream.activeGroups.splice(0);
  // Timers and readings may bring them in any order, which is not part of a snapshot. So the order of outputs must not depend on it.
  active.sort((a, b) => a.keying - b.keying || a.number - b.number);
  let left = MOST_DUE;
  for (const group of active) {
    group.isActive = false;
    if (left === 0) activate(stream, group);
    else if (closeGroup(windows, group, tick, out)) left -= 1;
  }
  return left === 0;
}

function activate({ activeGroups }: StreamState, group: GroupState): void {
  if (group.isActive) return;
  group.isActive = true;
  activeGroups.push(group);
}

/** Returns whether a window was due. */
function closeGroup(windows: StreamWindows, group: GroupState, tick: Tick, out: Item[]): boolean {
  const dueAt = dueOf(windows, group);
  if (dueAt === Number.POSITIVE_INFINITY) return false;
  if (!isAwaited(windows, group.awaited, dueAt, tick)) group.awaited = findAwaited(windows, group, dueAt, tick);
  const { awaited } = group;
  if (awaited !== undefined) {
    sleep(windows, group, awaited, dueAt, tick);
    return false;
  }
  activate(windows.stream, group);
  return closeDue(windows, group, watermarkOf(windows, group, tick), tick, out);
}

/** The earliest watermark at which a window of the group closes. Infinity if there is none. */
function dueOf({ rulesOf }: StreamWindows, { keying, windows }: GroupState): number {
  const rules = rulesOf[keying]!;
  let dueAt = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rules.length; i++) {
    const { rule, kind } = rules[i]!;
    const own = windows[rule.slot];
    if (own === undefined) continue;
    const at = kind.dueAt(own, rule.window) + rule.window.latenessMs;
    if (at < dueAt) dueAt = at;
  }
  return dueAt;
}

function closeDue(windows: StreamWindows, key: GroupState, watermark: number, tick: Tick, out: Item[]): boolean {
  const { outcome } = windows.scratch;
  const { offset, at, liveMs } = tick;
  const { connection } = key;
  let isDue = false;
  for (const { rule, kind } of windows.rulesOf[key.keying]!) {
    const own = key.windows[rule.slot];
    const eventAt = watermark - rule.window.latenessMs;
    if (own === undefined || kind.dueAt(own, rule.window) > eventAt) continue;
    isDue = true;
    windows.stream.changedKeys.touch(key);
    kind.close(own, rule.window, eventAt, outcome);
    kind.pass(own, rule.window, eventAt);
    if (!hasOutcome(outcome)) continue;
    passOutcome(windows, rule, key, { offset, receivedAt: at, connection, liveMs: liveMs[connection]! }, out);
  }
  return isDue;
}

/**
 * Whether the group certainly waits for this device, so that nothing is due at `dueAt`: its watermark is below, and it is not so far behind that
 * the group may continue without it.
 */
function isAwaited(
  { plan, maxBehindMs }: StreamWindows,
  mark: Watermark | undefined,
  dueAt: number,
  { at, liveMs }: Tick,
): mark is Watermark {
  if (mark === undefined) return false;
  const watermark = quietWatermark(mark, liveMs[mark.connection]!, plan.graceMs);
  return watermark < dueAt && watermark >= at - maxBehindMs;
}

/** Finds a device that the group certainly waits for. It begins after the last one, since those before have passed. */
function findAwaited(windows: StreamWindows, group: GroupState, dueAt: number, tick: Tick): Watermark | undefined {
  const { watermarks } = group;
  for (let i = 0; i < watermarks.length; i++) {
    if (group.cursor >= watermarks.length) group.cursor = 0;
    const mark = watermarks[group.cursor]!;
    if (isAwaited(windows, mark, dueAt, tick)) return mark;
    group.cursor += 1;
  }
  return undefined;
}

/**
 * Lets the group rest until a reading comes, until the awaited device is quiet for so long that its watermark reaches `dueAt` (in live time), or until
 * it is so far behind that the group may continue without it (in receive time).
 */
function sleep(
  { stream, plan, maxBehindMs }: StreamWindows,
  group: GroupState,
  awaited: Watermark,
  dueAt: number,
  { liveMs }: Tick,
): void {
  const wakeMs = quietUntil(awaited, dueAt, plan.graceMs);
  if (group.wakeMs !== wakeMs) {
    group.wakeMs = wakeMs;
    stream.quietGroupTimers.schedule(group);
  }
  const wakeAt = quietWatermark(awaited, liveMs[awaited.connection]!, plan.graceMs) + maxBehindMs;
  if (group.wakeAt === wakeAt) return;
  group.wakeAt = wakeAt;
  stream.groupTimers.schedule(group);
}

function watermarkOf(
  { plan, maxBehindMs, scratch: { eventTimes } }: StreamWindows,
  { watermarks }: GroupState,
  { at, liveMs }: Tick,
): number {
  eventTimes.length = 0;
  for (const mark of watermarks) eventTimes.push(quietWatermark(mark, liveMs[mark.connection]!, plan.graceMs));
  return groupWatermark(eventTimes, maxBehindMs, at);
}
