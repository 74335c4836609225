import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs, fullJitterMs } from '../../engine/delivery/backoff.ts';

describe('backoffMs', () => {
  it.each([
    [0, 1_000],
    [1, 2_000],
    [5, 32_000],
    [6, 60_000],
    [5_000, 60_000],
  ])('waits, at attempt %i, %i ms before jitter', (attempt, expected) => {
    expect(backoffMs(attempt, () => 0)).toBe(expected);
  });

  it('adds less than the jitter', () => {
    expect(backoffMs(0, () => 0.999_999)).toBe(1_999);
    expect(backoffMs(9, () => 0.5, { baseMs: 10, capMs: 40, jitterMs: 8 })).toBe(44);
  });
});

describe('fullJitterMs', () => {
  it('spreads over everything from 0 to the capped wait', () => {
    const options = { baseMs: 100, capMs: 5_000 };
    expect(fullJitterMs(3, () => 0, options)).toBe(0);
    expect(fullJitterMs(3, () => 0.999_999, options)).toBe(800);
    fc.assert(
      fc.property(fc.nat(2_000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, draw) => {
        const wait = fullJitterMs(attempt, () => draw, options);
        expect(Number.isInteger(wait) && wait >= 0 && wait <= 5_000).toBe(true);
      }),
    );
  });
});
