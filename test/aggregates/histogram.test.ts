import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { histogram } from '../../engine/aggregates/histogram.ts';
import { share } from '../../engine/aggregates/share.ts';
import { itKeepsTheLaws, resultOf, stamped } from './laws.ts';

const bounds = fc
  .uniqueArray(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 30 })
  .map((list) => list.sort((a, b) => a - b));
const values = fc.array(fc.oneof(fc.integer({ min: -25, max: 25 }), fc.double({ min: -25, max: 25, noNaN: true })), {
  maxLength: 100,
});

describe('the histogram', () => {
  it('counts each value in the first bucket whose upper bound is not below it', () => {
    fc.assert(
      fc.property(bounds, values, (bounds, values) => {
        const ends = [Number.NEGATIVE_INFINITY, ...bounds, Number.POSITIVE_INFINITY];
        const expected = ends
          .slice(1)
          .map((end, i) => values.filter((value) => value > ends[i]! && value <= end).length);
        expect(resultOf(histogram.create({ bounds }), stamped(values))).toEqual(expected);
        expect(histogram.facts!({ bounds })).toBe(expected.length);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    [[], [0, 0, 0, 0]],
    [[20], [1, 0, 0, 0]],
    [[20.001], [0, 1, 0, 0]],
    [
      [-1e300, 30, 40, 40.5, 1e300],
      [1, 1, 1, 2],
    ],
  ])('of %j over 20, 30 and 40 is %j', (values, expected) => {
    expect(resultOf(histogram.create({ bounds: [20, 30, 40] }), stamped(values))).toEqual(expected);
  });

  itKeepsTheLaws(histogram.create({ bounds: [-5, 0, 5] }), { readings: values.map(stamped), anyOrder: true });
});

describe('the share', () => {
  it.each([
    [[], undefined],
    [[true], 1],
    [[false], 0],
    [[true, false, false, false], 0.25],
  ])('of %j is %s', (values, expected) => {
    expect(resultOf(share.create({}), stamped(values))).toBe(expected);
  });

  itKeepsTheLaws(share.create({}), { readings: fc.array(fc.boolean()).map(stamped), anyOrder: true });
});
