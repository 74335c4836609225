import type { Aggregate } from '../model/aggregate.ts';
import { type Sum, sum } from './sum.ts';

/** Arithmetic mean of the field, from a compensated sum; undefined if no reading had it. */
export const mean: Aggregate<Sum> = {
  ...sum,
  result: (of) => (of.n === 0 ? undefined : (of.sum + of.error) / of.n),
};
