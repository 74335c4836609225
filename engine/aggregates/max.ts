import type { Aggregate } from '../model/aggregate.ts';

/** Largest value of the field; undefined if no reading had it. */
export const max: Aggregate<{ n: number; value: number }> = {
  create: () => ({ n: 0, value: 0 }),
  add(into, value) {
    if (into.n === 0 || (value as number) > into.value) into.value = value as number;
    into.n += 1;
  },
  merge(into, from) {
    if (from.n > 0 && (into.n === 0 || from.value > into.value)) into.value = from.value;
    into.n += from.n;
  },
  result: (of) => (of.n === 0 ? undefined : of.value),
};
