import type { Aggregate, AggregateKind } from '../model/aggregate.ts';
import { addToSketch, createSketch, mergeSketch, type Sketch, valueAt } from './sketch.ts';

/** The values themselves while there are few; beyond that, a sketch of all values. */
export interface Quantiles {
  values: number[];
  sketch?: Sketch;
}

/** Up to this number of values in a window, quantiles are exact. */
export const EXACT_VALUES = 128;

/**
 * The value below which `p` % of the values are: at rank p/100 × (n - 1) of the sorted values, counted from 0. Between two values it is
 * interpolated linearly (type 7 of Hyndman and Fan 1996). It is exact for up to 128 values; beyond that each of the two is within 1 %.
 */
export function quantile(p: number): Aggregate<Quantiles> {
  return { create: () => ({ values: [] }), add, merge, result: (of) => quantileOf(of, p) };
}

/** `{ "percentile": "temp", "p": 95 }`: see `quantile`. */
export const percentile: AggregateKind = {
  accepts: ['number'],
  params: {
    p: {
      type: 'number',
      minimum: 0,
      maximum: 100,
      description: 'Percentage of the values that are below the result: 0 gives the smallest value, 100 the largest.',
      examples: [95],
    },
  },
  create: ({ p }) => quantile(p as number),
};

/** `{ "median": "temp" }`: the percentile of 50. */
export const median: AggregateKind = { accepts: ['number'], create: () => quantile(50) };

function add(into: Quantiles, value: unknown): void {
  if (into.sketch === undefined && into.values.length < EXACT_VALUES) into.values.push(value as number);
  else addToSketch(sketchOf(into), value as number);
}

function merge(into: Quantiles, from: Quantiles): void {
  for (const value of from.values) add(into, value);
  if (from.sketch !== undefined) mergeSketch(sketchOf(into), from.sketch);
}

/** The sketch. If there is none yet, it is created and the values are moved into it. */
function sketchOf(of: Quantiles): Sketch {
  if (of.sketch === undefined) {
    of.sketch = createSketch();
    for (const value of of.values) addToSketch(of.sketch, value);
    of.values = [];
  }
  return of.sketch;
}

function quantileOf({ values, sketch }: Quantiles, p: number): number | undefined {
  const n = sketch === undefined ? values.length : sketch.n;
  if (n === 0) return undefined;
  const sorted = sketch === undefined ? Float64Array.from(values).sort() : undefined;
  const at = (rank: number): number => sorted?.[rank] ?? valueAt(sketch!, rank);
  const rank = (p * (n - 1)) / 100;
  const whole = Math.floor(rank);
  const lower = at(whole);
  if (whole === rank) return lower;
  const upper = at(whole + 1);
  // The difference of two very large values may overflow, so it is not used.
  return upper === lower ? lower : lower * (whole + 1 - rank) + upper * (rank - whole);
}
