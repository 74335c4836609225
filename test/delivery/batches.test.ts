import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cut, isComplete, split } from '../../engine/delivery/batches.ts';
import { createRowEncoder } from '../../engine/delivery/row-binary.ts';
import type { Batch } from '../../engine/model/output.ts';
import type { Table } from '../../engine/model/table.ts';

const TABLE: Table = { name: 't', columns: [{ name: 'a', type: 'String' }], orderBy: [] };

function open(texts: readonly string[], openedAt = 0) {
  const encoder = createRowEncoder(TABLE);
  texts.forEach((text, i) => {
    encoder.encodeRow([text], 100 + i);
  });
  return { table: TABLE, encoder, openedAt };
}

describe('an open batch', () => {
  const limits = { rows: 3, bytes: 20, ageMs: 1_000 };

  it.each<[string, readonly string[], number, boolean]>([
    ['no rows, however old', [], 99_999, false],
    ['few and young rows', ['a', 'b'], 999, false],
    ['enough rows', ['a', 'b', 'c'], 0, true],
    ['enough bytes', ['x'.repeat(19)], 0, true],
    ['nearly enough bytes', ['x'.repeat(18)], 0, false],
    ['a row of enough age', ['a'], 1_000, true],
    ['a row from the future, after the clock was set back', ['a'], -5_000, false],
  ])('of %s', (_, texts, age, complete) => {
    expect(isComplete(open(texts, 50_000), limits, 50_000 + age)).toBe(complete);
  });
});

describe('split', () => {
  const rowsOf = ({ bytes, rowEnds, rowOffsets, rows }: Batch) =>
    Array.from({ length: rows }, (_, i) => [
      Buffer.from(bytes.subarray(i === 0 ? 0 : rowEnds[i - 1], rowEnds[i])).toString('latin1'),
      rowOffsets[i],
    ]);

  it('gives the same rows in two valid batches', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 300 }), { minLength: 2, maxLength: 30 }), (texts) => {
        const whole = cut(open(texts));
        const halves = split(whole);
        expect(halves.flatMap(rowsOf)).toEqual(rowsOf(whole));
        for (const half of halves) {
          expect(half.rows).toBeGreaterThan(0);
          expect(half.table).toBe('t');
          expect(half.rowEnds.at(-1)).toBe(half.bytes.length);
          expect([half.fromOffset, half.toOffset]).toEqual([half.rowOffsets[0], half.rowOffsets.at(-1)]);
        }
        expect(Math.abs(halves[0].rows - halves[1].rows)).toBeLessThanOrEqual(1);
      }),
    );
  });
});
