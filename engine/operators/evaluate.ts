// Longer than most: readings and closed windows are evaluated by the same functions, which share the state of open alerts.
import { MAX_GAIN_MS } from '../devices/key-clock.ts';
import { include, nextRule, selectRules } from '../language/rule-index/rule-index.ts';
import type { DeviceAttributes } from '../model/attributes.ts';
import type { Evaluation } from '../model/item/alert.ts';
import type { AttributesChange, Item } from '../model/item/item.ts';
import type { Closed, Derived, TimeSpan, Viewed } from '../model/item/window-result.ts';
import type { RuleConditions } from '../model/plan/conditions-plan.ts';
import type { Plan } from '../model/plan/plan.ts';
import type { DerivedRule, ReadingOrder, ReadingRule, RulePlan, ViewPlan } from '../model/plan/rule-plan.ts';
import type { Cause, ClockJump, Reading } from '../model/reading.ts';
import type { DeviceState, Place } from '../state/device.ts';
import { placeOf } from '../state/directory.ts';
import { alertOf, type KeyState, keyStateOf } from '../state/key.ts';
import { NONE } from '../state/slot-list.ts';
import type { State } from '../state/state.ts';
import type { Counters } from '../telemetry.ts';
import { lift } from './lift.ts';
import { createResultIds, type ResultIds } from './result-ids.ts';
import { compute, derive, recall } from './running-facts.ts';

/** What evaluating the readings and windows of one level of streams needs. */
export interface EvaluateOptions {
  readonly plan: Plan;
  readonly state: State;
  /** See `StreamPlan.level`; items of other levels pass. */
  readonly level: number;
  /** For the ids of results of views. */
  readonly journalId: string;
  readonly counters: Counters;
}

/**
 * Evaluates readings and closed windows by the conditions of rules, and makes the results of views. An evaluation that does not hold is passed on
 * only while an alert of the rule is open: of a thousand rules that see a reading, nearly all do not hold. If the rules have an index, it
 * leaves most of those out.
 */
export const evaluate = ({ plan, state, level, journalId, counters }: EvaluateOptions) => {
  const attributes = state.attributes.ofClosed[level];
  const evaluating: Evaluating = { plan, counters, attributes, idOf: createResultIds(journalId) };
  const isOwn = plan.streams.map((stream) => stream.level === level);
  // By stream: the rules to evaluate for the reading at hand.
  const selections = plan.streams.map(({ readingIndex }) => new Int32Array(readingIndex?.always.length ?? 0));
  return lift((item, out) => {
    out.push(item);
    if (item.kind === 'reading') {
      if (isOwn[item.stream]!) evaluateReading(evaluating, selections[item.stream]!, item, out);
    } else if (item.kind === 'closed') {
      const rule = plan.rules[item.rule]!;
      if (isOwn[rule.stream]!) evaluateClosed(evaluating, rule, item, out);
    } else if (attributes !== undefined && item.kind === 'attributes') seeAttributes(attributes, item);
  });
};

interface Evaluating extends Pick<EvaluateOptions, 'plan' | 'counters'> {
  readonly idOf: ResultIds;
  /** Attributes of devices, as this level knows them now. Undefined if no window of the level uses them. */
  readonly attributes: Map<string, DeviceAttributes> | undefined;
}

function seeAttributes(known: Map<string, DeviceAttributes>, { device, attributes }: AttributesChange): void {
  if (attributes === undefined) known.delete(device);
  else known.set(device, attributes);
}

function evaluateReading(evaluating: Evaluating, selected: Int32Array, reading: Reading, out: Item[]): void {
  const { plan, counters } = evaluating;
  const stream = plan.streams[reading.stream]!;
  const { readingRules, readingIndex } = stream;
  const place = placeOf(reading);
  if (place === undefined) return;
  if (reading.jumps !== undefined) forgetFacts(place, reading.jumps);
  if (readingRules.length === 0) return;
  const { device } = place;
  for (let i = 0; i < place.keyings; i++) {
    const key = place.key(i);
    if (key !== undefined && reading.time > key.furthestAt) key.furthestAt = reading.time;
  }
  // Undefined: the device has no newer reading at all.
  const newest = moveNewest(device, reading) ? undefined : device;
  let inOrder = true;
  if (readingIndex === undefined) {
    for (let i = 0; i < readingRules.length; i++)
      inOrder = evaluateRule(evaluating, readingRules[i]!, i, place, newest, reading, out) && inOrder;
  } else {
    selectRules(readingIndex, reading, selected);
    for (let i = 0; i < place.keyings; i++) includeOpen(selected, place.key(i), readingRules);
    for (let i = nextRule(selected, 0); i >= 0; i = nextRule(selected, i + 1)) {
      inOrder = evaluateRule(evaluating, readingRules[i]!, i, place, newest, reading, out) && inOrder;
    }
  }
  if (!inOrder) {
    counters.readings_out_of_order += 1;
    reading.late = true;
  }
}

/** Event time has jumped. For running facts, the next reading of the key is the first one. */
function forgetFacts(place: Place, jumps: readonly ClockJump[]): void {
  for (const { keying } of jumps) {
    const key = place.key(keying)!;
    key.running = NONE;
    key.remembered = NONE;
  }
}

/** Notes the event time of the device's newest reading, of each field and of all. False if the device has had a newer reading than this. */
function moveNewest(device: DeviceState, { time, values }: Reading): boolean {
  const last = values.length;
  for (let i = 0; i < last; i++) if (values[i] !== undefined && time > device.newestAt(i)) device.setNewestAt(i, time);
  if (time < device.newestAt(last)) return false;
  device.setNewestAt(last, time);
  return true;
}

/** Whether the rule has evaluated a newer value of a field that it reads and this reading has. */
function isOutdated({ fields, byArrival }: ReadingOrder, newest: DeviceState, { time, values }: Reading): boolean {
  if (byArrival) return false;
  if (fields.length === 0) return true;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]!;
    if (values[field] !== undefined && time < newest.newestAt(field)) return true;
  }
  return false;
}

/** Evaluates one rule. False if the rule ignored the reading because it is out of order. */
function evaluateRule(
  { idOf }: Evaluating,
  rule: ReadingRule | DerivedRule,
  position: number,
  place: Place,
  newest: DeviceState | undefined,
  reading: Reading,
  out: Item[],
): boolean {
  if (rule.where !== undefined && !rule.where(reading)) return true;
  if (newest !== undefined && isOutdated(rule.order, newest, reading)) return false;
  const key = place.key(rule.keying.index);
  if (key === undefined) return true;
  if (rule.kind === 'reading') {
    evaluateConditions(rule, rule.conditions, key, position, reading, reading.time, out);
    return true;
  }
  const derived = derive(rule, key, reading);
  if (derived === undefined) return false;
  if (rule.view !== undefined) {
    const { time } = reading;
    out.push(viewResult(idOf, rule, rule.view, key, derived, reading, { start: time, end: time, inclusive: true }));
  } else evaluateConditions(rule, rule.conditions, key, position, derived, reading.time, out);
  return true;
}

/** Adds the rules that have an open alert of the key: they need evaluations that do not hold, too. */
function includeOpen(selected: Int32Array, key: KeyState | undefined, rules: readonly RulePlan[]): void {
  if (key === undefined) return;
  const open = (key.openRules ??= findOpen(key, rules));
  for (let i = open.length - 1; i >= 0; i--) {
    const position = open[i]!;
    if (key.alerts[rules[position]!.slot]!.watched) {
      include(selected, position);
    } else {
      open[i] = open.at(-1)!;
      open.pop();
    }
  }
}

/** Finds the rules with open alerts that a checkpoint has brought. */
function findOpen(key: KeyState, rules: readonly RulePlan[]): number[] {
  const open: number[] = [];
  if (key.alerts.length === 0) return open;
  rules.forEach(({ keying, slot }, position) => {
    if (keying.index === key.keying && key.alerts[slot]?.watched) open.push(position);
  });
  return open;
}

function evaluateClosed({ attributes, idOf }: Evaluating, rule: RulePlan, closed: Closed, out: Item[]): void {
  if (rule.kind !== 'window') return;
  const { attributesOf } = rule;
  if (attributesOf !== undefined) closed.attributes = attributes?.get(closed.key.parts[attributesOf]!)?.values;
  compute(rule.formulas, closed);
  const key = keyStateOf(closed.key);
  recall(rule.remembered, key, rule.slot, closed);
  if (rule.view !== undefined) {
    out.push(viewResult(idOf, rule, rule.view, key, closed, closed, closed));
  } else evaluateConditions(rule, rule.conditions, key, -1, closed, closed.end, out);
}

function viewResult<E>(
  idOf: ResultIds,
  rule: RulePlan,
  { values }: ViewPlan<E>,
  key: KeyState,
  subject: E,
  { offset, receivedAt, connection, liveMs }: Cause,
  { start, end, inclusive }: TimeSpan,
): Viewed {
  return {
    kind: 'viewed',
    id: idOf(rule.name, key.text, offset, end),
    offset,
    receivedAt,
    connection,
    liveMs,
    rule: rule.index,
    key,
    start,
    end,
    inclusive,
    values: values.map((get) => get(subject)),
  };
}

/** Evaluates the conditions of a rule. `position` is the rule's position in the stream's reading rules; -1 for other rules. */
function evaluateConditions<E extends Reading | Derived | Closed>(
  rule: RulePlan,
  conditions: RuleConditions<E>,
  key: KeyState,
  position: number,
  subject: E,
  at: number,
  out: Item[],
): void {
  const holds = conditions.holds(subject);
  let record = key.alerts[rule.slot];
  if (holds) {
    record ??= alertOf(key, rule.slot);
    if (!record.watched && position >= 0) key.openRules?.push(position);
    record.watched = true;
  } else if (record === undefined || !record.watched) return;
  const result = resultOf(conditions, subject, holds);
  if (result === undefined) return;
  const { offset, receivedAt: recordedAt } = subject;
  const times = position >= 0 && isUnordered(rule) ? timesOf(key, at) : { at };
  out.push({ kind: 'evaluation', offset, recordedAt, rule: rule.index, key, ...times, ...result, subject });
}

/** Whether the rule may evaluate a reading of a key that is older than the one before. */
function isUnordered(rule: RulePlan): boolean {
  return !rule.keying.byDevice || ((rule.kind === 'reading' || rule.kind === 'derived') && rule.order.byArrival);
}

/**
 * Devices of a group have different clocks, and a clock may be set back. The time of a key does not go back because of that: neither its waits
 * nor, if the reading is far behind, the instant of the evaluation.
 */
function timesOf({ furthestAt }: KeyState, at: number): Pick<Evaluation, 'at' | 'waitsAt'> {
  if (at >= furthestAt) return { at };
  return furthestAt - at > MAX_GAIN_MS ? { at: furthestAt } : { at, waitsAt: furthestAt };
}

type ConditionResult = Pick<Evaluation, 'holds' | 'clears' | 'reached' | 'clearing' | 'possible' | 'undecided'>;

/** The result of the conditions for an alert that is watched. Undefined if all of it is unknown, so that nothing may change. */
function resultOf<E>(
  { fails, clear, ladder }: RuleConditions<E>,
  subject: E,
  holds: boolean,
): ConditionResult | undefined {
  if (ladder !== undefined) {
    const reached = ladder.reached(subject);
    const possible = Math.max(reached, ladder.possible(subject));
    const clearing = ladder.clearing(subject, reached, possible);
    const undecided = ladder.undecided(subject, reached, possible);
    if (!holds && possible > 0 && clearing === 0 && undecided !== 0) return undefined;
    return { holds, clears: !holds, reached, possible, clearing, undecided };
  }
  if (holds) return { holds, clears: clear?.holds(subject) ?? false };
  const unknown = !fails(subject);
  const clears = clear === undefined ? !unknown : clear.holds(subject);
  const undecided = clear === undefined ? unknown : !clears && !clear.fails(subject);
  if (unknown && undecided) return undefined;
  return { holds, clears, possible: unknown ? 1 : 0, undecided: undecided ? 1 : 0 };
}
