import type { Item, Tick } from '../model/item/item.ts';
import type { Cause } from '../model/reading.ts';
import type { KeyState } from '../state/key.ts';
import { quietWatermark } from '../windows/watermark.ts';
import { dueLiveMs, hasOutcome, passOutcome, type StreamWindows, wakeAt } from './window-rules.ts';

/** Closes the own windows of quiet devices whose timer has run out. */
export function closeQuietDevices(windows: StreamWindows, tick: Tick, out: Item[]): void {
  const due = windows.stream.windowTimers.advance(Math.max(...tick.liveMs));
  // The order of timers is not part of a snapshot, so the order of outputs must not depend on it.
  due.sort((a, b) => (a.text < b.text ? -1 : 1));
  for (const key of due) closeQuietDevice(windows, key, tick, out);
}

function closeQuietDevice(windows: StreamWindows, key: KeyState, tick: Tick, out: Item[]): void {
  const { stream, rulesOf, scratch } = windows;
  const { graceMs } = windows.plan;
  const { windowing } = key;
  const mark = windowing.watermarks[0]!;
  stream.changedKeys.touch(key);
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

/** What the results of a tick are caused by: the tick, with the connection of this device. */
function causeOf({ offset, at, liveMs }: Tick, { connection }: { readonly connection: number }): Cause {
  return { offset, receivedAt: at, connection, liveMs: liveMs[connection]! };
}
