import { quote } from './condition-compilation.ts';
import { isCovered, type KnownFact, type KnownValue, likeOf, probesFor, writtenOf } from './condition-probes.ts';
import type { DecoratorName, OperatorName } from './operators.ts';
import type { ResolvedOperator } from './resolve-operator.ts';

/** A comparison that has another meaning than it seems to have, or none. */
export interface Trap {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly severity: 'error' | 'warning';
  /** The key of the comparison at which the problem is reported. */
  readonly key: 'operator' | 'value';
}

const ORDERINGS = new Set<string>([
  'lessThan',
  'lessThanInclusive',
  'greaterThan',
  'greaterThanInclusive',
] satisfies OperatorName[]);
const LIST_OPERATORS = new Set<string>(['contains', 'doesNotContain'] satisfies OperatorName[]);
const LIST_DECORATORS = new Set<DecoratorName>(['someFact', 'everyFact']);
const VALUE_DECORATORS = new Set<DecoratorName>(['someValue', 'everyValue']);

/**
 * Finds traps by trying the operator with facts that are equal to the value, near it and far from it. Trying works for every chain of
 * decorators; an analysis would need a case for each chain.
 */
export function findTraps(operator: ResolvedOperator, fact: KnownFact, right: KnownValue): readonly Trap[] {
  const probes = probesFor(fact, right);
  const answers = probes.map(([left, value]) => operator.compare(left, value));
  if (answers.every((answer) => answer === undefined)) return [unanswerable(operator, right)];
  const traps = answers.includes(undefined) ? [sometimesUnanswerable(operator)] : [];
  if (isConclusive(fact, right)) {
    if (!answers.includes(true)) return [...traps, neverHolds(operator, fact, right)];
    if (!answers.includes(false) && traps.length === 0) return [alwaysHolds(operator)];
  }
  if (!ORDERINGS.has(operator.name)) return [...traps, ...substringTraps(operator, right)];
  const holdsForNumber = probes.some(([left], i) => typeof left === 'number' && answers[i] === true);
  return [...traps, ...orderingTraps(operator, fact, right, holdsForNumber)];
}

/** Whether the probes cover every case. They cannot for a pattern and a text, which can match in too many ways. */
function isConclusive(fact: KnownFact, right: KnownValue): boolean {
  if ('name' in right) return true;
  const like = likeOf(right);
  return like === undefined ? fact.type === 'number' || fact.type === 'boolean' : isCovered(like);
}

/** The constants that an operator is applied to one by one; none if the value is a fact. */
function operandsOf(operator: ResolvedOperator, right: KnownValue): readonly unknown[] {
  if ('name' in right) return [];
  const each = operator.decorators.some((name) => VALUE_DECORATORS.has(name));
  return each && Array.isArray(right.constant) ? right.constant : [right.constant];
}

const describe = (right: KnownValue): string =>
  'name' in right ? `the fact ${quote(right.name)}` : quote(writtenOf(right));

function unanswerable(operator: ResolvedOperator, right: KnownValue): Trap {
  const message = `${quote(operator.text)} cannot be used with ${describe(right)}: it needs a list.`;
  const remedy = 'Write the value as a list, [ … ], or choose another operator.';
  return { code: 'unanswerable', severity: 'error', key: 'value', message, remedy };
}

function sometimesUnanswerable(operator: ResolvedOperator): Trap {
  return {
    code: 'sometimes-unanswerable',
    severity: 'warning',
    key: 'value',
    message: `${quote(operator.text)} has a list or a text on its right side only for some facts; for the others it is false.`,
    remedy: 'Write a list as the value, or compare with "equal".',
  };
}

function neverHolds(operator: ResolvedOperator, fact: KnownFact, right: KnownValue): Trap {
  const asksList =
    LIST_OPERATORS.has(operator.name) || operator.decorators.some((decorator) => LIST_DECORATORS.has(decorator));
  const subject = fact.type === undefined ? 'a fact' : `the ${fact.type} ${quote(fact.name)}`;
  const remedy =
    operator.name === 'between'
      ? 'Write the lower bound first, and compare a number.'
      : 'Write a value of the type of the fact, or remove the condition.';
  return {
    code: 'never-holds',
    severity: 'warning',
    key: asksList ? 'operator' : 'value',
    message: `${quote(operator.text)} never holds for ${subject} and ${describe(right)}.`,
    remedy: asksList
      ? 'A fact is a single value, never a list. Use "equal", or "in" with a list as the value.'
      : remedy,
  };
}

function alwaysHolds(operator: ResolvedOperator): Trap {
  const message = `${quote(operator.text)} holds for every value of the fact, even for a fact without a value.`;
  const remedy = 'Correct the operator or the value, or remove the condition.';
  return { code: 'always-holds', severity: 'warning', key: 'operator', message, remedy };
}

function substringTraps(operator: ResolvedOperator, right: KnownValue): readonly Trap[] {
  const isMembership = operator.name === 'in' || operator.name === 'notIn';
  const text = operandsOf(operator, right).find((operand) => typeof operand === 'string');
  if (!isMembership || text === undefined || operator.decorators.includes('swap')) return [];
  const message = `${quote(operator.text)} with the text ${quote(text)} holds if the fact is any part of that text.`;
  const remedy = `Write a list to compare with the whole text: [${quote(text)}].`;
  return [{ code: 'substring', severity: 'warning', key: 'value', message, remedy }];
}

function orderingTraps(
  operator: ResolvedOperator,
  fact: KnownFact,
  right: KnownValue,
  holdsForNumber: boolean,
): readonly Trap[] {
  const warn = (code: string, key: Trap['key'], message: string, remedy: string): Trap[] => [
    { code, severity: 'warning', key, message, remedy },
  ];
  const name = quote(operator.text);
  const operands = operandsOf(operator, right);
  const odd = operands.find((operand) => typeof operand !== 'number');
  const text = operands.find((operand) => typeof operand === 'string');
  if (odd !== undefined && !holdsForNumber && fact.type !== 'string') {
    return warn(
      'not-for-numbers',
      'value',
      `${name} ${quote(odd)} never holds for a number.`,
      'Write a number, without quotes.',
    );
  }
  if (text !== undefined) {
    const message = `${name} compares ${quote(text)} as a number if the fact is a number, but letter by letter if it is a text.`;
    return warn('numeric-text', 'value', message, 'Write a number, without quotes.');
  }
  if (odd !== undefined) {
    const message = `${name} converts ${quote(odd)} to the number ${Number(odd)}.`;
    return warn('coerced-value', 'value', message, 'Write that number.');
  }
  if (fact.type !== 'string') return [];
  const message = `${name} compares the text ${quote(fact.name)}: it can hold only if the text is a number.`;
  return warn('numeric-text', 'operator', message, 'Declare the field as a number.');
}
