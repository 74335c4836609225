import { advance, createAlertRecord } from '../alerts/lifecycle.ts';
import { transitionId } from '../delivery/events.ts';
import type { AlertState, ConditionOutcome, Transition, Verdict } from '../model/item.ts';
import type { Plan, RulePlan } from '../model/plan.ts';
import type { FieldValue } from '../model/reading.ts';
import { lookUpKey, type State } from '../state.ts';
import type { Counters } from '../telemetry.ts';
import { lift } from './lift.ts';

/** Moves alerts on by the verdicts about them and explains every change of state with the facts and conditions of that instant. */
export const transition = (plan: Plan, state: State, journalId: string, counters: Counters) => {
  // One record may take an alert to the same state twice at the same instant; the ids of one record are kept to tell those apart.
  let ids = new Set<string>();
  let idsOffset = -1;
  const uniqueId = (rule: RulePlan, verdict: Verdict, to: AlertState): string => {
    if (verdict.offset !== idsOffset) {
      ids = new Set();
      idsOffset = verdict.offset;
    }
    const id = transitionId(journalId, verdict.offset, rule.name, verdict.key.text, to, verdict.at);
    let unique = id;
    for (let n = 1; ids.has(unique); n++) unique = `${id}.${n}`;
    ids.add(unique);
    return unique;
  };

  return lift((item, out) => {
    if (item.kind !== 'verdict') {
      out.push(item);
      return;
    }
    const rule = plan.rules[item.rule]!;
    const key = lookUpKey(state.streams[rule.stream]!, rule.keying.index, item.key.parts);
    const record = (key.alerts[rule.slot] ??= createAlertRecord());
    const change = advance(record, rule.lifecycle, item);
    record.watched = record.state !== 'inactive';
    if (change === undefined) return;
    counters.transitions += 1;
    const { offset, recordedAt, at } = item;
    const explanation = explain(rule, item, change.to === 'resolved');
    const id = uniqueId(rule, item, change.to);
    out.push({
      kind: 'transition',
      id,
      offset,
      recordedAt,
      rule: rule.index,
      key: item.key,
      at,
      ...change,
      ...explanation,
    });
  });
};

type Explanation = Pick<Transition, 'facts' | 'conditions' | 'evidence'>;

function explain(rule: RulePlan, verdict: Verdict, clearing: boolean): Explanation {
  const { subject } = verdict;
  if (rule.kind === 'reading' && subject.kind === 'reading') {
    const evidence = { from: subject.time, to: subject.time };
    return { facts: rule.judge.facts(subject), conditions: rule.judge.outcomes(subject, clearing), evidence };
  }
  if (rule.kind === 'window' && subject.kind === 'closed') {
    // The end belongs to the next window; the instant before it is a microsecond away, as finely as tables tell time.
    const evidence = { from: subject.start, to: subject.end - 0.001 };
    return { facts: rule.judge.facts(subject), conditions: rule.judge.outcomes(subject, clearing), evidence };
  }
  if (rule.kind === 'silence' && subject.kind === 'silence') {
    const { lastSeenAt, reason } = subject;
    const silentFor = (verdict.at - lastSeenAt) / 1_000;
    const facts: Record<string, FieldValue | null> = { silentFor, reason };
    const condition: ConditionOutcome = {
      fact: 'silentFor',
      operator: 'greaterThanInclusive',
      value: rule.silenceMs / 1_000,
      factValue: silentFor,
      result: verdict.holds,
    };
    return {
      facts,
      conditions: reason === 'silence' ? [condition] : [],
      evidence: { from: lastSeenAt, to: verdict.at },
    };
  }
  throw new Error(`rule ${rule.name} (${rule.kind}) cannot judge a ${subject.kind}`);
}
