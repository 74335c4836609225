import type { Aggregate } from '../model/aggregate.ts';
import { max } from './max.ts';
import { min } from './min.ts';

/** Largest value minus smallest; 0 for one reading, undefined if no reading had the field. */
export const range: Aggregate<{ min: { n: number; value: number }; max: { n: number; value: number } }> = {
  create: () => ({ min: min.create(), max: max.create() }),
  add(into, value, time) {
    min.add(into.min, value, time);
    max.add(into.max, value, time);
  },
  merge(into, from) {
    min.merge(into.min, from.min);
    max.merge(into.max, from.max);
  },
  result: (of) => (of.min.n === 0 ? undefined : of.max.value - of.min.value),
};
