import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { slope } from '../../engine/aggregates/slope.ts';
import type { Summary } from '../../engine/model/aggregate.ts';
import { itKeepsTheLaws, resultOf, type Stamped } from './laws.ts';
import { createRandom } from './random.ts';

const START = 1_769_860_800_000;

/** Σ(t - t̄)(v - v̄) / Σ(t - t̄)² in whole numbers, with the sums of squares; values in 1/1024, times in 1/8 ms, slope per ms. */
function reference(readings: readonly Stamped[]): { slope: number; steepest: number } | undefined {
  const n = BigInt(readings.length);
  const times = readings.map(({ time }) => BigInt(time * 8));
  const values = readings.map(({ value }) => BigInt((value as number) * 1_024));
  const sum = (list: readonly bigint[]): bigint => list.reduce((total, each) => total + each, 0n);
  const product = (a: readonly bigint[], b: readonly bigint[]): bigint =>
    n * sum(a.map((each, i) => each * b[i]!)) - sum(a) * sum(b);
  const below = product(times, times);
  if (below === 0n) return undefined;
  const unit = 8 / 1_024;
  return {
    slope: (Number(product(times, values)) / Number(below)) * unit,
    steepest: Math.sqrt(Number(product(values, values)) / Number(below)) * unit,
  };
}

/** Within rounding of the slope that the same deviations would have if they all lay on a line. */
function near(found: Summary | undefined, readings: readonly Stamped[], perMs: number): void {
  const expected = reference(readings);
  if (expected === undefined) {
    expect(found).toBeUndefined();
    return;
  }
  const off = Math.abs((found as number) / perMs - expected.slope);
  expect(off, `${found} for ${expected.slope * perMs}`).toBeLessThanOrEqual(
    1e-11 * expected.steepest + Number.MIN_VALUE,
  );
}

const values = fc.oneof(
  fc.integer({ min: -100 * 1_024, max: 100 * 1_024 }).map((value) => value / 1_024),
  fc.integer({ min: -1_024, max: 1_024 }).map((noise) => 1e9 + noise / 1_024),
);
const gaps = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(0, 8_000, 8 * 3_600_000));
const readings = fc
  .tuple(fc.constantFrom(1e9, 0), fc.array(fc.record({ value: values, gap: gaps }), { maxLength: 200, size: 'max' }))
  .map(([offset, list]) => {
    let time = START;
    return list.map(({ value, gap }): Stamped => {
      time += gap / 8;
      return { value: (value % 1e9) + offset, time };
    });
  });

describe('the slope', () => {
  it.each([
    ['1s', 1_000],
    ['1m', 60_000],
    ['250ms', 250],
  ])('per %s is the same as its definition', (per, perMs) => {
    fc.assert(fc.property(readings, (list) => near(resultOf(slope.create({ per }), list), list, perMs)));
  });

  it.each<[string, readonly (readonly [number, number])[], number | undefined]>([
    ['nothing', [], undefined],
    ['one reading', [[5, 20]], undefined],
    [
      'readings of one time',
      [
        [5, 20],
        [5, 30],
      ],
      undefined,
    ],
    [
      'two readings',
      [
        [0, 20],
        [2_000, 30],
      ],
      5,
    ],
    [
      'a fall',
      [
        [0, 20],
        [1_000, 19],
        [2_000, 18],
      ],
      -1,
    ],
    [
      'a level',
      [
        [0, 20],
        [1_000, 20],
        [7_000, 20],
      ],
      0,
    ],
    [
      'readings out of order',
      [
        [2_000, 18],
        [0, 20],
        [1_000, 19],
      ],
      -1,
    ],
    [
      'an offset',
      [
        [START, 1e9],
        [START + 1_000, 1e9 + 0.5],
        [START + 2_000, 1e9 + 1],
      ],
      0.5,
    ],
  ])('of %s is right, per second by default', (_name, list, expected) => {
    expect(
      resultOf(
        slope.create({}),
        list.map(([time, value]) => ({ time, value })),
      ),
    ).toBe(expected);
  });

  it('keeps its digits over many readings on a large offset', () => {
    const random = createRandom(5);
    const list = Array.from({ length: 20_000 }, (_, i): Stamped => {
      return { time: START + i * 1_000, value: 1e9 + Math.round(i / 10 + random() * 1_024) / 1_024 };
    });
    near(resultOf(slope.create({}), list), list, 1_000);
  });
});

describe('slope', () => {
  itKeepsTheLaws(slope.create({ per: '1m' }), {
    readings,
    same: (found, _expected, list) => near(found, list, 60_000),
    anyOrder: true,
  });
});
