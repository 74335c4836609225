import { describe, expect, it } from 'vitest';
import { formatBytes, parseBytes } from '../../engine/model/bytes.ts';

describe('a size', () => {
  it.each([
    [65_536, 65_536],
    ['0B', 0],
    ['5MB', 5_000_000],
    ['1.5kB', 1_500],
    ['64 KiB', 65_536],
    ['2GiB', 2_147_483_648],
    [-1, undefined],
    [1.5, undefined],
    ['5', undefined],
    ['5mb', undefined],
    ['MB', undefined],
    ['99999999999999GB', undefined],
  ])('%s is %s bytes', (size, bytes) => {
    expect(parseBytes(size)).toBe(bytes);
  });

  it.each([
    [33_554_432, '32MiB'],
    [5_000_000, '5MB'],
    [1_001, '1001B'],
  ])('of %s is written %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});
