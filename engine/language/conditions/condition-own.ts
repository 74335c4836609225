import { at, type Compilation, type ConditionPlace, quote, report } from './condition-compilation.ts';
import type { KnownConstant } from './condition-probes.ts';
import type { FactGetter } from './operators.ts';
import type { OperandFault, OwnOperator, Prepared } from './own-operators.ts';
import type { ResolvedOperator } from './resolve-operator.ts';

/**
 * Prepares the operand of one of Weir's own operators when the rule is loaded: it compiles a pattern, or looks up a list. With
 * `someValue` and `everyValue` the operand is a list, and each element is prepared. Undefined if there is an error, which has been recorded.
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
    const message = `${quote(operator.text)} swaps the fact and the value, but the value must be written in the rule.`;
    return fail('operator', { message, remedy: `Remove "swap:".` });
  }
  if ('fact' in right) {
    if (!own.fixed) return right;
    const message = `The value of ${quote(operator.text)} is another fact, but it must be written in the rule.`;
    return fail('value', { message, remedy: 'Write the value itself instead of {"fact": …}.' });
  }
  // With `swap` the operand is the fact, which may have any type.
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
    return { message: '"someValue:" and "everyValue:" need a list of values.', remedy: 'Write a list, [ … ].' };
  }
  const prepared = operand.map((each: unknown) => prepareEach(own, each, depth - 1, lists));
  const fault = prepared.find((each): each is OperandFault => !('value' in each));
  if (fault !== undefined) return fault;
  const ready = prepared.filter((each): each is Prepared => 'value' in each);
  const like = ready.every((each) => each.like !== undefined) ? ready.map((each) => each.like) : undefined;
  return { value: ready.map((each) => each.value), like };
}

/**
 * Makes the left side of `changed`: whether the value of a fact differs from its previous value. It has no value if the fact has no value
 * now or had none before; with `"missing": "undefined"`, it is false then, as in json-rules-engine.
 */
export function changeGetter<E>(
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
    message: '"changed" cannot be used here, because previous values are not remembered here.',
    remedy: 'Move it to `conditions`, `levels` or `clear`.',
  });
  return undefined;
}
