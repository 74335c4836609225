import type { Explanation } from '../alerts/alert-record.ts';
import { cutTexts, SHOWN_TEXT_BYTES, textLength } from '../delivery/cut-text.ts';
import type { FieldValue } from '../model/field.ts';
import type { ConditionOutcome, Evaluation } from '../model/item/alert.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';

/**
 * Bytes that the text of a fact may take in JSON. The table of its stream has it whole; an alert may have a hundred of them, and so would be
 * longer than a string may be.
 */
const FACT_BYTES = 1024 * 1024;

/**
 * What the rule looked at for a verdict: the value of every fact, the outcome of every condition (where the alert gets calmer, of
 * `clear` too), and where to find the rows behind it. A text is cut above 1 MiB, that of a condition above 4 KiB. Throws where a verdict
 * does not fit its rule, which is a programming error.
 */
export function explain(rule: RulePlan, verdict: Evaluation, clearing: boolean): Explanation {
  const explanation = explainWhole(rule, verdict, clearing);
  const { facts, conditions } = explanation;
  if (textLength(facts) + textLength(conditions) <= SHOWN_TEXT_BYTES / 6) return explanation;
  return {
    ...explanation,
    facts: cutTexts(facts, FACT_BYTES) as Explanation['facts'],
    conditions: cutTexts(conditions, SHOWN_TEXT_BYTES) as Explanation['conditions'],
  };
}

function explainWhole(rule: RulePlan, verdict: Evaluation, clearing: boolean): Explanation {
  const { subject } = verdict;
  if (rule.kind === 'reading' && subject.kind === 'reading') {
    const evidence = { from: subject.time, to: subject.time };
    return { facts: rule.conditions.facts(subject), conditions: rule.conditions.outcomes(subject, clearing), evidence };
  }
  if (rule.kind === 'derived' && subject.kind === 'derived') {
    const evidence = { from: subject.previousAt, to: subject.reading.time };
    return { facts: rule.conditions.facts(subject), conditions: rule.conditions.outcomes(subject, clearing), evidence };
  }
  if (rule.kind === 'window' && subject.kind === 'closed') {
    // An end that belongs to the next window: the instant before it is a microsecond away, as finely as tables tell time.
    const evidence = { from: subject.start, to: subject.inclusive ? subject.end : subject.end - 0.001 };
    return { facts: rule.conditions.facts(subject), conditions: rule.conditions.outcomes(subject, clearing), evidence };
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
  throw new Error(`rule ${rule.name} (${rule.kind}) cannot evaluate a ${subject.kind}`);
}
