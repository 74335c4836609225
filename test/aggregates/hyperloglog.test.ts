import { describe, expect, it } from 'vitest';
import {
  addToRegisters,
  createRegisters,
  estimateRegisters,
  mergeRegisters,
} from '../../engine/aggregates/hyperloglog.ts';

/** Registers that are not zero, by index. A number has five registers of 6 bits. */
function taken(registers: readonly number[]): Record<number, number> {
  const found: Record<number, number> = {};
  for (const [word, packed] of registers.entries()) {
    for (let i = 0; i < 5; i++) if (((packed >>> (i * 6)) & 63) > 0) found[word * 5 + i] = (packed >>> (i * 6)) & 63;
  }
  return found;
}

describe('a register', () => {
  it.each([0, 1, 4, 5, 2_047, 4_095])(
    '%d holds one more than the zeros that lead the 41 bits behind the index',
    (index) => {
      for (let bit = 0; bit < 41; bit++) {
        // Lower bits do not matter.
        for (const below of [0, 2 ** bit - 1]) {
          const registers = createRegisters();
          addToRegisters(registers, index * 2 ** 41 + 2 ** bit + below);
          expect(taken(registers)).toEqual({ [index]: 41 - bit });
        }
      }
      const registers = createRegisters();
      addToRegisters(registers, index * 2 ** 41);
      expect(taken(registers)).toEqual({ [index]: 42 });
    },
  );

  it('has the greatest rank, also after a merge, and does not change its neighbours', () => {
    const [into, from] = [createRegisters(), createRegisters()];
    for (const [index, bit] of [
      [10, 20],
      [10, 30],
      [11, 40],
      [12, 1],
    ] as const) {
      addToRegisters(into, index * 2 ** 41 + 2 ** bit);
    }
    for (const [index, bit] of [
      [10, 15],
      [12, 9],
      [14, 3],
    ] as const) {
      addToRegisters(from, index * 2 ** 41 + 2 ** bit);
    }
    expect(taken(into)).toEqual({ 10: 21, 11: 1, 12: 40 });
    mergeRegisters(into, from);
    expect(taken(into)).toEqual({ 10: 26, 11: 1, 12: 40, 14: 38 });
  });
});

describe('the estimate', () => {
  it('is 0 without values, and infinite if every register is full', () => {
    expect(estimateRegisters(createRegisters())).toBe(0);
    const full = createRegisters();
    for (let index = 0; index < 4_096; index++) addToRegisters(full, index * 2 ** 41);
    // The number is then too large to estimate.
    expect(estimateRegisters(full)).toBeGreaterThan(2 ** 50);
  });
});
