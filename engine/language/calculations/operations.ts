import type { Calculation } from '../../model/rule.ts';

/** An operation: how many operands it takes, and how it combines them. */
export type Operation =
  | { readonly operands: 'one'; readonly option?: OperationOption; apply(value: number, option: number): number }
  | { readonly operands: 'two' | 'many'; apply(left: number, right: number): number };

/** An option of an operation: its key in the rule, and its default. */
export interface OperationOption {
  readonly key: string;
  readonly default: number;
}

/** Names of the operations, as they are written in rules. */
export type OperationName = Exclude<keyof Calculation, 'digits' | 'base'>;

const LOGARITHMS: Readonly<Record<number, (value: number) => number>> = { 2: Math.log2, 10: Math.log10 };

/** Numbers from here on have no fraction to round, and `toFixed` would change its format for large ones. */
const WHOLE = 2 ** 53;

/**
 * The registry of operations. Operands are finite numbers. If a result is not finite (division by zero, a logarithm of zero, a root of a
 * negative number, overflow), the fact has no value. Operations with many operands are applied from left to right.
 */
export const operations: Readonly<Record<OperationName, Operation>> = {
  add: { operands: 'many', apply: (left, right) => left + right },
  subtract: { operands: 'two', apply: (left, right) => left - right },
  multiply: { operands: 'many', apply: (left, right) => left * right },
  divide: { operands: 'two', apply: (left, right) => left / right },
  min: { operands: 'many', apply: Math.min },
  max: { operands: 'many', apply: Math.max },
  pow: { operands: 'two', apply: (left, right) => left ** right },
  abs: { operands: 'one', apply: Math.abs },
  // `toFixed` rounds the exact number; multiplying by a power of ten first would change it. Halves are rounded away from zero.
  round: {
    operands: 'one',
    option: { key: 'digits', default: 0 },
    apply: (value, digits) => (Math.abs(value) < WHOLE ? Number(value.toFixed(digits)) : value),
  },
  sqrt: { operands: 'one', apply: Math.sqrt },
  log: {
    operands: 'one',
    option: { key: 'base', default: Math.E },
    apply: (value, base) => (LOGARITHMS[base] ?? Math.log)(value),
  },
};

/** Every operation, in the order in which they are documented. */
export const OPERATION_NAMES: readonly OperationName[] = Object.keys(operations) as OperationName[];
