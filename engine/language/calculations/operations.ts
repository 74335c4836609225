import type { Calculation } from '../../model/rule.ts';

/** One way to calculate: how many operands it takes, and what it makes of them. */
export type Operation =
  | { readonly operands: 'one'; readonly option?: OperationOption; apply(value: number, option: number): number }
  | { readonly operands: 'two' | 'many'; apply(left: number, right: number): number };

/** What may stand beside an operation. */
export interface OperationOption {
  readonly key: string;
  readonly default: number;
}

/** Operations of the rule language, by the names that rule authors write. */
export type OperationName = Exclude<keyof Calculation, 'digits' | 'base'>;

const LOGARITHMS: Readonly<Record<number, (value: number) => number>> = { 2: Math.log2, 10: Math.log10 };

/** Above this there are no fractions left to round, and `toFixed` changes its format. */
const WHOLE = 2 ** 53;

/**
 * The registry of operations. Operands are finite numbers; a result that is not finite (division by zero, a logarithm of zero,
 * a root of a negative number, overflow) is no value. Those of many operands go from left to right.
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
  // Rounds the number that it is, not the one that multiplying by a power of ten makes of it; halves go away from zero.
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
