import type { Explanation } from '../alerts/alert-record.ts';
import { cutTexts, SHOWN_TEXT_BYTES, textLength } from '../delivery/cut-text.ts';
import type { FieldValue } from '../model/field.ts';
import type { ConditionOutcome, Evaluation } from '../model/item/alert.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';

/**
 * Bytes that the text of a fact may have as JSON. The table of the stream has the whole text. An alert may have a hundred facts, and would
 * become longer than a string may be.
 */
const FACT_BYTES = 1024 * 1024;

/**
 * Explains an evaluation: the value of every fact, the result of every condition (those of `clear` too, if the alert is clearing), and the time
 * span of the rows that it is based on. A text is cut above 1 MiB, in a condition above 4 KiB. Throws if the evaluation does not fit the
 * rule, which is a programming error.
 */
export function explain(rule: RulePlan, evaluation: Evaluation, clearing: boolean): Explanation {
  const explanation = explainWhole(rule, evaluation, clearing);
  const { facts, conditions } = explanation;
  if (textLength(facts) + textLength(conditions) <= SHOWN_TEXT_BYTES / 6) return explanation;
  return {
    ...explanation,
    facts: cutTexts(facts, FACT_BYTES) as Explanation['facts'],
    conditions: cutTexts(conditions, SHOWN_TEXT_BYTES) as Explanation['conditions'],
  };
}

function explainWhole(rule: RulePlan, evaluation: Evaluation, clearing: boolean): Explanation {
  const { subject } = evaluation;
  if (rule.kind === 'reading' && subject.kind === 'reading') {
    const evidence = { from: subject.time, to: subject.time };
    return { facts: rule.conditions.facts(subject), conditions: rule.conditions.outcomes(subject, clearing), evidence };
  }
  if (rule.kind === 'derived' && subject.kind === 'derived') {
    const evidence = { from: subject.previousAt, to: subject.reading.time };
    return { facts: rule.conditions.facts(subject), conditions: rule.conditions.outcomes(subject, clearing), evidence };
  }
  if (rule.kind === 'window' && subject.kind === 'closed') {
    // An exclusive end belongs to the next window. The instant before it is a microsecond earlier, the resolution of the tables.
    const evidence = { from: subject.start, to: subject.inclusive ? subject.end : subject.end - 0.001 };
    return { facts: rule.conditions.facts(subject), conditions: rule.conditions.outcomes(subject, clearing), evidence };
  }
  if (rule.kind === 'silence' && subject.kind === 'silence') {
    const { lastSeenAt, reason } = subject;
    const silentFor = (evaluation.at - lastSeenAt) / 1_000;
    const facts: Record<string, FieldValue | null> = { silentFor, reason };
    const condition: ConditionOutcome = {
      fact: 'silentFor',
      operator: 'greaterThanInclusive',
      value: rule.silenceMs / 1_000,
      factValue: silentFor,
      result: evaluation.holds,
    };
    return {
      facts,
      conditions: reason === 'silence' ? [condition] : [],
      evidence: { from: lastSeenAt, to: evaluation.at },
    };
  }
  throw new Error(`rule ${rule.name} (${rule.kind}) cannot evaluate a ${subject.kind}`);
}
