import type { Aggregate } from '../model/aggregate.ts';

/** A sum, its rounding error, and the number of its values. */
export interface Sum {
  n: number;
  sum: number;
  error: number;
}

/** Adds by Neumaier's compensated summation (Neumaier 1974), so that small values next to large ones are not lost. */
function addToSum(into: Sum, value: number): void {
  const total = into.sum + value;
  into.error += Math.abs(into.sum) >= Math.abs(value) ? into.sum - total + value : value - total + into.sum;
  into.sum = total;
}

/** Sum of the field; undefined if no reading had it. */
export const sum: Aggregate<Sum> = {
  create: () => ({ n: 0, sum: 0, error: 0 }),
  add(into, value) {
    into.n += 1;
    addToSum(into, value as number);
  },
  merge(into, from) {
    into.n += from.n;
    addToSum(into, from.sum);
    into.error += from.error;
  },
  result: (of) => (of.n === 0 ? undefined : of.sum + of.error),
};
