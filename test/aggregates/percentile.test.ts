import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EXACT_VALUES, median, percentile, type Quantiles, quantile } from '../../engine/aggregates/percentile.ts';
import { MAX_BUCKETS } from '../../engine/aggregates/sketch.ts';
import { accumulate, itKeepsTheLaws, resultOf, stamped } from './laws.ts';
import { createRandom } from './random.ts';

/** The percentile by its definition, from all values, and the allowed error. */
function reference(values: readonly number[], p: number): { exact: number; allowed: number } {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = (p * (sorted.length - 1)) / 100;
  const part = rank - Math.floor(rank);
  const lower = sorted[Math.floor(rank)]!;
  const upper = sorted[Math.ceil(rank)]!;
  const exact = lower * (1 - part) + upper * part;
  const largest = sorted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return { exact, allowed: 0.01 * ((1 - part) * Math.abs(lower) + part * Math.abs(upper)) + 3e-18 * largest };
}

const PERCENTS = [0, 0.1, 1, 5, 25, 50, 75, 90, 95, 99, 99.9, 100];

function isWithinBounds(values: readonly number[]): void {
  const into = accumulate(quantile(50), stamped(values));
  for (const p of PERCENTS) {
    const found = quantile(p).result(into as Quantiles) as number;
    const { exact, allowed } = reference(values, p);
    expect(Math.abs(found - exact), `p${p}: ${found} for ${exact}`).toBeLessThanOrEqual(allowed);
  }
}

const count = 3_000;
const random = createRandom(7);
const list = (make: (i: number) => number, n = count): number[] => Array.from({ length: n }, (_, i) => make(i));

describe('the percentiles of many values', () => {
  it.each<{ name: string; values: number[] }>([
    { name: 'rising', values: list((i) => i + 1) },
    { name: 'falling', values: list((i) => count - i) },
    { name: 'rising tenfold', values: list((i) => 10 ** ((i - count / 2) / 10)) },
    {
      name: 'falling tenfold, of both signs',
      values: list((i) => (i % 2 === 0 ? 1 : -1) * 10 ** ((count / 2 - i) / 10)),
    },
    { name: 'all equal', values: list(() => 21.5) },
    { name: 'all equal and negative', values: list(() => -21.5) },
    { name: 'all zero', values: list(() => 0) },
    { name: 'mostly zero', values: list((i) => (i % 100 === 0 ? i : 0)) },
    { name: 'of a heavy tail', values: list(() => 1 / random() ** 3) },
    { name: 'of a heavy tail down', values: list(() => -1 / random() ** 3) },
    { name: 'of every magnitude', values: list(() => Math.exp(random() * 1_380 - 690)) },
    {
      name: 'of every magnitude and both signs',
      values: list(() => (random() - 0.5) * Math.exp(random() * 1_380 - 690)),
    },
    { name: 'tiny', values: list(() => random() * 1e-300) },
    { name: 'huge, of both signs', values: list(() => (random() * 2 - 1) * 1.7e308) },
    { name: 'on a large offset', values: list(() => 1e9 + random() * 1e-3) },
    { name: 'around zero', values: list(() => random() - 0.5) },
    { name: 'of two heaps far apart', values: list((i) => (i % 2 === 0 ? 1e-9 : 1e9) * (1 + random())) },
    { name: 'at the ends of buckets', values: list((i) => Math.exp(0.0199 * ((i % 1_000) - 500))) },
  ])('$name are within 1 %', ({ values }) => {
    isWithinBounds(values);
  });

  it('are within 1 % for any numbers', () => {
    const value = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => value === 0 || Math.abs(value) > 1e-300),
      fc.double({ min: -100, max: 100, noNaN: true }).filter((value) => value === 0 || Math.abs(value) > 1e-300),
      fc.integer({ min: -50, max: 50 }),
    );
    fc.assert(
      fc.property(fc.array(value, { minLength: EXACT_VALUES + 1, maxLength: 400, size: 'max' }), isWithinBounds),
      { numRuns: 60 },
    );
  });

  it('are within 1 % from panes of very different magnitudes, in any order', () => {
    const sizes = [1, 1e3, -1e3, 1e-3, -1e-3, 1e6, 0];
    const parts = [...sizes, ...sizes.toReversed()].map((size) => list(() => size * (1 + random()), EXACT_VALUES * 2));
    const merged = quantile(50).create() as Quantiles;
    for (const part of parts) quantile(50).merge(merged, accumulate(quantile(50), stamped(part)) as Quantiles);
    for (const p of PERCENTS) {
      const { exact, allowed } = reference(parts.flat(), p);
      expect(Math.abs((quantile(p).result(merged) as number) - exact), `p${p}`).toBeLessThanOrEqual(allowed);
    }
  });

  it('use bounded memory for any magnitudes', () => {
    const every = list(() => (random() - 0.5) * Math.exp(random() * 1_380 - 690), 20_000);
    const { sketch, values } = accumulate(quantile(50), stamped(every)) as Quantiles;
    expect(values).toEqual([]);
    expect(sketch!.positive.counts.length).toBe(MAX_BUCKETS);
    expect(sketch!.negative.counts.length).toBe(MAX_BUCKETS);
  });
});

describe('the percentiles of few values', () => {
  it('are exact up to 128', () => {
    const values = list(() => random() * 100, EXACT_VALUES);
    for (const p of PERCENTS)
      expect(resultOf(quantile(p), stamped(values))).toBeCloseTo(reference(values, p).exact, 12);
    const state = accumulate(quantile(50), stamped([...values, 1])) as Quantiles;
    expect(state.sketch?.n).toBe(EXACT_VALUES + 1);
  });

  it.each<[readonly number[], number, number | undefined]>([
    [[], 50, undefined],
    [[-7.5], 0, -7.5],
    [[-7.5], 50, -7.5],
    [[-7.5], 100, -7.5],
    [[1, 2], 50, 1.5],
    [[3, 1, 2], 50, 2],
    [[4, 1, 3, 2], 50, 2.5],
    [[15, 20, 35, 40, 50], 40, 29],
    [[-1e308, 1.5e308], 50, 0.25e308],
    [[10, 9, 8], 0, 8],
    [[10, 9, 8], 100, 10],
    [[0.1, 0.1, 0.1], 33, 0.1],
  ])('of %j is for %d %%: %d', (values, p, expected) => {
    expect(resultOf(percentile.create({ p }), stamped(values))).toBe(expected);
    if (p === 50) expect(resultOf(median.create({}), stamped(values))).toBe(expected);
  });
});

describe.each([50, 95, 100])('the percentile of %d', (p) => {
  const value = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(0, -0, 1, -1, 1e300, 1e-300, -1e300),
    fc.double({ min: 20, max: 30, noNaN: true }),
  );
  itKeepsTheLaws(quantile(p), {
    // -0 is 0 in a snapshot.
    readings: fc
      .array(
        value.map((one) => one + 0),
        { maxLength: 300, size: 'max' },
      )
      .map(stamped),
    anyOrder: true,
  });
});
