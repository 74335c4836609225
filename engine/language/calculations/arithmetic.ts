import type { Path } from '../../document/document.ts';
import { finite } from '../../model/finite.ts';
import type { Calculation, Operand } from '../../model/rule.ts';
import type { FactGetter } from '../conditions/operators.ts';
import { OPERATION_NAMES, type Operation, type OperationName, operations } from './operations.ts';

/** A compiled calculation. Its result is undefined if an operand has no value or the result is not a finite number. */
export type Formula<E> = (env: E) => number | undefined;

/** Finds the fact or field that an operand names. If there is none that can be used, it reports why and returns undefined. */
export type OperandLookup<E> = (name: string, path: Path) => FactGetter<E> | undefined;

/** Whether a fact is a calculation. `min` and `max` of a list are calculations; `min` and `max` of a field name are aggregates. */
export function isCalculation(spec: object): spec is Calculation {
  return OPERATION_NAMES.some((name) => {
    if (!Object.hasOwn(spec, name)) return false;
    return !(name === 'min' || name === 'max') || Array.isArray((spec as Record<string, unknown>)[name]);
  });
}

/** Splits a calculation into the name of its operation and its operands, each with its path. */
export function splitCalculation(spec: Calculation): {
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

/** Compiles a calculation whose structure is valid; undefined if the lookup of an operand failed. */
export function compileCalculation<E>(spec: Calculation, path: Path, lookUp: OperandLookup<E>): Formula<E> | undefined {
  const { name, operands } = splitCalculation(spec);
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
