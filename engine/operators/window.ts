import { include, nextRule, selectRules } from '../language/rule-index/rule-index.ts';
import type { Item, Tick } from '../model/item/item.ts';
import type { Keying } from '../model/plan/keying.ts';
import type { Plan, StreamPlan } from '../model/plan/plan.ts';
import type { WindowRule } from '../model/plan/rule-plan.ts';
import type { Cause, ClockJump, Reading } from '../model/reading.ts';
import type { DeviceKeys } from '../state/device.ts';
import { lookUpDevice } from '../state/directory.ts';
import type { KeyState } from '../state/key.ts';
import type { State } from '../state/state.ts';
import type { StreamState } from '../state/stream.ts';
import type { Counters } from '../telemetry.ts';
import { windows } from '../windows/registry.ts';
import { groupWatermark, quietUntil, quietWatermark, type Watermark } from '../windows/watermark.ts';
import type { WindowKind, WindowOutcome, WindowState } from '../windows/window-kind.ts';
import { lift } from './lift.ts';

/** What the windows of one level of streams need. */
export interface WindowOptions {
  readonly plan: Plan;
  readonly state: State;
  /** See `StreamPlan.level`; readings of other levels pass. */
  readonly level: number;
  /** How far a device's clock may be behind its group's before the group goes on without it; milliseconds. */
  readonly maxBehindMs: number;
  readonly counters: Counters;
}

/**
 * How many devices the groups of one keying may follow, each counted in each group that it was in, as a multiple of `limits.devices` or, where
 * that is more, `limits.keys`: devices that move leave a mark in each group.
 */
const GROUPS_PER_DEVICE = 4;

/**
 * Takes readings into the windows of their keys and closes what the watermark has passed: a device's own windows with its readings,
 * or by ticks when it goes quiet; a group's windows by ticks, when the earliest of its devices has passed them.
 * Marks a reading late when every window it belongs to has closed; the reading itself goes on to its table all the same. One that there is
 * no room for is in no window.
 */
export const window = ({ plan, state, level, maxBehindMs, counters }: WindowOptions) => {
  const streams = plan.streams.filter((stream) => stream.level === level && stream.windowRules.length > 0);
  const isOwn = plan.streams.map((stream) => streams.includes(stream));
  const kinds = plan.rules.map((rule) => (rule.kind === 'window' ? windows[rule.window.kind] : undefined));
  const kindOf = (rule: WindowRule): WindowKind => kinds[rule.index]!;
  const settleOf = (rule: WindowRule): number => plan.streams[rule.stream]!.graceMs;
  const outcome: WindowOutcome = { closed: [], takenEarly: 0 };
  // By stream: the rules to show the reading at hand, and the keyings that have windows.
  const selections = plan.streams.map(({ windowIndex }) => new Int32Array(windowIndex?.always.length ?? 0));
  const keyings = plan.streams.map(({ windowRules }) => [...new Set(windowRules.map(({ keying }) => keying.index))]);

  /** The reading at hand is of a device that a group cannot follow. */
  let hasNoRoom = false;
  const mostMarks = plan.streams.map(({ config: { limits } }) => {
    return GROUPS_PER_DEVICE * Math.max(limits.devices, limits.keys);
  });

  /** Moves the clock of a device on, as its key knows it. Undefined where there is no room for one more. */
  const follow = (key: KeyState, { index, byDevice }: Keying, reading: Reading): Watermark | undefined => {
    const known = key.windowing.watermarks.get(reading.device);
    if (known !== undefined) return moveMark(known, reading);
    const { watermarkCounts: marks } = state.streams[reading.stream]!;
    if (!byDevice && marks[index]! >= mostMarks[reading.stream]!) {
      hasNoRoom = true;
      return undefined;
    }
    marks[index]! += 1;
    const mark = { eventAt: reading.time, seenLiveMs: reading.liveMs, connection: reading.connection };
    key.windowing.watermarks.set(reading.device, mark);
    return mark;
  };

  const handOn = (rule: WindowRule, key: KeyState, cause: Cause, out: Item[]): void => {
    const { offset, receivedAt, connection, liveMs } = cause;
    counters.readings_hurried += outcome.takenEarly;
    counters.windows_closed += outcome.closed.length;
    for (const closed of outcome.closed) {
      out.push({ kind: 'closed', offset, receivedAt, connection, liveMs, rule: rule.index, key: key.key, ...closed });
    }
    outcome.closed.length = 0;
    outcome.takenEarly = 0;
  };

  /** Returns the live time at which the rule wants its key to be looked at. */
  const takeBy = (rule: WindowRule, position: number, keys: DeviceKeys, reading: Reading, out: Item[]): number => {
    const { byDevice } = rule.keying;
    const key = keys[rule.keying.index];
    // The clock of the device moves for every rule, also for one that does not look at this reading.
    const mark = key && follow(key, rule.keying, reading);
    if (key === undefined || mark === undefined) return Number.POSITIVE_INFINITY;
    const takes = rule.where === undefined || rule.where(reading);
    const kind = kindOf(rule);
    let own = key.windowing.windows[rule.slot];
    if (own === undefined) {
      if (!takes) return Number.POSITIVE_INFINITY;
      own = kind.create();
      key.windowing.windows[rule.slot] = own;
      key.windowing.openRules?.push(position);
    }
    // What its own stamp closes is closed first: the reading belongs to a later window.
    if (byDevice) {
      const eventAt = mark.eventAt - rule.window.latenessMs;
      kind.close(own, rule.window, eventAt, outcome);
      kind.pass(own, rule.window, eventAt);
    }
    if (takes && !kind.add(own, rule.window, reading, outcome)) reading.late = true;
    if (outcome.closed.length > 0 || outcome.takenEarly > 0) handOn(rule, key, reading, out);
    return byDevice ? wakeFor(kind, rule, own, mark, settleOf(rule)) : Number.POSITIVE_INFINITY;
  };

  /** Closes what was due before event time jumped, and lets what waits begin from the start. */
  const restart = (rules: readonly WindowRule[], keys: DeviceKeys, jump: ClockJump, reading: Reading, out: Item[]) => {
    const key = keys[jump.keying]!;
    for (const rule of rules) {
      const own = rule.keying.index === jump.keying ? key.windowing.windows[rule.slot] : undefined;
      const kind = kindOf(rule);
      if (own === undefined || kind.restart === undefined) continue;
      kind.close(own, rule.window, jump.from, outcome);
      key.windowing.windows[rule.slot] = kind.restart(own);
      handOn(rule, key, reading, out);
    }
  };

  const takeReading = (reading: Reading, out: Item[]): void => {
    const streamPlan = plan.streams[reading.stream]!;
    const stream = state.streams[reading.stream]!;
    const device = lookUpDevice(streamPlan, stream, reading.device, reading.labels);
    if (device === undefined) return;
    const { keys } = device;
    const { windowRules, windowIndex } = streamPlan;
    if (reading.jumps !== undefined) {
      for (const jump of reading.jumps) restart(windowRules, keys, jump, reading, out);
    }
    let wakeMs = Number.POSITIVE_INFINITY;
    if (windowIndex === undefined) {
      for (let i = 0; i < windowRules.length; i++) {
        wakeMs = Math.min(wakeMs, takeBy(windowRules[i]!, i, keys, reading, out));
      }
    } else {
      const selected = selections[reading.stream]!;
      selectRules(windowIndex, reading, selected);
      for (const index of keyings[reading.stream]!) {
        const key = keys[index];
        if (key !== undefined && follow(key, streamPlan.keyings[index]!, reading) !== undefined) {
          includeOpen(selected, key, windowRules);
        }
      }
      for (let i = nextRule(selected, 0); i >= 0; i = nextRule(selected, i + 1)) {
        wakeMs = Math.min(wakeMs, takeBy(windowRules[i]!, i, keys, reading, out));
      }
    }
    wakeAt(stream, keys[0], wakeMs);
    if (reading.late) counters.readings_late += 1;
    if (hasNoRoom) counters.readings_over_group_limit += 1;
    hasNoRoom = false;
  };

  const closeQuiet = (streamPlan: StreamPlan, tick: Tick, out: Item[]): void => {
    const stream = state.streams[streamPlan.index]!;
    const nowMs = Math.max(...tick.liveMs);
    const due = stream.windowTimers.advance(nowMs);
    // The order of timers is not part of a snapshot, so the order of outputs must not depend on it.
    due.sort((a, b) => (a.key.text < b.key.text ? -1 : 1));
    for (const key of due) {
      const mark = key.windowing.watermarks.get(key.key.text)!;
      const watermark = quietWatermark(mark, tick.liveMs[mark.connection]!, streamPlan.graceMs);
      key.windowing.wakeMs = Number.POSITIVE_INFINITY;
      let wakeMs = Number.POSITIVE_INFINITY;
      for (const rule of streamPlan.windowRules) {
        if (rule.keying.index !== key.keying) continue;
        const own = key.windowing.windows[rule.slot];
        if (own === undefined) continue;
        const kind = kindOf(rule);
        kind.close(own, rule.window, watermark - rule.window.latenessMs, outcome);
        handOn(rule, key, causeOf(tick, mark), out);
        wakeMs = Math.min(wakeMs, wakeFor(kind, rule, own, mark, streamPlan.graceMs));
      }
      wakeAt(stream, key, wakeMs);
    }
  };

  const closeGroups = (streamPlan: StreamPlan, tick: Tick, out: Item[]): void => {
    for (const keying of streamPlan.keyings) {
      const rules = streamPlan.windowRules.filter((rule) => rule.keying === keying);
      if (keying.byDevice || rules.length === 0) continue;
      for (const key of state.streams[streamPlan.index]!.keys[keying.index]!.values()) {
        const marks = [...key.windowing.watermarks.values()];
        const watermarks = marks.map((mark) => quietWatermark(mark, tick.liveMs[mark.connection]!, streamPlan.graceMs));
        const watermark = groupWatermark(watermarks, maxBehindMs, tick.at);
        for (const rule of rules) {
          const own = key.windowing.windows[rule.slot];
          if (own === undefined) continue;
          const eventAt = watermark - rule.window.latenessMs;
          kindOf(rule).close(own, rule.window, eventAt, outcome);
          kindOf(rule).pass(own, rule.window, eventAt);
          handOn(rule, key, causeOf(tick, marks[0]!), out);
        }
      }
    }
  };

  return lift((item, out) => {
    if (item.kind === 'reading' && isOwn[item.stream]!) takeReading(item, out);
    out.push(item);
    if (item.kind !== 'tick') return;
    for (const streamPlan of streams) {
      closeQuiet(streamPlan, item, out);
      closeGroups(streamPlan, item, out);
    }
  });
};

/** Adds the rules that have a window of the key: the reading may close it, whether or not they take it in. */
function includeOpen(selected: Int32Array, { keying: own, windowing }: KeyState, rules: readonly WindowRule[]): void {
  if (windowing.openRules === undefined) {
    const open: number[] = [];
    const restored = windowing.windows.length > 0;
    for (let i = 0; restored && i < rules.length; i++) {
      const { keying, slot } = rules[i]!;
      if (keying.index === own && windowing.windows[slot] !== undefined) open.push(i);
    }
    windowing.openRules = open;
  }
  for (let i = 0; i < windowing.openRules.length; i++) include(selected, windowing.openRules[i]!);
}

function moveMark(mark: Watermark, reading: Reading): Watermark {
  if (reading.time > mark.eventAt) mark.eventAt = reading.time;
  mark.seenLiveMs = reading.liveMs;
  mark.connection = reading.connection;
  return mark;
}

/** Live time at which the window of a quiet device may be due. */
function wakeFor(kind: WindowKind, { window }: WindowRule, own: WindowState, mark: Watermark, graceMs: number): number {
  return quietUntil(mark, kind.dueAt(own, window) + window.latenessMs, graceMs);
}

function causeOf({ offset, at, liveMs }: Tick, { connection }: Watermark): Cause {
  return { offset, receivedAt: at, connection, liveMs: liveMs[connection]! };
}

/** Makes sure that the key, which is a device, is looked at by then. */
function wakeAt(stream: StreamState, key: KeyState, liveMs: number): void {
  if (liveMs >= key.windowing.wakeMs) return;
  key.windowing.wakeMs = liveMs;
  stream.windowTimers.schedule(key, liveMs);
}
