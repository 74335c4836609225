import { createAlertRecord } from '../alerts/lifecycle.ts';
import type { Closed, Item } from '../model/item.ts';
import type { Judge, Plan, RulePlan } from '../model/plan.ts';
import type { Reading } from '../model/reading.ts';
import { type KeyState, lookUpDevice, type State } from '../state.ts';
import { lift } from './lift.ts';

/**
 * Judges readings and closed windows by the rules' conditions. An outcome that does not hold goes on only while an alert
 * is open for it: of a thousand rules that see a reading, nearly all have nothing to say.
 */
export const evaluate = (plan: Plan, state: State) =>
  lift((item, out) => {
    out.push(item);
    if (item.kind === 'reading') judgeReading(plan, state, item, out);
    else if (item.kind === 'closed') judgeClosed(plan, state, item, out);
  });

function judgeReading(plan: Plan, state: State, reading: Reading, out: Item[]): void {
  const stream = plan.streams[reading.stream]!;
  const { readingRules } = stream;
  if (readingRules.length === 0) return;
  const { keys } = lookUpDevice(state.streams[reading.stream]!, stream.keyings, reading.device, reading.labels);
  for (let i = 0; i < readingRules.length; i++) {
    const rule = readingRules[i]!;
    if (rule.where !== undefined && !rule.where(reading)) continue;
    judge(rule, rule.judge, keys[rule.keying.index]!, reading, reading.time, out);
  }
}

function judgeClosed(plan: Plan, state: State, closed: Closed, out: Item[]): void {
  const rule = plan.rules[closed.rule]!;
  if (rule.kind !== 'window') return;
  const key = state.streams[rule.stream]!.keys[rule.keying.index]!.get(closed.key.text);
  if (key !== undefined) judge(rule, rule.judge, key, closed, closed.end, out);
}

function judge<E extends Reading | Closed>(
  rule: RulePlan,
  { holds: test, clears }: Judge<E>,
  key: KeyState,
  subject: E,
  at: number,
  out: Item[],
): void {
  const holds = test(subject);
  let record = key.alerts[rule.slot];
  if (holds) {
    if (record === undefined) key.alerts[rule.slot] = record = createAlertRecord();
    record.watched = true;
  } else if (record === undefined || !record.watched) return;
  const clear = clears === undefined ? !holds : clears(subject);
  const { offset, receivedAt: recordedAt } = subject;
  out.push({ kind: 'verdict', offset, recordedAt, rule: rule.index, key: key.key, at, holds, clears: clear, subject });
}
