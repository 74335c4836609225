import { at, type Compilation, type ConditionPlace, quote, report } from './condition-compilation.ts';
import type { KnownConstant } from './condition-probes.ts';
import type { FactGetter } from './operators.ts';
import type { OperandFault, OwnOperator, Prepared } from './own-operators.ts';
import type { ResolvedOperator } from './resolve-operator.ts';

/**
 * Makes the operand of one of our own operators ready, once for all: a pattern is compiled, a list looked up. Under `someValue` and
 * `everyValue` it is a list of operands, each of which is made ready. Undefined where an error has been noted.
 */
export function prepareOwn<E, F extends object>(
  compilation: Compilation<E>,
  operator: ResolvedOperator,
  own: OwnOperator,
  right: { readonly fact: F } | KnownConstant,
  place: ConditionPlace,
): { readonly fact: F } | KnownConstant | undefined {
  const fail = (key: 'operator' | 'value', { code = 'invalid-value', message, remedy }: OperandFault) => {
    report(compilation, at(place, key), { code, message, remedy });
    return undefined;
  };
  if (own.fixed && operator.decorators.includes('swap')) {
    const message = `${quote(operator.text)} swaps what must stand in the rule with the fact.`;
    return fail('operator', { message, remedy: `Remove "swap:".` });
  }
  if ('fact' in right) {
    if (!own.fixed) return right;
    const message = `The value of ${quote(operator.text)} is another fact, but must stand in the rule.`;
    return fail('value', { message, remedy: 'Write the value itself.' });
  }
  // The operand is on the other side there, and a fact may be of any type.
  if (operator.decorators.includes('swap')) return right;
  const depth = operator.decorators.filter((name) => name === 'someValue' || name === 'everyValue').length;
  const prepared = prepareEach(own, right.constant, depth, compilation.context.lists ?? {});
  if (!('value' in prepared)) return fail('value', prepared);
  return { constant: prepared.value, written: right.constant, like: prepared.like };
}

function prepareEach(
  own: OwnOperator,
  operand: unknown,
  depth: number,
  lists: Parameters<OwnOperator['prepare']>[1],
): Prepared | OperandFault {
  if (depth === 0) return own.prepare(operand, lists);
  if (!Array.isArray(operand)) {
    return { message: '"someValue:" and "everyValue:" ask each value of a list.', remedy: 'Write a list, [ … ].' };
  }
  const prepared = operand.map((each: unknown) => prepareEach(own, each, depth - 1, lists));
  const fault = prepared.find((each): each is OperandFault => !('value' in each));
  if (fault !== undefined) return fault;
  const ready = prepared.filter((each): each is Prepared => 'value' in each);
  const like = ready.every((each) => each.like !== undefined) ? ready.map((each) => each.like) : undefined;
  return { value: ready.map((each) => each.value), like };
}

/**
 * What `changed` is asked of: whether a fact has another value than when it was last asked. Without a value where the fact has none now or had
 * none before; false there by the meaning of json-rules-engine (`missing`).
 */
export function askChange<E>(
  compilation: Compilation<E>,
  { name, get }: { readonly name: string; readonly get: FactGetter<E> },
  place: ConditionPlace,
): FactGetter<E> | undefined {
  const before = compilation.context.previous?.(name);
  if (before !== undefined) {
    const missing = compilation.context.missing === 'undefined' ? false : undefined;
    return (env) => {
      const now = get(env);
      const then = before(env);
      return now === undefined || then === undefined ? missing : now !== then;
    };
  }
  report(compilation, at(place, 'operator'), {
    code: 'no-previous',
    message: '"changed" cannot be asked here, where nothing is remembered from one reading to the next.',
    remedy: 'Put it into `conditions`, `levels` or `clear`.',
  });
  return undefined;
}
