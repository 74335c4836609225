import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AggregateName, aggregates } from '../../engine/aggregates/registry.ts';
import type { Aggregate, Summary } from '../../engine/model/aggregate.ts';
import type { FieldValue } from '../../engine/model/field.ts';
import { exactMean, exactStddev, exactSum } from './exact.ts';

interface Stamped {
  readonly value: FieldValue;
  readonly time: number;
}

/** The aggregates without parameters that give one number or value. The others have their own files. */
const names = ['count', 'sum', 'mean', 'min', 'max', 'range', 'first', 'last', 'stddev'] as const;
const NUMERIC = ['sum', 'mean', 'min', 'max', 'range', 'stddev'] as const;

function accumulate(aggregate: Aggregate, readings: readonly Stamped[]): unknown {
  const into = aggregate.create();
  for (const { value, time } of readings) aggregate.add(into, value, time);
  return into;
}

function aggregateOf(name: AggregateName, readings: readonly Stamped[]): Summary | undefined {
  const aggregate = aggregates[name].create({});
  return aggregate.result(accumulate(aggregate, readings));
}

const stamped = (values: readonly FieldValue[]): Stamped[] => values.map((value, time) => ({ value, time }));

/** The result of every aggregate for some numbers, by its definition. */
const REFERENCES: Record<(typeof NUMERIC)[number], (values: readonly number[]) => number> = {
  sum: exactSum,
  mean: exactMean,
  min: (values) => [...values].sort((a, b) => a - b)[0]!,
  max: (values) => [...values].sort((a, b) => b - a)[0]!,
  range: (values) => {
    const sorted = [...values].sort((a, b) => a - b);
    return sorted.at(-1)! - sorted[0]!;
  },
  stddev: exactStddev,
};

/** How far the double result may be from the exact one. */
function tolerance(name: (typeof NUMERIC)[number], values: readonly number[], exact: number): number {
  const eps = Number.EPSILON;
  const size = values.reduce((sum, value) => sum + Math.abs(value), 0);
  const n = values.length;
  switch (name) {
    case 'sum':
      return 2 * eps * Math.abs(exact) + n * n * eps * eps * size;
    case 'mean':
      return 4 * eps * Math.abs(exact) + n * eps * eps * size;
    case 'stddev':
      // Relative to the deviation, but not finer than the distance between doubles of the values' size.
      return 1e-12 * exact * n + 8 * eps * (size / n);
    default:
      return 0;
  }
}

const plain = fc.oneof(
  fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
  fc.double({ min: -1e6, max: -1e-3, noNaN: true }),
  fc.integer({ min: -100, max: 100 }),
  // Squares of smaller values are not normal doubles.
  fc.double({ min: -1e-9, max: 1e-9, noNaN: true }).map((value) => (Math.abs(value) < 1e-100 ? 0 : value)),
);
/** A large offset with small noise on it, and values of very different sizes. */
const hard = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(1e9, -1e9, 1e12),
      fc.array(fc.double({ min: -1e-3, max: 1e-3, noNaN: true }), { minLength: 1, maxLength: 60 }),
    )
    .map(([offset, noise]) => noise.map((value) => offset + value)),
  fc.array(fc.constantFrom(9e15, -9e15, 1, -1, 0.1, 1e-7), { minLength: 1, maxLength: 40 }),
);
const numbers = fc.oneof(fc.array(plain, { minLength: 1, maxLength: 60 }), hard);

function near(name: (typeof NUMERIC)[number], values: readonly number[], found: Summary | undefined): void {
  const exact = REFERENCES[name](values);
  expect(Math.abs((found as number) - exact), `${name}: ${found} for ${exact}`).toBeLessThanOrEqual(
    tolerance(name, values, exact),
  );
}

describe.each(NUMERIC)('%s', (name) => {
  it('is the same as its definition', () => {
    fc.assert(
      fc.property(numbers, (values) => near(name, values, aggregateOf(name, stamped(values)))),
      { numRuns: 300 },
    );
  });

  it('is the same for readings in any order', () => {
    fc.assert(
      fc.property(
        numbers.chain((values) => fc.shuffledSubarray(values, { minLength: values.length })),
        (values) => near(name, values, aggregateOf(name, stamped(values))),
      ),
    );
  });

  it('is the same for merged panes, wherever they are cut, also from a snapshot', () => {
    const cuts = fc.array(fc.nat(60), { maxLength: 6 });
    fc.assert(
      fc.property(numbers, cuts, (values, cuts) => {
        const aggregate = aggregates[name].create({});
        const merged = aggregate.create();
        const ends = [...cuts.map((cut) => Math.min(cut, values.length)).sort((a, b) => a - b), values.length];
        let from = 0;
        for (const end of ends) {
          const part = JSON.parse(JSON.stringify(accumulate(aggregate, stamped(values.slice(from, end)))));
          aggregate.merge(merged, part);
          from = end;
        }
        near(name, values, aggregate.result(merged));
      }),
      { numRuns: 300 },
    );
  });

  it('accepts only numbers', () => {
    expect(aggregates[name].accepts).toEqual(['number']);
  });
});

describe('known readings', () => {
  it.each<[AggregateName, readonly number[], number]>([
    ['sum', [0.1, 0.2, 0.3], 0.6],
    ['sum', [1, 1e100, 1, -1e100], 2],
    ['mean', [1e9 + 0.25, 1e9 + 0.75], 1e9 + 0.5],
    ['stddev', [2, 4, 4, 4, 5, 5, 7, 9], 2],
    ['stddev', [1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16], Math.sqrt(22.5)],
    ['range', [-3, 8, 2], 11],
    ['min', [5, -0.5, 3], -0.5],
    ['max', [-5, -0.5, -3], -0.5],
    ['count', [4, 4, 4], 3],
    ['first', [7, 8, 9], 7],
    ['last', [7, 8, 9], 9],
  ])('%s of %j is %d', (name, values, expected) => {
    expect(aggregateOf(name, stamped(values))).toBe(expected);
  });

  it.each<[AggregateName, number]>([
    ['count', 1],
    ['sum', -7.5],
    ['mean', -7.5],
    ['min', -7.5],
    ['max', -7.5],
    ['range', 0],
    ['first', -7.5],
    ['last', -7.5],
    ['stddev', 0],
  ])('%s of a single reading of -7.5 is %d', (name, expected) => {
    expect(aggregateOf(name, stamped([-7.5]))).toBe(expected);
  });

  it.each(names)('%s of no reading is undefined, or for a count 0', (name) => {
    expect(aggregateOf(name, [])).toBe(name === 'count' ? 0 : undefined);
  });

  it.each(names)('%s does not change when it is merged with an empty accumulator, in either direction', (name) => {
    const aggregate = aggregates[name].create({});
    const readings = stamped([3, 1, 2]);
    const expected = aggregateOf(name, readings);
    const into = accumulate(aggregate, readings);
    aggregate.merge(into, aggregate.create());
    expect(aggregate.result(into)).toBe(expected);
    const empty = aggregate.create();
    aggregate.merge(empty, accumulate(aggregate, readings));
    expect(aggregate.result(empty)).toBe(expected);
  });
});

describe('count', () => {
  it('counts readings with any values', () => {
    expect(aggregateOf('count', stamped([true, 'x', 0, false]))).toBe(4);
    expect(aggregates.count.accepts).toContain('none');
  });
});

/** Readings with stamps that are out of order and often equal, as they arrive. */
const arrivals = fc.array(
  fc.record<Stamped>({
    value: fc.oneof(fc.integer(), fc.boolean(), fc.constantFrom('a', 'b', '')),
    time: fc.integer({ min: 0, max: 8 }),
  }),
  { maxLength: 20 },
);

describe('first and last', () => {
  it('use event time; of equal stamps the order of arrival', () => {
    fc.assert(
      fc.property(arrivals, (readings) => {
        // Sorting is stable: equal stamps stay in the order of arrival.
        const sorted = [...readings].sort((a, b) => a.time - b.time);
        expect(aggregateOf('first', readings)).toBe(sorted[0]?.value);
        expect(aggregateOf('last', readings)).toBe(sorted.at(-1)?.value);
      }),
      { numRuns: 500 },
    );
  });

  it('are the same for panes merged in their order', () => {
    fc.assert(
      fc.property(arrivals, fc.nat(8), (readings, bound) => {
        for (const name of ['first', 'last'] as const) {
          const aggregate = aggregates[name].create({});
          // Panes are intervals of event time: equal stamps are always in one pane.
          const into = accumulate(
            aggregate,
            readings.filter(({ time }) => time < bound),
          );
          aggregate.merge(
            into,
            accumulate(
              aggregate,
              readings.filter(({ time }) => time >= bound),
            ),
          );
          expect(aggregate.result(into)).toBe(aggregateOf(name, readings));
        }
      }),
      { numRuns: 500 },
    );
  });
});
