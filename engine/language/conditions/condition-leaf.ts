import { suggest } from '../../document/suggest.ts';
import { isObject } from '../../model/json-object.ts';
import {
  at,
  type Compilation,
  type ConditionPlace,
  checkKeys,
  isChecked,
  type Leaf,
  quote,
  report,
} from './condition-compilation.ts';
import { changeGetter, prepareOwn } from './condition-own.ts';
import { type KnownConstant, type KnownFact, type KnownValue, writtenOf } from './condition-probes.ts';
import { findTraps } from './condition-traps.ts';
import type { FactGetter, Logic } from './operators.ts';
import { didYouMean, type ResolvedOperator, resolveOperator } from './resolve-operator.ts';

const REQUIRED = ['fact', 'operator', 'value'];
const KEYS = [...REQUIRED, 'path', 'params', 'name', 'priority'];
const REFERENCE_KEYS = ['fact', 'path', 'params'];

/** How many levels of lists a `value` may have. */
const MAX_VALUE_DEPTH = 8;

/** How many names a problem lists. */
const MAX_LISTED = 20;

const listed = (names: readonly string[]): string =>
  names.length > MAX_LISTED ? `${names.slice(0, MAX_LISTED).join(', ')}, …` : names.join(', ');

type JsonObject = Readonly<Record<string, unknown>>;

/** A fact that exists, by name. */
interface Fact<E> {
  readonly name: string;
  readonly get: FactGetter<E>;
}

/** The right side of a comparison: another fact, or a constant. */
type RightSide<E> = { readonly fact: Fact<E> } | KnownConstant;

/** Compiles one comparison; undefined if an error makes that impossible. The error has been recorded. */
export function compileLeaf<E>(
  compilation: Compilation<E>,
  node: JsonObject,
  place: ConditionPlace,
): Logic<E> | undefined {
  const suggested = checkKeys(compilation, place, node, KEYS);
  for (const key of REQUIRED) {
    if (Object.hasOwn(node, key) || suggested.has(key)) continue;
    const remedy = `Add "${key}": a comparison needs fact, operator and value.`;
    report(compilation, place, { code: 'missing-key', message: `The comparison has no "${key}".`, remedy });
  }
  const fact = Object.hasOwn(node, 'fact') ? compileFact(compilation, node, place) : undefined;
  const operator = Object.hasOwn(node, 'operator') ? compileOperator(compilation, node.operator, place) : undefined;
  const value = Object.hasOwn(node, 'value') ? compileValue(compilation, node.value, at(place, 'value')) : undefined;
  if (operator === undefined || value === undefined) return undefined;
  const right = operator.own === undefined ? value : prepareOwn(compilation, operator, operator.own, value, place);
  const left = fact && leftSideOf(compilation, operator, fact, place);
  if (fact === undefined || right === undefined || left === undefined) return undefined;
  if (left === fact.get) warnOfTraps(compilation, operator, fact, right, place);
  if (!('fact' in right) && operator.name !== 'present') {
    compilation.known.set(node, { fact: knownOf(compilation, fact), operator, right });
  }
  const leaf = leafOf(fact, left, operator, right, compilation.context.missing);
  compilation.leaves.push(leaf);
  return leaf.logic;
}

/** How to read the left side of the operator: the fact, or whether it changed, or whether it has a value. */
function leftSideOf<E>(
  compilation: Compilation<E>,
  { name }: ResolvedOperator,
  fact: Fact<E>,
  place: ConditionPlace,
): FactGetter<E> | undefined {
  if (name === 'changed') return changeGetter(compilation, fact, place);
  if (name === 'present') return (env) => fact.get(env) !== undefined;
  return fact.get;
}

function leafOf<E>(
  fact: Fact<E>,
  left: FactGetter<E>,
  operator: ResolvedOperator,
  right: RightSide<E>,
  missing: Compilation<E>['context']['missing'],
): Leaf<E> {
  const { get } = fact;
  const { text } = operator;
  const other = 'fact' in right ? right.fact.get : undefined;
  const written = 'fact' in right ? undefined : writtenOf(right);
  const logic =
    missing === 'undefined' ? undefinedIfMissing(left, operator, right) : unknownIfMissing(left, operator, right);
  return {
    logic,
    outcome: (env) => ({
      fact: fact.name,
      operator: text,
      value: other === undefined ? written : (other(env) ?? null),
      factValue: get(env) ?? null,
      result: logic.holds(env) ? true : logic.fails(env) ? false : null,
    }),
  };
}

/** Compares a fact without a value as `undefined`, as json-rules-engine does. */
function undefinedIfMissing<E>(
  left: FactGetter<E>,
  { against, compare }: ResolvedOperator,
  right: RightSide<E>,
): Logic<E> {
  if (!('fact' in right)) {
    const holds = against(left, right.constant);
    return { holds, fails: (env) => !holds(env) };
  }
  const other = right.fact.get;
  const holds = (env: E) => compare(left(env), other(env)) === true;
  return { holds, fails: (env) => !holds(env) };
}

function unknownIfMissing<E>(left: FactGetter<E>, operator: ResolvedOperator, right: RightSide<E>): Logic<E> {
  const { against, compare } = operator;
  if ('fact' in right) {
    const other = right.fact.get;
    const decides = (env: E, wanted: boolean) => {
      const fact = left(env);
      if (fact === undefined) return false;
      const value = other(env);
      return value !== undefined && (compare(fact, value) === true) === wanted;
    };
    return { holds: (env) => decides(env, true), fails: (env) => decides(env, false) };
  }
  const holds = against(left, right.constant);
  const fails = (env: E) => left(env) !== undefined && !holds(env);
  // Most comparisons of a missing value are false anyway. They need no extra check, which would run for every reading.
  if (compare(undefined, right.constant) !== true) return { holds, fails };
  return { holds: (env) => left(env) !== undefined && holds(env), fails };
}

function compileFact<E>(compilation: Compilation<E>, node: JsonObject, place: ConditionPlace): Fact<E> | undefined {
  const name = node.fact;
  const { context } = compilation;
  const get = typeof name === 'string' ? context.resolve(name) : undefined;
  for (const key of ['path', 'params']) {
    if (!Object.hasOwn(node, key)) continue;
    const message = `"${key}" has no effect, because every fact is a single value.`;
    const problem = { code: 'ignored-key', message, remedy: `Remove "${key}".` };
    report(compilation, at(place, key), problem, 'warning');
  }
  if (typeof name !== 'string' || get === undefined) {
    const names = [...(context.names ?? [])];
    const meant = typeof name === 'string' ? suggest(name, names) : undefined;
    const all = names.length > 0 ? `Known names: ${listed(names)}.` : 'Write the name of a fact or field that exists.';
    const problem = {
      code: 'unknown-fact',
      message: `There is no fact ${quote(name)}.`,
      remedy: didYouMean(meant, all),
    };
    report(compilation, at(place, 'fact'), problem);
    return undefined;
  }
  compilation.facts.add(name);
  return { name, get };
}

function compileOperator<E>(
  compilation: Compilation<E>,
  text: unknown,
  place: ConditionPlace,
): ResolvedOperator | undefined {
  const resolved =
    typeof text === 'string'
      ? resolveOperator(text)
      : {
          code: 'unknown-operator',
          message: `The operator must be a text; found ${quote(text)}.`,
          remedy: 'Write the name of an operator.',
        };
  if ('compare' in resolved) return resolved;
  report(compilation, at(place, 'operator'), resolved);
  return undefined;
}

function compileValue<E>(compilation: Compilation<E>, value: unknown, place: ConditionPlace): RightSide<E> | undefined {
  if (isObject(value) && Object.hasOwn(value, 'fact')) {
    checkKeys(compilation, place, value, REFERENCE_KEYS);
    const fact = compileFact(compilation, value, place);
    return fact && { fact };
  }
  const fault = faultOf(value, 0);
  if (fault === undefined) return { constant: value };
  report(compilation, place, { code: 'invalid-value', ...fault });
  return undefined;
}

/** The reason why a fact cannot be compared with a constant, if there is one. Comparing with an object could even throw. */
function faultOf(value: unknown, depth: number): { message: string; remedy: string } | undefined {
  if (depth > MAX_VALUE_DEPTH) {
    return {
      message: `The value has lists nested more than ${MAX_VALUE_DEPTH} levels deep.`,
      remedy: 'Use a flat list.',
    };
  }
  if (isObject(value)) {
    const message = Object.hasOwn(value, 'fact')
      ? 'A {"fact": …} inside a list is not supported.'
      : 'The value is an object.';
    return { message, remedy: 'Write a text, a number, true, false, a list of these, or only {"fact": name}.' };
  }
  if (!Array.isArray(value)) return undefined;
  for (const element of value) {
    const fault = faultOf(element, depth + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function knownOf<E>({ context }: Compilation<E>, { name }: Fact<E>): KnownFact {
  return { name, type: context.typeOf?.(name) };
}

function warnOfTraps<E>(
  compilation: Compilation<E>,
  operator: ResolvedOperator,
  fact: Fact<E>,
  right: RightSide<E>,
  place: ConditionPlace,
): void {
  const value: KnownValue = 'fact' in right ? knownOf(compilation, right.fact) : right;
  // Problems for any type of fact have been reported at the shared condition itself.
  const reported = isChecked(compilation, place)
    ? findTraps(operator, { name: fact.name, type: undefined }, untyped(value)).map(({ code }) => code)
    : [];
  for (const { severity, key, ...problem } of findTraps(operator, knownOf(compilation, fact), value)) {
    if (reported.includes(problem.code)) compilation.failed ||= severity === 'error';
    else report(compilation, at(place, key), problem, severity);
  }
}

function untyped(value: KnownValue): KnownValue {
  return 'name' in value ? { name: value.name, type: undefined } : value;
}
