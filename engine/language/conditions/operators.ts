import type { FieldValue } from '../../model/field.ts';

/** Reads one fact from the environment of a condition; undefined if the fact has no value. */
export type FactGetter<E> = (env: E) => FieldValue | undefined;

/** A compiled test of an environment. */
export type Test<E> = (env: E) => boolean;

/**
 * A compiled condition, or a part of one: true if `holds`, false if `fails`, and unknown if neither, because a fact has no value. The truth
 * tables are those of Kleene's strong three-valued logic (S. C. Kleene, Introduction to Metamathematics, 1952, section 64), as in SQL.
 */
export interface Logic<E> {
  readonly holds: Test<E>;
  readonly fails: Test<E>;
}

/**
 * Compares a fact with the `value` of its condition.
 * Undefined means that the two cannot be compared; json-rules-engine throws an error then, in the middle of a run.
 */
export type Comparison = (fact: unknown, value: unknown) => boolean | undefined;

/** An operator of the rule language. */
export interface Operator {
  readonly compare: Comparison;
  /** Makes a faster test for a constant; undefined if there is none for that constant. */
  readonly bind?: <E>(get: FactGetter<E>, value: unknown) => Test<E> | undefined;
}

/** Makes a comparison from another one. */
export type Decorator = (next: Comparison) => Comparison;

/** Names of the operators that json-rules-engine has too. */
export type OperatorName =
  | 'equal'
  | 'notEqual'
  | 'in'
  | 'notIn'
  | 'contains'
  | 'doesNotContain'
  | 'lessThan'
  | 'lessThanInclusive'
  | 'greaterThan'
  | 'greaterThanInclusive';

/** Names of the decorators. They are written before an operator, each followed by a colon; the first is the outermost. */
export type DecoratorName = 'someFact' | 'everyFact' | 'someValue' | 'everyValue' | 'swap' | 'not';

/** Lists longer than this are looked up in a set. */
const SHORT_LIST = 8;

// The left side must begin like a number. The comparison then follows the rules of JavaScript.
const isOrdered = (fact: unknown): boolean =>
  typeof fact === 'number' ? !Number.isNaN(fact) : !Number.isNaN(Number.parseFloat(fact as string));

const isIn: Comparison = (fact, value) => {
  if (Array.isArray(value)) return value.indexOf(fact) > -1;
  return typeof value === 'string' ? value.indexOf(String(fact)) > -1 : undefined;
};
const isNotIn: Comparison = (fact, value) => {
  const found = isIn(fact, value);
  return found === undefined ? undefined : !found;
};
const lessThan: Comparison = (fact, value) => isOrdered(fact) && (fact as number) < (value as number);
const lessThanInclusive: Comparison = (fact, value) => isOrdered(fact) && (fact as number) <= (value as number);
const greaterThan: Comparison = (fact, value) => isOrdered(fact) && (fact as number) > (value as number);
const greaterThanInclusive: Comparison = (fact, value) => isOrdered(fact) && (fact as number) >= (value as number);

function bindList<E>(get: FactGetter<E>, value: unknown, found: boolean): Test<E> | undefined {
  if (!Array.isArray(value) || value.length <= SHORT_LIST) return undefined;
  // Unlike indexOf, a set finds NaN.
  const members = new Set<unknown>(value.filter((member) => !Number.isNaN(member)));
  return (env) => members.has(get(env)) === found;
}

// The four orderings are written out, so that the JavaScript engine can optimize each comparison of two numbers.
/** The registry of operators. */
export const operators = {
  equal: {
    compare: (fact, value) => fact === value,
    bind: (get, value) => (env) => get(env) === value,
  },
  notEqual: {
    compare: (fact, value) => fact !== value,
    bind: (get, value) => (env) => get(env) !== value,
  },
  in: { compare: isIn, bind: (get, value) => bindList(get, value, true) },
  notIn: { compare: isNotIn, bind: (get, value) => bindList(get, value, false) },
  contains: { compare: (fact, value) => Array.isArray(fact) && fact.indexOf(value) > -1 },
  doesNotContain: { compare: (fact, value) => Array.isArray(fact) && fact.indexOf(value) === -1 },
  lessThan: {
    compare: lessThan,
    bind: (get, limit) => {
      if (typeof limit !== 'number') return undefined;
      return (env) => {
        const fact = get(env);
        return typeof fact === 'number' ? fact < limit : lessThan(fact, limit) === true;
      };
    },
  },
  lessThanInclusive: {
    compare: lessThanInclusive,
    bind: (get, limit) => {
      if (typeof limit !== 'number') return undefined;
      return (env) => {
        const fact = get(env);
        return typeof fact === 'number' ? fact <= limit : lessThanInclusive(fact, limit) === true;
      };
    },
  },
  greaterThan: {
    compare: greaterThan,
    bind: (get, limit) => {
      if (typeof limit !== 'number') return undefined;
      return (env) => {
        const fact = get(env);
        return typeof fact === 'number' ? fact > limit : greaterThan(fact, limit) === true;
      };
    },
  },
  greaterThanInclusive: {
    compare: greaterThanInclusive,
    bind: (get, limit) => {
      if (typeof limit !== 'number') return undefined;
      return (env) => {
        const fact = get(env);
        return typeof fact === 'number' ? fact >= limit : greaterThanInclusive(fact, limit) === true;
      };
    },
  },
} satisfies Record<OperatorName, Operator>;

// Both stop at the first element that decides the result, and at the first that cannot be compared.
function overFacts(deciding: boolean): Decorator {
  return (next) => (facts, value) => {
    if (!Array.isArray(facts)) return false;
    for (const fact of facts) {
      const result = next(fact, value);
      if (result !== !deciding) return result;
    }
    return !deciding;
  };
}
function overValues(deciding: boolean): Decorator {
  return (next) => (fact, values) => {
    if (!Array.isArray(values)) return undefined;
    for (const value of values) {
      const result = next(fact, value);
      if (result !== !deciding) return result;
    }
    return !deciding;
  };
}

/** The registry of decorators. */
export const decorators = {
  someFact: overFacts(true),
  everyFact: overFacts(false),
  someValue: overValues(true),
  everyValue: overValues(false),
  swap: (next) => (fact, value) => next(value, fact),
  not: (next) => (fact, value) => {
    const result = next(fact, value);
    return result === undefined ? undefined : !result;
  },
} satisfies Record<DecoratorName, Decorator>;

/** Every operator, in the order in which they are documented. */
export const OPERATOR_NAMES: readonly OperatorName[] = Object.keys(operators) as OperatorName[];

/** Every decorator, in the order in which they are documented. */
export const DECORATOR_NAMES: readonly DecoratorName[] = Object.keys(decorators) as DecoratorName[];
