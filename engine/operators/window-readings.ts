import { include, nextRule, selectRules } from '../language/rule-index/rule-index.ts';
import type { Item } from '../model/item/item.ts';
import type { RuleIndex } from '../model/plan/index-plan.ts';
import type { ClockJump, Reading } from '../model/reading.ts';
import { addMark, type DeviceMark, type DeviceState, findMark, hasWatermark, type Place } from '../state/device.ts';
import { placeOf } from '../state/directory.ts';
import type { GroupState } from '../state/group.ts';
import type { KeyState } from '../state/key.ts';
import { withSlot } from '../state/slot-list.ts';
import type { Watermark } from '../windows/watermark.ts';
import { mayBeLate, noteReading, passedBy } from './window-groups.ts';
import { dueLiveMs, hasOutcome, type KindedRule, passOutcome, type StreamWindows, wakeAt } from './window-rules.ts';

/**
 * Takes a reading into the windows of its keys, and closes the windows of its device that its stamp has passed. Sets `late` if every window
 * that it belongs to has closed.
 */
export function takeReading(windows: StreamWindows, reading: Reading, out: Item[]): void {
  const { plan, stream, counters } = windows;
  const place = placeOf(reading);
  if (place === undefined) return;
  if (reading.jumps !== undefined) {
    for (const jump of reading.jumps) restartWindows(windows, place, jump, reading, out);
  }
  const hasRoom = moveWatermarks(windows, place, reading);
  const wakeMs =
    plan.windowIndex === undefined
      ? takeByAll(windows, place, reading, out)
      : takeBySelected(windows, plan.windowIndex, place, reading, out);
  wakeAt(stream, place.device, wakeMs);
  if (reading.late) counters.readings_late += 1;
  if (!hasRoom) counters.readings_over_group_limit += 1;
}

/** Closes what was due before event time jumped. Windows that wait for something start again. */
function restartWindows(windows: StreamWindows, place: Place, jump: ClockJump, reading: Reading, out: Item[]): void {
  const key = place.key(jump.keying)!;
  for (const { rule, kind } of windows.rulesOf[jump.keying]!) {
    const own = key.windows[rule.slot];
    if (own === undefined || kind.restart === undefined) continue;
    kind.close(own, rule.window, jump.from, windows.scratch.outcome);
    key.windows = withSlot(key.windows, rule.slot, kind.restart(own));
    passOutcome(windows, rule, key, reading, out);
  }
}

/**
 * Moves the watermark of the device in each of its keys that has window rules, also if no rule takes the reading. Leaves the watermarks in
 * `scratch.marks`. False if some key has no room for the device.
 */
function moveWatermarks(windows: StreamWindows, place: Place, reading: Reading): boolean {
  const { groupings, scratch } = windows;
  let hasRoom = true;
  for (let i = 0; i < groupings.length; i++) {
    const { index, byDevice } = groupings[i]!.keying;
    if (byDevice) {
      scratch.marks[index] = place.device;
      moveOwnWatermark(place.device, reading);
      continue;
    }
    const group = place.groups[index];
    const mark = group && (findMark(place.device, group) ?? joinGroup(windows, place.device, group, reading));
    scratch.marks[index] = mark;
    if (mark !== undefined) {
      noteReading(windows, mark, reading.connection);
      moveWatermark(mark, reading);
    } else if (group !== undefined) hasRoom = false;
  }
  return hasRoom;
}

function moveOwnWatermark(device: DeviceState, reading: Reading): void {
  if (!hasWatermark(device)) device.eventAt = reading.time;
  moveWatermark(device, reading);
}

function moveWatermark(mark: Watermark, { time, liveMs, connection }: Reading): void {
  if (time > mark.eventAt) mark.eventAt = time;
  mark.seenLiveMs = liveMs;
  mark.connection = connection;
}

/** Gives the device a watermark in a group that it was never in. Undefined if there is no room for one more. */
function joinGroup(
  { stream, maxWatermarks }: StreamWindows,
  device: DeviceState,
  group: GroupState,
  { time: eventAt, liveMs: seenLiveMs, connection }: Reading,
): DeviceMark | undefined {
  const { watermarkCounts, lastTick } = stream;
  if (watermarkCounts[group.keying]! >= maxWatermarks) return undefined;
  watermarkCounts[group.keying]! += 1;
  const mark = addMark(device, group, { eventAt, seenLiveMs, connection });
  mark.movedAfter = lastTick.number;
  return mark;
}

/** Shows the reading to every rule. Returns the live time at which to look at the device again. */
function takeByAll(windows: StreamWindows, place: Place, reading: Reading, out: Item[]): number {
  const { rules } = windows;
  let wakeMs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rules.length; i++) wakeMs = Math.min(wakeMs, takeBy(windows, rules[i]!, place, reading, out));
  return wakeMs;
}

/** As `takeByAll`, for the rules that the index selects and those that have a window of a key. */
function takeBySelected(windows: StreamWindows, index: RuleIndex, place: Place, reading: Reading, out: Item[]): number {
  const { rules, groupings } = windows;
  const { selected, marks } = windows.scratch;
  selectRules(index, reading, selected);
  for (const { keying, rules } of groupings) {
    if (marks[keying.index] !== undefined) includeOpen(selected, place.key(keying.index)!, rules);
  }
  let wakeMs = Number.POSITIVE_INFINITY;
  for (let i = nextRule(selected, 0); i >= 0; i = nextRule(selected, i + 1)) {
    wakeMs = Math.min(wakeMs, takeBy(windows, rules[i]!, place, reading, out));
  }
  return wakeMs;
}

/** Adds the rules that have a window of the key: the reading may close the window, even if the rule does not take the reading. */
function includeOpen(selected: Int32Array, key: KeyState, rules: readonly KindedRule[]): void {
  key.openWindows ??= findOpen(key.windows, rules);
  for (let i = 0; i < key.openWindows.length; i++) include(selected, key.openWindows[i]!);
}

function findOpen(states: KeyState['windows'], rules: readonly KindedRule[]): number[] {
  if (states.length === 0) return [];
  return rules.filter(({ rule }) => states[rule.slot] !== undefined).map(({ position }) => position);
}

/** Shows the reading to one rule. Returns the live time at which the rule needs a look at the device again; Infinity for a group. */
function takeBy(windows: StreamWindows, ruleAndKind: KindedRule, place: Place, reading: Reading, out: Item[]): number {
  const { rule, kind } = ruleAndKind;
  const { outcome, marks } = windows.scratch;
  const { index, byDevice } = rule.keying;
  const key = place.key(index);
  const mark = marks[index];
  if (key === undefined || mark === undefined) return Number.POSITIVE_INFINITY;
  const takes = rule.where === undefined || rule.where(reading);
  const own = key.windows[rule.slot] ?? (takes ? openWindow(ruleAndKind, key) : undefined);
  if (own === undefined) return Number.POSITIVE_INFINITY;
  if (byDevice) {
    // First closes what the reading's own stamp closes: the reading belongs to a later window.
    const eventAt = mark.eventAt - rule.window.latenessMs;
    kind.close(own, rule.window, eventAt, outcome);
    kind.pass(own, rule.window, eventAt);
  } else if (mayBeLate(windows, mark, reading)) {
    // Otherwise the reading would open a window that the next tick closes again.
    const eventAt = passedBy(windows, key as GroupState) - rule.window.latenessMs;
    if (kind.dueAt(own, rule.window) > eventAt) kind.pass(own, rule.window, eventAt);
  }
  if (takes && !kind.add(own, rule.window, reading, outcome)) reading.late = true;
  if (hasOutcome(outcome)) passOutcome(windows, rule, key, reading, out);
  return byDevice ? dueLiveMs(ruleAndKind, own, mark, windows.plan.graceMs) : Number.POSITIVE_INFINITY;
}

function openWindow({ rule, kind, position }: KindedRule, key: KeyState) {
  const own = kind.create();
  key.windows = withSlot(key.windows, rule.slot, own);
  key.openWindows?.push(position);
  return own;
}
