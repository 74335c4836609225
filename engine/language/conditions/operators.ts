import type { FieldValue } from '../../model/field.ts';

/** Reads one fact from what a condition is evaluated against; undefined where the fact has no value. */
export type FactGetter<E> = (env: E) => FieldValue | undefined;

/** A question, ready to be asked. */
export type Test<E> = (env: E) => boolean;

/**
 * A condition, or a part of one: true, false, or, where neither of both tests holds, unknown, for a fact has no value. The truth tables are
 * those of Kleene's strong three-valued logic (S. C. Kleene, Introduction to Metamathematics, 1952, section 64), as in SQL.
 */
export interface Logic<E> {
  readonly holds: Test<E>;
  readonly fails: Test<E>;
}

/**
 * Compares a fact with the `value` of its condition.
 * Undefined says that the two cannot be compared at all, where json-rules-engine throws in the middle of a run.
 */
export type Comparison = (fact: unknown, value: unknown) => boolean | undefined;

/** How an operator compares. */
export interface Operator {
  readonly compare: Comparison;
  /** A faster test for a value known in advance; undefined where it has none for that value. */
  readonly bind?: <E>(get: FactGetter<E>, value: unknown) => Test<E> | undefined;
}

/** Makes one comparison out of another. */
export type Decorator = (next: Comparison) => Comparison;

/** Operators of the rule language, under json-rules-engine's names. */
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

/** What may stand before an operator, each followed by a colon; the first is applied outermost. */
export type DecoratorName = 'someFact' | 'everyFact' | 'someValue' | 'everyValue' | 'swap' | 'not';

/** Longer lists are looked up in a set. */
const SHORT_LIST = 8;

// The left side only has to begin like a number; the comparison itself then follows JavaScript's own rules.
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
  // A set finds NaN where indexOf does not.
  const members = new Set<unknown>(value.filter((member) => !Number.isNaN(member)));
  return (env) => members.has(get(env)) === found;
}

// The four orderings are written out: each keeps a comparison of two numbers that the compiler can see into.
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

// Both stop at the first element that decides, and at the first that cannot be compared.
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
