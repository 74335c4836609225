import type { Item, Tick } from '../model/item/item.ts';
import type { Cause } from '../model/reading.ts';
import type { KeyState } from '../state/key.ts';
import { groupWatermark, quietWatermark, type Watermark } from '../windows/watermark.ts';
import { dueLiveMs, hasOutcome, type KindedRule, passOutcome, type StreamWindows, wakeAt } from './window-rules.ts';

/** Closes the own windows of quiet devices whose timer has run out. */
export function closeQuietDevices(windows: StreamWindows, tick: Tick, out: Item[]): void {
  const due = windows.stream.windowTimers.advance(Math.max(...tick.liveMs));
  // The order of timers is not part of a snapshot, so the order of outputs must not depend on it.
  due.sort((a, b) => (a.key.text < b.key.text ? -1 : 1));
  for (const key of due) closeQuietDevice(windows, key, tick, out);
}

function closeQuietDevice(windows: StreamWindows, key: KeyState, tick: Tick, out: Item[]): void {
  const { stream, rulesOf, scratch } = windows;
  const { graceMs } = windows.plan;
  const { windowing } = key;
  // The key is a device, so its text is the name of the device.
  const mark = windowing.watermarks.get(key.key.text)!;
  const watermark = quietWatermark(mark, tick.liveMs[mark.connection]!, graceMs);
  windowing.wakeMs = Number.POSITIVE_INFINITY;
  let wakeMs = Number.POSITIVE_INFINITY;
  for (const ruleAndKind of rulesOf[key.keying]!) {
    const { rule, kind } = ruleAndKind;
    const own = windowing.windows[rule.slot];
    if (own === undefined) continue;
    kind.close(own, rule.window, watermark - rule.window.latenessMs, scratch.outcome);
    if (hasOutcome(scratch.outcome)) passOutcome(windows, rule, key, causeOf(tick, mark), out);
    wakeMs = Math.min(wakeMs, dueLiveMs(ruleAndKind, own, mark, graceMs));
  }
  wakeAt(stream, key, wakeMs);
}

/** Closes the windows of groups that the watermark of the group has passed. */
export function closeGroups(windows: StreamWindows, tick: Tick, out: Item[]): void {
  for (const { keying, rules } of windows.groupings) {
    if (keying.byDevice) continue;
    for (const key of windows.stream.keys[keying.index]!.values()) closeGroup(windows, key, rules, tick, out);
  }
}

function closeGroup(
  windows: StreamWindows,
  key: KeyState,
  rules: readonly KindedRule[],
  tick: Tick,
  out: Item[],
): void {
  const { outcome } = windows.scratch;
  const { windows: states, watermarks } = key.windowing;
  if (states.length === 0) return;
  const watermark = watermarkOf(windows, watermarks, tick);
  for (let i = 0; i < rules.length; i++) {
    const { rule, kind } = rules[i]!;
    const own = states[rule.slot];
    if (own === undefined) continue;
    const eventAt = watermark - rule.window.latenessMs;
    kind.close(own, rule.window, eventAt, outcome);
    kind.pass(own, rule.window, eventAt);
    if (!hasOutcome(outcome)) continue;
    const [first] = watermarks.values();
    passOutcome(windows, rule, key, causeOf(tick, first!), out);
  }
}

function watermarkOf(
  { plan, maxBehindMs, scratch: { eventTimes } }: StreamWindows,
  watermarks: KeyState['windowing']['watermarks'],
  { at, liveMs }: Tick,
): number {
  let count = 0;
  for (const mark of watermarks.values()) {
    eventTimes[count++] = quietWatermark(mark, liveMs[mark.connection]!, plan.graceMs);
  }
  eventTimes.length = count;
  return groupWatermark(eventTimes, maxBehindMs, at);
}

/** What the results of a tick are caused by: the tick, with the connection of this device. */
function causeOf({ offset, at, liveMs }: Tick, { connection }: Watermark): Cause {
  return { offset, receivedAt: at, connection, liveMs: liveMs[connection]! };
}
