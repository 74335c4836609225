import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Aggregate, Summary } from '../../engine/model/aggregate.ts';
import type { FieldValue } from '../../engine/model/field.ts';

/** A value and its event time. */
export interface Stamped {
  readonly value: FieldValue;
  readonly time: number;
}

/** Adds readings to one accumulator. */
export function accumulate(aggregate: Aggregate, readings: readonly Stamped[], into = aggregate.create()): unknown {
  for (const { value, time } of readings) aggregate.add(into, value, time);
  return into;
}

/** The result of readings, in the order given. */
export function resultOf(aggregate: Aggregate, readings: readonly Stamped[]): Summary | undefined {
  return aggregate.result(accumulate(aggregate, readings));
}

/** Gives each value a stamp, a second apart. */
export function stamped(values: readonly FieldValue[]): Stamped[] {
  return values.map((value, i) => ({ value, time: 1_769_860_800_000 + i * 1_000 }));
}

const throughJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** Cuts a list at the given places, if it has them. */
function cut<T>(list: readonly T[], places: readonly number[]): T[][] {
  const ends = [...places.map((place) => place % (list.length + 1)).sort((a, b) => a - b), list.length];
  return ends.map((end, i) => list.slice(ends[i - 1] ?? 0, end));
}

interface Laws {
  /** Readings with rising times. */
  readonly readings: fc.Arbitrary<readonly Stamped[]>;
  /** Whether two results are equal except for rounding; default: strict equality. */
  readonly same?: (found: Summary | undefined, expected: Summary | undefined, readings: readonly Stamped[]) => void;
  readonly anyOrder: boolean;
}

/** Tests that hold for every aggregate: about merging, snapshots, and accumulators that share no objects. */
export function itKeepsTheLaws(aggregate: Aggregate, { readings, anyOrder, same = equal }: Laws): void {
  const places = fc.array(fc.nat(10_000), { maxLength: 5 });

  it('has the same result if it is restored from a snapshot at any moment', () => {
    fc.assert(
      fc.property(readings, fc.nat(10_000), (readings, place) => {
        const [before, after] = cut(readings, [place]) as [Stamped[], Stamped[]];
        const restored = throughJson(accumulate(aggregate, before));
        expect(aggregate.result(accumulate(aggregate, after, restored))).toEqual(resultOf(aggregate, readings));
      }),
      { numRuns: 40 },
    );
  });

  it('has the same result from merged panes, wherever they are cut', () => {
    fc.assert(
      fc.property(readings, places, (readings, places) => {
        const merged = aggregate.create();
        for (const part of cut(readings, places)) aggregate.merge(merged, throughJson(accumulate(aggregate, part)));
        same(aggregate.result(merged), resultOf(aggregate, readings), readings);
      }),
      { numRuns: 60 },
    );
  });

  it('merges without changing the source or sharing objects with it', () => {
    fc.assert(
      fc.property(readings, fc.nat(10_000), (readings, place) => {
        const [early, late] = cut(readings, [place]) as [Stamped[], Stamped[]];
        for (const before of [early, []]) {
          const into = accumulate(aggregate, before);
          const from = accumulate(aggregate, late);
          const untouched = throughJson(from);
          aggregate.merge(into, from);
          expect(throughJson(from)).toEqual(untouched);
          const merged = throughJson(into);
          accumulate(aggregate, readings, from);
          expect(throughJson(into)).toEqual(merged);
          accumulate(aggregate, readings, into);
          expect(throughJson(from)).toEqual(throughJson(accumulate(aggregate, readings, untouched)));
        }
      }),
      { numRuns: 30 },
    );
  });

  it('gives a result that never changes, and reading it changes nothing', () => {
    fc.assert(
      fc.property(readings, (readings) => {
        const into = accumulate(aggregate, readings);
        const before = throughJson(into);
        const result = aggregate.result(into);
        expect(throughJson(into)).toEqual(before);
        const text = JSON.stringify(result);
        accumulate(aggregate, readings, into);
        expect(JSON.stringify(result)).toBe(text);
      }),
      { numRuns: 20 },
    );
  });

  if (!anyOrder) return;
  it('has the same result for readings in any order', () => {
    const shuffled = readings.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray([...list], { minLength: list.length })),
    );
    fc.assert(
      fc.property(shuffled, ([list, shuffled]) => {
        same(resultOf(aggregate, shuffled), resultOf(aggregate, list), list);
      }),
      { numRuns: 60 },
    );
  });
}

function equal(found: Summary | undefined, expected: Summary | undefined): void {
  expect(found).toEqual(expected);
}
