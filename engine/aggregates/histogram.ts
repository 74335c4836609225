import type { Aggregate, AggregateKind } from '../model/aggregate.ts';

/** The largest number of bounds of a histogram. */
const MAX_BOUNDS = 64;

/** Counts of values: up to the first bound, up to the second, …, above the last. A value equal to a bound counts below it. */
function histogramOf(bounds: readonly number[]): Aggregate<{ counts: number[] }> {
  return {
    create: () => ({ counts: new Array<number>(bounds.length + 1).fill(0) }),
    add({ counts }, value) {
      let low = 0;
      let high = bounds.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((value as number) <= bounds[middle]!) high = middle;
        else low = middle + 1;
      }
      counts[low]! += 1;
    },
    merge(into, from) {
      for (let i = 0; i < from.counts.length; i++) into.counts[i]! += from.counts[i]!;
    },
    result: (of) => of.counts.slice(),
  };
}

/**
 * `{ "histogram": "temp", "bounds": [20, 30] }`: as the fact `h`, it gives the facts `h.0` (values up to 20), `h.1` (above 20, up to 30)
 * and `h.2` (above 30). All are zero if no reading had the field. The bounds must rise.
 */
export const histogram: AggregateKind = {
  accepts: ['number'],
  params: {
    bounds: {
      type: 'array',
      minItems: 1,
      maxItems: MAX_BOUNDS,
      items: { type: 'number' },
      description:
        'Upper bounds of the buckets, in rising order; one more bucket counts the values above the last bound.',
      examples: [[20, 30, 40]],
    },
  },
  create: ({ bounds }) => histogramOf(bounds as readonly number[]),
  facts: ({ bounds }) => (bounds as readonly number[]).length + 1,
};
