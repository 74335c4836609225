import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRandom } from '../../engine/simulator/random.ts';

const take = (seed: number, stream: number, count: number) => {
  const random = createRandom(seed, stream);
  return Array.from({ length: count }, () => random.next());
};

/** A second implementation of sfc32, with big integers instead of 32-bit arithmetic. */
function* reference(seed: number, stream: number): Generator<number> {
  const wrap = (value: bigint) => BigInt.asUintN(32, value);
  let [a, b, c, counter] = [wrap(BigInt(seed)), BigInt(seed) >> 32n, BigInt(stream), 1n];
  for (let i = 0; ; i += 1) {
    const sum = wrap(a + b + counter);
    counter = wrap(counter + 1n);
    a = b ^ (b >> 9n);
    b = wrap(c * 9n);
    c = wrap(wrap((c << 21n) | (c >> 11n)) + sum);
    if (i >= 15) yield Number(sum) / 2 ** 32;
  }
}

test('is sfc32', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(2 ** 32 - 1), (seed, stream) => {
      const numbers = reference(seed, stream);
      expect(take(seed, stream, 20)).toEqual(Array.from({ length: 20 }, () => numbers.next().value as number));
    }),
  );
});

test('is uniform in [0, 1), and the bell has mean 0, variance 1 and bounds ±3', () => {
  const buckets = new Uint32Array(10);
  for (const value of take(1, 0, 100_000)) buckets[Math.floor(value * 10)]! += 1;
  for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(400);
  const random = createRandom(1, 1);
  const bells = Array.from({ length: 100_000 }, () => random.bell());
  expect(Math.abs(bells.reduce((sum, bell) => sum + bell, 0) / bells.length)).toBeLessThan(0.02);
  expect(Math.abs(bells.reduce((sum, bell) => sum + bell * bell, 0) / bells.length - 1)).toBeLessThan(0.03);
  expect(bells.every((bell) => Math.abs(bell) <= 3)).toBe(true);
});

test('streams of one seed have no common values', () => {
  const seen = new Set([0, 1, 2, 16, 0x8000_0000].flatMap((stream) => take(42, stream, 1000)));
  expect(seen.size).toBeGreaterThan(4990);
});
