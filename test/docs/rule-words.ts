import { isCalculation, splitCalculation } from '../../engine/language/calculations/arithmetic.ts';
import { aggregateOf } from '../../engine/language/compile/aggregate-facts.ts';
import { windowNameOf } from '../../engine/language/compile/plan-window.ts';
import { detectorOf } from '../../engine/language/compile/running-facts.ts';
import type { Operand, RuleFile } from '../../engine/model/rule.ts';

/** The words of the rule language that a rule uses, each after its kind: `window tumbling`, `operator in`. */
export function wordsOf(rule: RuleFile): Set<string> {
  const words = new Set(Object.keys(rule).map((key) => `key ${key}`));
  const { window, facts = {}, event: _event, ...rest } = rule;
  if (window !== undefined) words.add(`window ${windowNameOf(window)}`);
  for (const fact of Object.values(facts)) factWords(fact, words);
  conditionWords({ ...rest, window, facts }, words);
  return words;
}

function factWords(fact: NonNullable<RuleFile['facts']>[string], words: Set<string>): void {
  if (isCalculation(fact)) operandWords(fact, words);
  else if (detectorOf(fact) !== undefined) words.add(`running fact ${detectorOf(fact)}`);
  else words.add(`aggregate ${aggregateOf(fact)}`);
}

function operandWords(operand: Operand, words: Set<string>): void {
  if (typeof operand !== 'object') return;
  const { name, operands } = splitCalculation(operand);
  words.add(`calculation ${name}`);
  for (const each of operands) operandWords(each.operand, words);
}

function conditionWords(node: unknown, words: Set<string>): void {
  if (typeof node !== 'object' || node === null) return;
  const { operator } = node as { operator?: unknown };
  if (typeof operator === 'string') {
    const names = operator.split(':');
    words.add(`operator ${names.pop()}`);
    for (const name of names) words.add(`decorator ${name}`);
    return;
  }
  for (const [key, part] of Object.entries(node)) {
    if (['all', 'any', 'not', 'condition'].includes(key)) words.add(`group ${key}`);
    conditionWords(part, words);
  }
}
