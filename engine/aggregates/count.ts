import type { Aggregate } from '../model/aggregate.ts';

/** Number of readings (`"count": true`), or of readings that have the field (`"count": "temp"`). Zero if there are none. */
export const count: Aggregate<{ n: number }> = {
  create: () => ({ n: 0 }),
  add(into) {
    into.n += 1;
  },
  merge(into, from) {
    into.n += from.n;
  },
  result: (of) => of.n,
};
