import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { durationSchema } from '../../engine/document/schema-values.ts';
import { formatDuration, parseDuration } from '../../engine/model/duration.ts';

describe('a duration', () => {
  it.each([
    ['250ms', 250],
    ['0s', 0],
    ['10s', 10_000],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1.001s', 1_001],
    ['0.029s', 29],
    ['4.35m', 261_000],
  ])('%s is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '10', 's', '10 s', '-1s', '1.s', '.5s', '1e3ms', '10S', '1h30m', '10s ', 'Infinityms'])(
    'is not "%s"',
    (text) => {
      expect(parseDuration(text)).toBeUndefined();
    },
  );

  it.each([
    [0, '0ms'],
    [999, '999ms'],
    [1_000, '1s'],
    [90_000, '90s'],
    [60_000, '1m'],
    [5_400_000, '90m'],
    [86_400_000, '1d'],
    [90_000_000, '25h'],
  ])('of %d ms is written %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('reads back as it was written', () => {
    const ms = fc.oneof(
      fc.nat(1e9),
      fc.nat(1e6).map((n) => n * 1_000),
      fc.nat(1e4).map((n) => n * 3_600_000),
    );
    fc.assert(
      fc.property(ms, (ms) => {
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });

  it('that a rule or config may hold is a whole number of milliseconds above 0', () => {
    const pattern = new RegExp(durationSchema.pattern);
    const shape = /^\d{1,11}(\.\d{1,3})?(ms|s|m|h|d)$/;
    fc.assert(
      fc.property(fc.stringMatching(shape), (text) => {
        fc.pre(pattern.test(text));
        const ms = parseDuration(text)!;
        expect(Number.isSafeInteger(ms)).toBe(true);
        expect(ms).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });
});
