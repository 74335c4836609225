import type { Path } from '../../document/document.ts';
import { finite } from '../../model/finite.ts';
import type { Calculation, Operand } from '../../model/rule.ts';
import type { FactGetter } from '../conditions/operators.ts';
import { OPERATION_NAMES, type Operation, type OperationName, operations } from './operations.ts';

/** A calculation as a closure; undefined where an operand has no value, or the result is no finite number. */
export type Formula<E> = (env: E) => number | undefined;

/** Finds what an operand's name stands for; undefined, with the reason noted, where it stands for nothing that can be used. */
export type OperandLookup<E> = (name: string, path: Path) => FactGetter<E> | undefined;

/** Whether a fact calculates, as its form tells: `min` and `max` of a list do, those of a field's name sum up a window. */
export function isCalculation(spec: object): spec is Calculation {
  return OPERATION_NAMES.some((name) => {
    if (!Object.hasOwn(spec, name)) return false;
    return !(name === 'min' || name === 'max') || Array.isArray((spec as Record<string, unknown>)[name]);
  });
}

/** The operation of a calculation, by name, and its operands with the way to each. */
export function takeApart(spec: Calculation): {
  name: OperationName;
  operands: readonly { readonly operand: Operand; readonly path: Path }[];
} {
  const name = OPERATION_NAMES.find((known) => Object.hasOwn(spec, known));
  const content = name === undefined ? undefined : spec[name];
  if (name === undefined || content === undefined) throw new Error('a calculation without an operation');
  if (!isList(content)) return { name, operands: [{ operand: content, path: [name] }] };
  return { name, operands: content.map((operand, i) => ({ operand, path: [name, i] })) };
}

function isList(content: Operand | readonly Operand[]): content is readonly Operand[] {
  return Array.isArray(content);
}

/** Compiles a calculation whose structure is sound; undefined where the lookup of an operand failed. */
export function compileCalculation<E>(spec: Calculation, path: Path, lookUp: OperandLookup<E>): Formula<E> | undefined {
  const { name, operands } = takeApart(spec);
  const formulas: Formula<E>[] = [];
  for (const { operand, path: inner } of operands) {
    const formula = compileOperand(operand, [...path, ...inner], lookUp);
    if (formula !== undefined) formulas.push(formula);
  }
  return formulas.length < operands.length ? undefined : combine(operations[name], spec, formulas);
}

function compileOperand<E>(operand: Operand, path: Path, lookUp: OperandLookup<E>): Formula<E> | undefined {
  if (typeof operand === 'number') return () => operand;
  if (typeof operand !== 'string') return compileCalculation(operand, path, lookUp);
  const get = lookUp(operand, path);
  if (get === undefined) return undefined;
  return (env) => {
    const value = get(env);
    return typeof value === 'number' ? value : undefined;
  };
}

function combine<E>(operation: Operation, spec: Calculation, formulas: readonly Formula<E>[]): Formula<E> {
  const [first, ...more] = formulas;
  if (first === undefined) throw new Error('a calculation without operands');
  if (operation.operands !== 'one') return more.reduce((left, right) => pair(operation, left, right), first);
  const { apply, option } = operation;
  const chosen = option === undefined ? 0 : (spec[option.key as 'digits' | 'base'] ?? option.default);
  return (env) => {
    const value = first(env);
    return value === undefined ? undefined : finite(apply(value, chosen));
  };
}

function pair<E>(
  { apply }: Extract<Operation, { operands: 'two' | 'many' }>,
  left: Formula<E>,
  right: Formula<E>,
): Formula<E> {
  return (env) => {
    const a = left(env);
    const b = right(env);
    return a === undefined || b === undefined ? undefined : finite(apply(a, b));
  };
}
