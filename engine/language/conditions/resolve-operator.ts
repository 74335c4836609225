import { suggest } from '../../document/suggest.ts';
import {
  type Comparison,
  DECORATOR_NAMES,
  type DecoratorName,
  decorators,
  type FactGetter,
  OPERATOR_NAMES,
  type Operator,
  type OperatorName,
  operators,
  type Test,
} from './operators.ts';
import { OWN_OPERATOR_NAMES, type OwnOperator, type OwnOperatorName, ownOperators } from './own-operators.ts';

/** The maximum number of decorators: each adds a nested call, and the text could have any length. */
const MAX_DECORATORS = 8;

/** A resolved `operator` text, such as `not:someValue:equal`. */
export interface ResolvedOperator {
  readonly text: string;
  readonly name: OperatorName | OwnOperatorName;
  /** The operator if it is one of Weir's own, whose operand must be prepared; undefined for those of json-rules-engine. */
  readonly own: OwnOperator | undefined;
  /** The decorators in the order written: the first is the outermost. */
  readonly decorators: readonly DecoratorName[];
  readonly compare: Comparison;
  /** Makes the fastest test of a fact against a constant. A comparison that is not possible is false. */
  readonly against: <E>(get: FactGetter<E>, value: unknown) => Test<E>;
}

/** The reason why an `operator` text is not valid. */
export interface OperatorFault {
  readonly code: 'unknown-operator' | 'unknown-decorator' | 'too-many-decorators';
  readonly message: string;
  readonly remedy: string;
}

const SYNONYMS: Readonly<Record<string, OperatorName | OwnOperatorName>> = {
  '=': 'equal',
  '==': 'equal',
  '===': 'equal',
  eq: 'equal',
  '!=': 'notEqual',
  '!==': 'notEqual',
  ne: 'notEqual',
  '<': 'lessThan',
  lt: 'lessThan',
  '<=': 'lessThanInclusive',
  lte: 'lessThanInclusive',
  '>': 'greaterThan',
  gt: 'greaterThan',
  '>=': 'greaterThanInclusive',
  gte: 'greaterThanInclusive',
  '=~': 'matches',
  regex: 'matches',
  inRange: 'between',
  beginsWith: 'startsWith',
};

/** Names of all operators, those of json-rules-engine first. */
export const ALL_OPERATOR_NAMES: readonly (OperatorName | OwnOperatorName)[] = [
  ...OPERATOR_NAMES,
  ...OWN_OPERATOR_NAMES,
];

const isOwn = (name: string): name is OwnOperatorName => Object.hasOwn(ownOperators, name);
const isOperator = (name: string): name is OperatorName | OwnOperatorName =>
  Object.hasOwn(operators, name) || isOwn(name);
const isDecorator = (name: string): name is DecoratorName => Object.hasOwn(decorators, name);

/** Looks up an operator with its decorators (`decorator:decorator:operator`). */
export function resolveOperator(text: string): ResolvedOperator | OperatorFault {
  const parts = text.split(':');
  const name = parts.pop() ?? '';
  if (!isOperator(name)) return unknownOperator(name, text, parts);
  const unknown = parts.find((part) => !isDecorator(part));
  if (unknown !== undefined) return unknownDecorator(unknown, text);
  if (parts.length > MAX_DECORATORS) {
    const message = `The operator has ${parts.length} decorators; the maximum is ${MAX_DECORATORS}.`;
    return { code: 'too-many-decorators', message, remedy: 'Remove decorators that cancel each other.' };
  }
  const names = parts as DecoratorName[];
  const own = isOwn(name) ? ownOperators[name] : undefined;
  const operator: Operator = isOwn(name) ? ownOperators[name] : operators[name];
  const compare = names.reduceRight<Comparison>((next, decorator) => decorators[decorator](next), operator.compare);
  const bind = names.length === 0 ? operator.bind : undefined;
  const against = <E>(get: FactGetter<E>, value: unknown): Test<E> =>
    bind?.(get, value) ?? ((env) => compare(get(env), value) === true);
  return { text, name, own, decorators: names, compare, against };
}

function unknownOperator(name: string, text: string, before: readonly string[]): OperatorFault {
  const message = `Unknown operator ${JSON.stringify(name)}${name === text ? '' : ` in ${JSON.stringify(text)}`}.`;
  const code = 'unknown-operator';
  if (isDecorator(name)) {
    const right = `${name}:${before.findLast(isOperator) ?? 'equal'}`;
    return { code, message, remedy: `"${name}" is a decorator. Write it before an operator, as in "${right}".` };
  }
  const meant = Object.hasOwn(SYNONYMS, name) ? SYNONYMS[name] : suggest(name, ALL_OPERATOR_NAMES);
  return { code, message, remedy: didYouMean(meant, `The operators are ${ALL_OPERATOR_NAMES.join(', ')}.`) };
}

function unknownDecorator(name: string, text: string): OperatorFault {
  const message = `Unknown decorator ${JSON.stringify(name)} in ${JSON.stringify(text)}.`;
  const all = `The decorators are ${DECORATOR_NAMES.join(', ')}.`;
  const meant = suggest(name, DECORATOR_NAMES);
  return { code: 'unknown-decorator', message, remedy: didYouMean(meant, all) };
}

/** `Did you mean "…"?`, or the other sentence if there is no similar name. */
export function didYouMean(meant: string | undefined, otherwise: string): string {
  return meant === undefined ? otherwise : `Did you mean ${JSON.stringify(meant)}?`;
}
