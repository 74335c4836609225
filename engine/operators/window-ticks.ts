import type { Item, Tick } from '../model/item/item.ts';
import type { Cause } from '../model/reading.ts';
import type { DeviceState } from '../state/device.ts';
import { MOST_DUE } from '../state/state.ts';
import { quietWatermark } from '../windows/watermark.ts';
import { dueLiveMs, hasOutcome, passOutcome, type StreamWindows, wakeAt } from './window-rules.ts';

/** Closes the own windows of quiet devices whose timer has expired. Returns whether some are left for the next tick. */
export function closeQuietDevices(windows: StreamWindows, tick: Tick, out: Item[]): boolean {
  const { windowTimers } = windows.stream;
  windowTimers.advance(Math.max(...tick.liveMs));
  const later: DeviceState[] = [];
  let left = MOST_DUE;
  for (let key = windowTimers.next(); key !== undefined; key = left > 0 ? windowTimers.next() : undefined) {
    const wakeMs = wakeOf(windows, key);
    if (wakeMs !== key.windowWakeMs) {
      // The timer was set for an earlier reading. The order of keys that are due must not depend on that.
      key.windowWakeMs = wakeMs;
      windowTimers.schedule(key);
    } else if (wakeMs > tick.liveMs[key.connection]!) later.push(key);
    else {
      closeQuietDevice(windows, key, tick, out);
      left -= 1;
    }
  }
  for (const key of later) windowTimers.schedule(key);
  return left === 0;
}

function closeQuietDevice(windows: StreamWindows, device: DeviceState, tick: Tick, out: Item[]): void {
  const { stream, rulesOf, scratch, plan } = windows;
  const watermark = quietWatermark(device, tick.liveMs[device.connection]!, plan.graceMs);
  stream.changedKeys.touch(device);
  for (const { rule, kind } of rulesOf[device.keying]!) {
    const own = device.windows[rule.slot];
    if (own === undefined) continue;
    kind.close(own, rule.window, watermark - rule.window.latenessMs, scratch.outcome);
    if (hasOutcome(scratch.outcome)) passOutcome(windows, rule, device, causeOf(tick, device), out);
  }
  device.windowWakeMs = Number.POSITIVE_INFINITY;
  wakeAt(stream, device, wakeOf(windows, device));
}

/** Live time at which a window of a quiet device is due; Infinity: none is. */
function wakeOf({ rulesOf, plan }: StreamWindows, device: DeviceState): number {
  const rules = rulesOf[device.keying]!;
  let wakeMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rules.length; i++) {
    const own = device.windows[rules[i]!.rule.slot];
    if (own === undefined) continue;
    wakeMs = Math.min(wakeMs, dueLiveMs(rules[i]!, own, device, plan.graceMs));
  }
  return wakeMs;
}

/** What the results of a tick are caused by: the tick, with the connection of this device. */
function causeOf({ offset, at, liveMs }: Tick, { connection }: { readonly connection: number }): Cause {
  return { offset, receivedAt: at, connection, liveMs: liveMs[connection]! };
}
