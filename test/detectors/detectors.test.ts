import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DetectorName, detectors } from '../../engine/detectors/registry.ts';
import type { Detector } from '../../engine/model/detector.ts';
import type { FieldValue } from '../../engine/model/field.ts';
import { REFERENCES, type Stamped } from './references.ts';

const START_AT = Date.UTC(2026, 0, 31, 12);

/** The fact of every reading. */
function follow(detector: Detector, readings: readonly Stamped[], state: unknown = detector.create()) {
  return readings.map(({ time, value }) => detector.next(state, value, time));
}

const stamp = (gaps: readonly number[], values: readonly FieldValue[]): Stamped[] => {
  let time = START_AT;
  return values.map((value, i) => ({ time: (time += gaps[i % gaps.length]!), value }));
};

const gaps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 3_000 }) },
    { weight: 2, arbitrary: fc.constantFrom(0, 0.125, 1_000, 60_000) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 400_000 }) },
  ),
  { minLength: 30, maxLength: 30 },
);
const noise = fc.double({ min: -1, max: 1, noNaN: true });
const values = fc.oneof(
  fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 80 }),
  fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 80 }),
  // Small differences added to a large value.
  fc.array(
    noise.map((value) => 1e9 + value),
    { minLength: 1, maxLength: 80 },
  ),
);
const series = fc.tuple(gaps, values).map(([gaps, values]) => stamp(gaps, values));

/** Digits that a result may lose: the noise on 1e9 has only nine digits. */
const TOLERANCE: Partial<Record<DetectorName, number>> = { ewma: 1e-12, zscore: 1e-6 };

function isNear(found: FieldValue | undefined, expected: FieldValue | undefined, tolerance: number): boolean {
  if (typeof found !== 'number' || typeof expected !== 'number') return found === expected;
  return Math.abs(found - expected) <= tolerance * Math.max(1, Math.abs(expected));
}

const names = Object.keys(REFERENCES) as (keyof typeof REFERENCES)[];

describe.each(names)('%s', (name) => {
  it('gives the same as its definition over all readings so far', () => {
    fc.assert(
      fc.property(series, fc.constantFrom(1_000, 10_000, 60_000, 600_000), (readings, spanMs) => {
        follow(detectors[name].create(spanMs), readings).forEach((found, i) => {
          const expected = REFERENCES[name](readings.slice(0, i + 1), spanMs);
          const difference = `reading ${i} of ${JSON.stringify(readings.slice(0, i + 1))}: ${found} for ${expected}`;
          if (!isNear(found, expected, TOLERANCE[name] ?? 1e-12)) expect.fail(difference);
        });
      }),
      { numRuns: 150 },
    );
  });

  it('continues from a snapshot as if nothing had happened', () => {
    fc.assert(
      fc.property(series, fc.nat(80), (readings, cut) => {
        const detector = detectors[name].create(20_000);
        const state = detector.create();
        const before = follow(detector, readings.slice(0, cut), state);
        const after = follow(detector, readings.slice(cut), JSON.parse(JSON.stringify(state)));
        expect([...before, ...after]).toEqual(follow(detector, readings));
      }),
      { numRuns: 100 },
    );
  });

  it('always gives facts that JSON can store, and recovers from any numbers', () => {
    const extreme = fc.array(fc.constantFrom(1.7e308, -1.7e308, 5e-324, 0, -0, 1e155, -1e155), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(fc.tuple(gaps, extreme), fc.boolean(), ([gaps, values], past) => {
        const readings = stamp(gaps, values).map(({ time, value }) => ({ time: past ? time - 4e12 : time, value }));
        const detector = detectors[name].create(1_000);
        const state = detector.create();
        for (const fact of follow(detector, readings, state)) {
          if (typeof fact === 'number') expect(Number.isFinite(fact)).toBe(true);
        }
        expect(JSON.stringify(state)).not.toContain('null');
        const { time } = readings.at(-1)!;
        const later = Array.from({ length: 40 }, (_, i) => ({ time: time + 60_000 + i * 100, value: i % 3 }));
        const fresh = follow(detector, later);
        const found = follow(detector, later, state);
        // Detectors without a span only remember the previous value and time.
        if (name === 'zscore' || name === 'mad') expect(found).toEqual(fresh);
        else
          expect(found.slice(1)).toEqual(fresh.slice(1).map((fact) => (name === 'ewma' ? expect.any(Number) : fact)));
      }),
      { numRuns: 200 },
    );
  });
});

describe('texts and booleans', () => {
  it.each(['previous', 'unchangedFor'] as const)('%s follows them', (name) => {
    const words = fc.array(fc.constantFrom<FieldValue>('on', 'off', true, false, 1, '1'), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(gaps, words, (gaps, values) => {
        const readings = stamp(gaps, values);
        const expected = readings.map((_, i) => REFERENCES[name](readings.slice(0, i + 1), 0));
        expect(follow(detectors[name].create(0), readings)).toEqual(expected);
      }),
    );
  });
});

describe('known readings', () => {
  const minutely = (...values: FieldValue[]) => stamp([60_000], values);
  it.each<[DetectorName, number, readonly Stamped[], readonly (FieldValue | undefined)[]]>([
    ['previous', 0, minutely('a', 'b', 'b'), [undefined, 'a', 'b']],
    ['delta', 0, minutely(1, 4, 2), [undefined, 3, -2]],
    ['rate', 3_600_000, minutely(1, 4, 2), [undefined, 180, -120]],
    ['rate', 1_000, stamp([0], [1, 4]), [undefined, undefined]],
    ['ewma', 60_000, minutely(0, 3), [0, 2]],
    ['ewma', 60_000, minutely(5, 5, 5), [5, 5, 5]],
    ['ewma', 1, stamp([60_000_000], [1, 2]), [1, 2]],
    ['unchangedFor', 0, minutely(1, 1, 1, 2, 2), [0, 60, 120, 0, 60]],
    ['silentFor', 0, stamp([60_000, 250], [1, 1, 1]), [undefined, 0.25, 60]],
    ['inARow', 0, minutely(true, true, false, true), [1, 2, 0, 1]],
  ])('%s over %d ms', (name, spanMs, readings, expected) => {
    expect(follow(detectors[name].create(spanMs), readings)).toEqual(expected);
  });

  it('zscore compares with at least ten previous readings, so an outlier does not hide itself', () => {
    const readings = stamp([1_000], [...Array.from({ length: 20 }, (_, i) => 20 + (i % 2)), 100]);
    const scores = follow(detectors.zscore.create(3_600_000), readings);
    expect(scores.slice(0, 10)).toEqual(Array(10).fill(undefined));
    expect(Math.abs(scores[10] as number)).toBeLessThan(2);
    expect(scores[20]).toBeGreaterThan(100);
  });

  it('zscore is undefined for ten readings after a gap', () => {
    const readings = [
      ...stamp(
        [1_000],
        Array.from({ length: 60 }, (_, i) => 20 + (i % 5)),
      ),
      { time: 0, value: 0 },
    ];
    for (const gap of [5_000, 60_000, 95_000, 105_000, 3_600_000]) {
      const later = Array.from({ length: 30 }, (_, i) => ({
        time: readings[59]!.time + gap + i * 1_000,
        value: 20 + ((i * 3) % 5),
      }));
      const scores = follow(detectors.zscore.create(10_000), [...readings.slice(0, 60), ...later]).slice(60);
      for (const score of scores) if (score !== undefined) expect(Math.abs(score as number)).toBeLessThan(4);
      expect(scores[29]).toBeDefined();
    }
  });

  it('mad has no value while more than half of the values are the same', () => {
    const readings = stamp([1_000], [...Array(10).fill(20), 21, 22, 50]);
    expect(follow(detectors.mad.create(3_600_000), readings).at(-1)).toBeUndefined();
  });

  it.each(['zscore', 'mad'] as const)('%s gives what its definition gives where readings come steadily', (name) => {
    const gap = fc.constantFrom(500, 1_000, 1_000, 1_000);
    const steady = fc
      .tuple(fc.array(gap, { minLength: 30, maxLength: 30 }), fc.array(noise, { minLength: 15, maxLength: 60 }))
      .map(([gaps, values]) => stamp(gaps, values));
    let evaluated = 0;
    fc.assert(
      fc.property(steady, fc.constantFrom(11_000, 15_000, 20_000, 600_000), (readings, spanMs) => {
        follow(detectors[name].create(spanMs), readings).forEach((found, i) => {
          const expected = REFERENCES[name](readings.slice(0, i + 1), spanMs);
          if (!isNear(found, expected, TOLERANCE[name] ?? 1e-12)) expect.fail(`${i}: ${found} for ${expected}`);
          if (expected !== undefined) evaluated++;
        });
      }),
      { numRuns: 150 },
    );
    expect(evaluated).toBeGreaterThan(1_000);
  });

  it('mad has a sample of at most 120 values over the whole horizon', () => {
    const detector = detectors.mad.create(120_000);
    const state = detector.create() as { times: number[]; values: number[]; sorted: number[] };
    const readings = stamp(
      [7],
      Array.from({ length: 40_000 }, (_, i) => i % 1_000),
    );
    let most = 0;
    for (const reading of readings) {
      follow(detector, [reading], state);
      most = Math.max(most, state.times.length);
    }
    expect(most).toBeLessThanOrEqual(120);
    expect(most).toBeGreaterThan(110);
    expect(state.times.at(-1)! - state.times[0]!).toBeGreaterThan(115_000);
    expect(state.sorted).toEqual(state.values.toSorted((a, b) => a - b));
  });
});
