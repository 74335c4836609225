import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  LEAST_SINGLE,
  MOST_SINGLE,
  timeWeightedMean,
  type WeightedTime,
} from '../../engine/aggregates/time-weighted-mean.ts';
import type { Summary } from '../../engine/model/aggregate.ts';
import { accumulate, itKeepsTheLaws, resultOf, type Stamped } from './laws.ts';
import { createRandom } from './random.ts';

const aggregate = timeWeightedMean.create({});

/** The mean by its definition, over whole numbers: exact except for the last division. Values are in 1/1024, times in 1/8 ms. */
function reference(readings: readonly Stamped[]): number | undefined {
  const latest = new Map(readings.map(({ value, time }) => [time, value as number]));
  const times = [...latest.keys()].sort((a, b) => a - b);
  if (times.length < 2) return latest.get(times[0]!);
  const ms8 = (time: number): bigint => BigInt(time * 8);
  let area = 0n;
  for (let i = 0; i + 1 < times.length; i++) {
    area += BigInt(latest.get(times[i]!)! * 1_024) * (ms8(times[i + 1]!) - ms8(times[i]!));
  }
  const span = ms8(times.at(-1)!) - ms8(times[0]!);
  // The whole part is separate, so that the fraction keeps its digits.
  return Number(area / span) / 1_024 + Number(area % span) / Number(span) / 1_024;
}

function near(found: Summary | undefined, expected: Summary | undefined, readings: readonly Stamped[]): void {
  if (expected === undefined) {
    expect(found).toBeUndefined();
    return;
  }
  const largest = readings.reduce((most, { value }) => Math.max(most, Math.abs(value as number)), 0);
  const allowed = 8 * Number.EPSILON * largest * Math.sqrt(readings.length);
  expect(Math.abs((found as number) - (expected as number)), `${found} for ${expected}`).toBeLessThanOrEqual(allowed);
}

const START = 1_769_860_800_000;
const values = fc.oneof(
  fc.integer({ min: -1_000 * 1_024, max: 1_000 * 1_024 }).map((value) => value / 1_024),
  fc.integer({ min: -1_024, max: 1_024 }).map((noise) => 1e9 + noise / 1_024),
);
const gaps = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constantFrom(1, 8_000, 8 * 3_600_000));
/** Rising times, all different. */
const rising = fc.array(fc.record({ value: values, gap: gaps }), { maxLength: 400, size: 'max' }).map((list) => {
  let time = START;
  return list.map(({ value, gap }): Stamped => {
    time += gap / 8;
    return { value, time };
  });
});

describe('the time-weighted mean', () => {
  it('is the same as its definition', () => {
    fc.assert(fc.property(rising, (readings) => near(resultOf(aggregate, readings), reference(readings), readings)));
  });

  it('is the same for readings that arrive after up to 64 later ones', () => {
    fc.assert(
      fc.property(rising, fc.infiniteStream(fc.nat(LEAST_SINGLE - 1)), (readings, delays) => {
        const arrivals = readings.map((reading, i) => ({ reading, at: i + delays.next().value! }));
        arrivals.sort((a, b) => a.at - b.at);
        const found = resultOf(
          aggregate,
          arrivals.map(({ reading }) => reading),
        );
        near(found, reference(readings), readings);
      }),
    );
  });

  it('uses the last arrival of equal stamps', () => {
    const equal = fc.array(fc.record({ value: values, time: fc.integer({ min: 0, max: 30 }) }), { maxLength: 60 });
    fc.assert(
      fc.property(equal, (readings) => near(resultOf(aggregate, readings), reference(readings), readings)),
      { numRuns: 300 },
    );
  });

  it.each<[string, readonly (readonly [number, number])[], number | undefined]>([
    ['nothing', [], undefined],
    ['one reading', [[5, -7.5]], -7.5],
    [
      'two readings',
      [
        [0, 10],
        [4, 99],
      ],
      10,
    ],
    [
      'a short peak',
      [
        [0, 20],
        [9_000, 80],
        [10_000, 20],
      ],
      26,
    ],
    [
      'readings out of order',
      [
        [10_000, 20],
        [0, 20],
        [9_000, 80],
      ],
      26,
    ],
    [
      'one time only',
      [
        [3, 1],
        [3, 2],
      ],
      2,
    ],
    [
      'an offset',
      [
        [0, 1e9 + 0.25],
        [1, 1e9 + 0.75],
        [2, 0],
      ],
      1e9 + 0.5,
    ],
  ])('of %s is right', (_name, readings, expected) => {
    const list = readings.map(([time, value]) => ({ time, value }));
    expect(resultOf(aggregate, list)).toBe(expected);
  });

  it('always accepts a reading earlier than all others, but not one between settled readings', () => {
    const readings = Array.from({ length: 500 }, (_, i): Stamped => ({ time: START + i * 1_000, value: i % 7 }));
    const early: Stamped = { time: START - 60_000, value: 50 };
    near(resultOf(aggregate, [...readings, early]), reference([early, ...readings]), readings);
    const between: Stamped = { time: START + 1_500, value: 50 };
    expect(resultOf(aggregate, [...readings, between])).toBe(resultOf(aggregate, readings));
  });

  it('uses bounded memory and keeps its digits over many readings', () => {
    const random = createRandom(3);
    const readings = Array.from({ length: 50_000 }, (_, i): Stamped => {
      return {
        time: START + i * 1_000 + Math.floor(random() * 900),
        value: 1e9 + Math.round(random() * 1_024) / 1_024,
      };
    });
    const { times } = accumulate(aggregate, readings) as WeightedTime;
    expect(times.length).toBeLessThanOrEqual(MOST_SINGLE);
    const found = resultOf(aggregate, readings) as number;
    expect(Math.abs(found - reference(readings)!)).toBeLessThan(1e-5);
  });
});

describe('the mean of panes that overlap in time', () => {
  it('is between the smallest and the largest value, and is exact for up to 128 readings each', () => {
    fc.assert(
      fc.property(rising, fc.infiniteStream(fc.boolean()), (readings, sides) => {
        const parts: [Stamped[], Stamped[]] = [[], []];
        for (const reading of readings) parts[sides.next().value ? 0 : 1].push(reading);
        const into = accumulate(aggregate, parts[0]);
        aggregate.merge(into, accumulate(aggregate, parts[1]));
        const found = aggregate.result(into) as number;
        if (readings.length <= MOST_SINGLE) near(found, reference(readings), readings);
        for (const value of readings.length > 0 ? [found] : []) {
          const list = readings.map((reading) => reading.value as number);
          expect(value).toBeGreaterThanOrEqual(Math.min(...list) - 1e-6);
          expect(value).toBeLessThanOrEqual(Math.max(...list) + 1e-6);
        }
      }),
    );
  });
});

describe('timeWeightedMean', () => {
  itKeepsTheLaws(aggregate, { readings: rising, same: near, anyOrder: false });
});
