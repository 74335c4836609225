import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Distinct, distinct, EXACT_DISTINCT } from '../../engine/aggregates/distinct.ts';
import { fingerprintOfValue } from '../../engine/aggregates/fingerprint.ts';
import type { FieldValue } from '../../engine/model/field.ts';
import { accumulate, itKeepsTheLaws, resultOf, stamped } from './laws.ts';

const aggregate = distinct.create({});

/** Kinds of similar values, like those of devices. */
const KINDS: Readonly<Record<string, (i: number) => FieldValue>> = {
  'whole numbers': (i) => i,
  'negative halves': (i) => -i / 2,
  'large numbers': (i) => 1e9 + i,
  'numbers close together': (i) => 1 + i * Number.EPSILON,
  'powers of two and more': (i) => (2 * i + 1) * 2 ** (i % 50),
  'names with a number': (i) => `sensor-${i}`,
  'names with a padded number': (i) => `plant-7/line-3/press-${String(i).padStart(7, '0')}`,
  'addresses in hex': (i) => (0xa4cf12000000 + i).toString(16),
  'short texts': (i) => String.fromCodePoint(0x20 + (i % 300), 0x20 + Math.floor(i / 300)),
  'texts that end alike': (i) => `${i.toString(36)}${'x'.repeat(40)}`,
};
const kinds = Object.keys(KINDS);
const values = (kind: string, n: number, from = 0): FieldValue[] =>
  Array.from({ length: n }, (_, i) => KINDS[kind]!(from + i));

describe.each(kinds)('%s', (kind) => {
  it('have fingerprints that differ', () => {
    const hashes = values(kind, 60_000).map(fingerprintOfValue);
    expect(new Set(hashes).size).toBe(60_000);
    expect(hashes.every((hash) => Number.isSafeInteger(hash) && hash >= 0)).toBe(true);
  });

  it.each([1, 2, 7, 100, EXACT_DISTINCT - 1, EXACT_DISTINCT])('are counted exactly: %d', (n) => {
    const twice = [...values(kind, n), ...values(kind, n).reverse()];
    expect(resultOf(aggregate, stamped(twice))).toBe(n);
  });

  it.each([1_025, 1_500, 4_000, 12_000, 60_000])('are counted within five standard errors: %d', (n) => {
    const found = resultOf(aggregate, stamped(values(kind, n))) as number;
    expect(Math.abs(found - n) / n).toBeLessThan((5 * 1.04) / 64);
    expect(found).toBeGreaterThan(EXACT_DISTINCT);
    expect(Number.isInteger(found)).toBe(true);
  });
});

describe('many values', () => {
  it('are counted with a standard error of 1.6 %, without a bias', () => {
    const n = 5_000;
    const errors = kinds.flatMap((kind) =>
      // There are only about 60,000 short texts.
      Array.from({ length: 12 }, (_, set) => {
        const found = resultOf(aggregate, stamped(values(kind, n, set * n))) as number;
        return (found - n) / n;
      }),
    );
    const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    const deviation = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length);
    expect(deviation).toBeLessThan(0.0163 * 1.2);
    expect(deviation).toBeGreaterThan(0.0163 * 0.7);
    expect(Math.abs(mean)).toBeLessThan((3 * 0.0163) / Math.sqrt(errors.length));
  });

  it('take bounded memory', () => {
    const sizes = [1_025, 60_000].map((n) => {
      const { slots, registers } = accumulate(aggregate, stamped(values('whole numbers', n))) as Distinct;
      return [slots.length, registers!.length];
    });
    expect(sizes).toEqual([
      [0, 820],
      [0, 820],
    ]);
  });
});

describe('few values', () => {
  it.each<[FieldValue[], number]>([
    [[], 0],
    [['1.2.0'], 1],
    [[true, false, true], 2],
    [[0, -0], 1],
    [['', ' ', '0'], 3],
    [['__proto__', 'constructor', '__proto__'], 2],
    [[0.1 + 0.2, 0.3], 2],
  ])('%j are %d different ones', (values, expected) => {
    expect(resultOf(aggregate, stamped(values))).toBe(expected);
  });

  it('are counted like the elements of a set', () => {
    const value = fc.oneof(fc.string({ maxLength: 3 }), fc.string({ unit: 'grapheme' }), fc.constantFrom('a', 'b'));
    fc.assert(
      fc.property(fc.array(value, { maxLength: 200, size: 'max' }), (values) => {
        expect(resultOf(aggregate, stamped(values))).toBe(new Set(values).size);
      }),
    );
  });
});

describe('distinct', () => {
  const many = fc
    .record({
      kind: fc.constantFrom(...kinds),
      n: fc.constantFrom(0, 1, 5, 700, 1_024, 1_025, 2_500),
      from: fc.nat(1_000),
    })
    .map(({ kind, n, from }) => stamped([...values(kind, n, from), ...values(kind, Math.min(n, 50), from)]));
  itKeepsTheLaws(aggregate, { readings: many, anyOrder: true });
});
