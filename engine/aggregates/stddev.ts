import type { Aggregate } from '../model/aggregate.ts';

/** Count, mean and sum of squared deviations. */
export interface Moments {
  n: number;
  mean: number;
  m2: number;
}

/**
 * Population standard deviation of the field: 0 for one reading, undefined if no reading had it.
 * Welford's update (1962) and the pairwise merge of Chan, Golub and LeVeque (1983), so that a large offset does not
 * hide the deviations.
 */
export const stddev: Aggregate<Moments> = {
  create: () => ({ n: 0, mean: 0, m2: 0 }),
  add(into, value) {
    const delta = (value as number) - into.mean;
    into.n += 1;
    into.mean += delta / into.n;
    into.m2 += delta * ((value as number) - into.mean);
  },
  merge(into, from) {
    if (from.n === 0) return;
    const n = into.n + from.n;
    const delta = from.mean - into.mean;
    into.mean += (delta * from.n) / n;
    into.m2 += from.m2 + (delta * delta * into.n * from.n) / n;
    into.n = n;
  },
  result: (of) => (of.n === 0 ? undefined : Math.sqrt(of.m2 / of.n)),
};
