import type { Item, Tick } from '../model/item.ts';
import type { Plan, StreamPlan, WindowRule } from '../model/plan.ts';
import type { Reading } from '../model/reading.ts';
import { type KeyState, lookUpDevice, type State, type StreamState } from '../state.ts';
import type { Counters } from '../telemetry.ts';
import { addToPanes, closeNext, createWindowState, nextEnd, passTo } from '../windows/panes.ts';
import { groupWatermark, quietUntil, quietWatermark, type Watermark } from '../windows/watermark.ts';
import { lift } from './lift.ts';

/** The reading or tick that closes a window. */
interface Cause {
  readonly offset: number;
  readonly receivedAt: number;
}

/**
 * Takes readings into the windows of their keys and closes what the watermark has passed: a device's own windows with its readings,
 * or by ticks when it goes quiet; a group's windows by ticks, when the earliest of its devices has passed them.
 * Marks a reading late when every window it belongs to has closed; the reading itself goes on to its table all the same.
 */
export const window = (plan: Plan, state: State, maxBehindMs: number, counters: Counters) => {
  const close = (rule: WindowRule, key: KeyState, watermark: number, cause: Cause, out: Item[]): void => {
    const windows = key.windowing.windows[rule.slot];
    if (windows === undefined) return;
    while (nextEnd(windows, rule.window) + rule.window.latenessMs <= watermark) {
      const closed = closeNext(windows, rule.window);
      counters.windows_closed += 1;
      const { offset, receivedAt } = cause;
      out.push({ kind: 'closed', offset, receivedAt, rule: rule.index, key: key.key, ...closed });
    }
  };

  const takeReading = (reading: Reading, out: Item[]): void => {
    const streamPlan = plan.streams[reading.stream]!;
    const stream = state.streams[reading.stream]!;
    const { keys } = lookUpDevice(stream, streamPlan.keyings, reading.device, reading.labels);
    let wakeMs = Number.POSITIVE_INFINITY;
    for (const rule of streamPlan.windowRules) {
      const { byDevice } = rule.keying;
      const key = keys[rule.keying.index]!;
      // The clock of the device moves for every rule, also for one that does not look at this reading.
      const mark = moveMark(key, reading);
      const takes = rule.where === undefined || rule.where(reading);
      if (takes) key.windowing.windows[rule.slot] ??= createWindowState();
      const windows = key.windowing.windows[rule.slot];
      if (windows === undefined) continue;
      // What its own stamp closes is closed first: the reading belongs to a later window.
      if (byDevice) {
        close(rule, key, mark.eventAt, reading, out);
        passTo(windows, rule.window, mark.eventAt - rule.window.latenessMs);
      }
      if (takes && !addToPanes(windows, rule.window, reading)) reading.late = true;
      if (byDevice) wakeMs = Math.min(wakeMs, quietUntil(mark, nextEnd(windows, rule.window) + rule.window.latenessMs));
    }
    wakeAt(stream, keys[0]!, wakeMs);
    if (reading.late) counters.readings_late += 1;
  };

  const closeQuiet = (streamPlan: StreamPlan, tick: Tick, out: Item[]): void => {
    const stream = state.streams[streamPlan.index]!;
    const nowMs = Math.max(...tick.liveMs);
    // A timer that another has taken the place of is not due.
    const due = [...new Set(stream.windowTimers.advance(nowMs))].filter((key) => key.windowing.wakeMs <= nowMs);
    // The order of timers is not part of a snapshot, so the order of outputs must not depend on it.
    due.sort((a, b) => (a.key.text < b.key.text ? -1 : 1));
    for (const key of due) {
      const mark = key.windowing.marks.get(key.key.text)!;
      const watermark = quietWatermark(mark, tick.liveMs[mark.connection]!);
      key.windowing.wakeMs = Number.POSITIVE_INFINITY;
      let wakeMs = Number.POSITIVE_INFINITY;
      for (const rule of streamPlan.windowRules) {
        if (rule.keying.index !== key.keying) continue;
        close(rule, key, watermark, { offset: tick.offset, receivedAt: tick.at }, out);
        const windows = key.windowing.windows[rule.slot];
        if (windows === undefined) continue;
        wakeMs = Math.min(wakeMs, quietUntil(mark, nextEnd(windows, rule.window) + rule.window.latenessMs));
      }
      wakeAt(stream, key, wakeMs);
    }
  };

  const closeGroups = (streamPlan: StreamPlan, tick: Tick, out: Item[]): void => {
    for (const keying of streamPlan.keyings) {
      const rules = streamPlan.windowRules.filter((rule) => rule.keying === keying);
      if (keying.byDevice || rules.length === 0) continue;
      for (const key of state.streams[streamPlan.index]!.keys[keying.index]!.values()) {
        const watermarks = Array.from(key.windowing.marks.values(), (mark) =>
          quietWatermark(mark, tick.liveMs[mark.connection]!),
        );
        const watermark = groupWatermark(watermarks, maxBehindMs);
        for (const rule of rules) {
          close(rule, key, watermark, { offset: tick.offset, receivedAt: tick.at }, out);
          const windows = key.windowing.windows[rule.slot];
          if (windows !== undefined) passTo(windows, rule.window, watermark - rule.window.latenessMs);
        }
      }
    }
  };

  return lift((item, out) => {
    if (item.kind === 'reading' && plan.streams[item.stream]!.windowRules.length > 0) takeReading(item, out);
    out.push(item);
    if (item.kind !== 'tick') return;
    for (const streamPlan of plan.streams) {
      if (streamPlan.windowRules.length === 0) continue;
      closeQuiet(streamPlan, item, out);
      closeGroups(streamPlan, item, out);
    }
  });
};

function moveMark(key: KeyState, reading: Reading): Watermark {
  let mark = key.windowing.marks.get(reading.device);
  if (mark === undefined) {
    mark = { eventAt: reading.time, seenLiveMs: reading.liveMs, connection: reading.connection };
    key.windowing.marks.set(reading.device, mark);
    return mark;
  }
  if (reading.time > mark.eventAt) mark.eventAt = reading.time;
  mark.seenLiveMs = reading.liveMs;
  mark.connection = reading.connection;
  return mark;
}

/** Makes sure that the key, which is a device, is looked at by then. */
function wakeAt(stream: StreamState, key: KeyState, liveMs: number): void {
  if (liveMs >= key.windowing.wakeMs) return;
  key.windowing.wakeMs = liveMs;
  stream.windowTimers.schedule(key, liveMs);
}
