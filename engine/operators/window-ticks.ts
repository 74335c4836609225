import type { Item, Tick } from '../model/item/item.ts';
import type { Cause } from '../model/reading.ts';
import type { KeyState } from '../state/key.ts';
import { MOST_DUE } from '../state/state.ts';
import { quietWatermark } from '../windows/watermark.ts';
import { wakeGroup } from './window-groups.ts';
import { dueLiveMs, hasOutcome, passOutcome, type StreamWindows, wakeAt } from './window-rules.ts';

/**
 * Closes the own windows of quiet devices whose timer has expired. Returns whether some are left for the next tick. Wakes the groups whose timer
 * has expired, for `closeGroups`.
 */
export function closeQuietDevices(windows: StreamWindows, tick: Tick, out: Item[]): boolean {
  const { windowTimers } = windows.stream;
  windowTimers.advance(Math.max(...tick.liveMs));
  const later: KeyState[] = [];
  let left = MOST_DUE;
  for (
    let key = left > 0 ? windowTimers.next() : undefined;
    key !== undefined;
    key = left > 0 ? windowTimers.next() : undefined
  ) {
    const { windowing } = key;
    if (windowing.group !== undefined) {
      wakeGroup(windows.stream, key, windowing.group);
      continue;
    }
    const wakeMs = wakeOf(windows, key);
    if (wakeMs !== windowing.wakeMs) {
      // The timer was set for an earlier reading. The order of keys that are due must not depend on that.
      windowing.wakeMs = wakeMs;
      windowTimers.schedule(key);
    } else if (wakeMs > tick.liveMs[windowing.watermarks[0]!.connection]!) later.push(key);
    else {
      closeQuietDevice(windows, key, tick, out);
      left -= 1;
    }
  }
  for (const key of later) windowTimers.schedule(key);
  return left === 0;
}

function closeQuietDevice(windows: StreamWindows, key: KeyState, tick: Tick, out: Item[]): void {
  const { stream, rulesOf, scratch, plan } = windows;
  const { windowing } = key;
  const mark = windowing.watermarks[0]!;
  const watermark = quietWatermark(mark, tick.liveMs[mark.connection]!, plan.graceMs);
  stream.changedKeys.touch(key);
  for (const { rule, kind } of rulesOf[key.keying]!) {
    const own = windowing.windows[rule.slot];
    if (own === undefined) continue;
    kind.close(own, rule.window, watermark - rule.window.latenessMs, scratch.outcome);
    if (hasOutcome(scratch.outcome)) passOutcome(windows, rule, key, causeOf(tick, mark), out);
  }
  windowing.wakeMs = Number.POSITIVE_INFINITY;
  wakeAt(stream, key, wakeOf(windows, key));
}

/** Live time at which a window of a quiet device is due; Infinity: none is. */
function wakeOf({ rulesOf, plan }: StreamWindows, { keying, windowing }: KeyState): number {
  const rules = rulesOf[keying]!;
  let wakeMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rules.length; i++) {
    const own = windowing.windows[rules[i]!.rule.slot];
    if (own === undefined) continue;
    wakeMs = Math.min(wakeMs, dueLiveMs(rules[i]!, own, windowing.watermarks[0]!, plan.graceMs));
  }
  return wakeMs;
}

/** What the results of a tick are caused by: the tick, with the connection of this device. */
function causeOf({ offset, at, liveMs }: Tick, { connection }: { readonly connection: number }): Cause {
  return { offset, receivedAt: at, connection, liveMs: liveMs[connection]! };
}
