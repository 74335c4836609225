import { RE2JS } from 're2js';
import { suggest } from '../../document/suggest.ts';
import type { Operator } from './operators.ts';
import { compilePattern } from './patterns.ts';

/** Names of the operators that json-rules-engine does not have. None of them converts types: each holds for one type of fact only. */
export type OwnOperatorName =
  | 'between'
  | 'startsWith'
  | 'endsWith'
  | 'matches'
  | 'inList'
  | 'notInList'
  | 'changed'
  | 'present';

/** Lists of values that conditions refer to by name. */
export type NamedLists = Readonly<Record<string, readonly (string | number | boolean)[]>>;

/** A prepared operand. */
export interface Prepared {
  /** The value as `compare` needs it. */
  readonly value: unknown;
  /** Values at which the result of a comparison can change; undefined if they are not known. */
  readonly like: unknown;
}

/** The reason why an operand is not valid. */
export interface OperandFault {
  readonly code?: string;
  readonly message: string;
  readonly remedy: string;
}

/** An operator whose operand is prepared when rules are loaded. */
export interface OwnOperator extends Operator {
  /** True if the operand must be a constant in the rule and cannot be another fact. */
  readonly fixed: boolean;
  readonly prepare: (operand: unknown, lists: NamedLists) => Prepared | OperandFault;
}

const isNumber = (value: unknown): value is number => typeof value === 'number';

const prepareText = (operand: unknown): Prepared | OperandFault =>
  typeof operand === 'string'
    ? { value: operand, like: operand }
    : { message: 'The value is not a text.', remedy: 'Write a text, like "press-".' };

function prepareBounds(operand: unknown): Prepared | OperandFault {
  if (Array.isArray(operand) && operand.length === 2 && operand.every(isNumber))
    return { value: operand, like: operand };
  return {
    message: 'The value is not a pair of numbers.',
    remedy: 'Write the lower and the upper bound, like [18, 25]. Both are included.',
  };
}

function preparePattern(operand: unknown): Prepared | OperandFault {
  if (typeof operand !== 'string') {
    return { message: 'The value is not a pattern.', remedy: 'Write a text, like "^press-[0-9]+$".' };
  }
  const pattern = compilePattern(operand);
  if (pattern instanceof RE2JS) return { value: pattern, like: undefined };
  return { code: 'bad-pattern', ...pattern };
}

function prepareList(operand: unknown, lists: NamedLists): Prepared | OperandFault {
  if (typeof operand !== 'string') {
    const remedy = 'Write the name of a list in conditions.json. For a list in the rule itself, use "in".';
    return { message: 'The value is not the name of a list.', remedy };
  }
  const list = Object.hasOwn(lists, operand) ? lists[operand] : undefined;
  if (list !== undefined) return { value: new Set(list), like: list };
  const meant = suggest(operand, Object.keys(lists));
  const remedy =
    meant === undefined
      ? 'Define the list in conditions.json, in the folder of the rules, under "lists".'
      : `Did you mean ${JSON.stringify(meant)}?`;
  return { code: 'unknown-list', message: `There is no list ${JSON.stringify(operand.slice(0, 64))}.`, remedy };
}

const prepareBoolean =
  (remedy: string) =>
  (operand: unknown): Prepared | OperandFault =>
    typeof operand === 'boolean'
      ? { value: operand, like: operand }
      : { message: 'The value is neither true nor false.', remedy };

const isMember = (fact: unknown, list: unknown): boolean => list instanceof Set && list.has(fact);

/** The registry of the project's own operators. */
export const ownOperators = {
  between: {
    fixed: true,
    prepare: prepareBounds,
    compare: (fact, value) => {
      const [low, high] = value as readonly [number, number];
      return isNumber(fact) && fact >= low && fact <= high;
    },
    bind: (get, value) => {
      const [low, high] = value as readonly [number, number];
      return (env) => {
        const fact = get(env);
        return isNumber(fact) && fact >= low && fact <= high;
      };
    },
  },
  startsWith: {
    fixed: false,
    prepare: prepareText,
    compare: (fact, value) => typeof fact === 'string' && typeof value === 'string' && fact.startsWith(value),
  },
  endsWith: {
    fixed: false,
    prepare: prepareText,
    compare: (fact, value) => typeof fact === 'string' && typeof value === 'string' && fact.endsWith(value),
  },
  matches: {
    fixed: true,
    prepare: preparePattern,
    compare: (fact, value) => typeof fact === 'string' && value instanceof RE2JS && value.test(fact),
  },
  inList: {
    fixed: true,
    prepare: prepareList,
    compare: isMember,
    bind: (get, value) => (env) => (value as ReadonlySet<unknown>).has(get(env)),
  },
  notInList: {
    fixed: true,
    prepare: prepareList,
    compare: (fact, value) => !isMember(fact, value),
    bind: (get, value) => (env) => !(value as ReadonlySet<unknown>).has(get(env)),
  },
  // The left side is whether the fact changed, not the fact.
  changed: {
    fixed: true,
    prepare: prepareBoolean('Write true for a change, false for no change.'),
    compare: (fact, value) => fact === value,
  },
  // The left side is whether the fact has a value, not the fact.
  present: {
    fixed: true,
    prepare: prepareBoolean('Write true for a fact with a value, false for a fact without one.'),
    compare: (fact, value) => fact === value,
  },
} satisfies Record<OwnOperatorName, OwnOperator>;

/** Names of Weir's own operators, in the order in which they are documented. */
export const OWN_OPERATOR_NAMES: readonly OwnOperatorName[] = Object.keys(ownOperators) as OwnOperatorName[];
