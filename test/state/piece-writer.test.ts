import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPieceReader } from '../../engine/state/piece-reader.ts';
import { createPieceWriter } from '../../engine/state/piece-writer.ts';
import { readSnapshot } from '../../engine/state/read-snapshot.ts';

const writer = createPieceWriter();

function written(write: () => void): Buffer {
  writer.begin();
  write();
  return Buffer.from(writer.end());
}

const instants = fc.integer({ min: 1_700_000_000_000, max: 1_800_000_000_000 });
const numbers = fc.oneof(instants, fc.double(), fc.integer(), fc.maxSafeInteger(), fc.constantFrom(-0, 207, 208, -17));
/** Any characters, also half of a pair. */
const texts = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('\ud800', '__proto__', 'panes'));

describe('a piece', () => {
  it('gives all numbers back, whatever is beside them', () => {
    fc.assert(
      fc.property(fc.array(numbers), (values) => {
        const reader = createPieceReader(
          written(() => {
            for (const value of values) writer.number(value);
          }),
          0,
        );
        for (const value of values) expect(reader.number()).toBe(value);
        expect(reader.hasMore).toBe(false);
      }),
    );
  });

  it('gives plain data back', () => {
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        numbers,
        texts,
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('tree')),
        fc.dictionary(texts, tie('tree')),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        expect(
          createPieceReader(
            written(() => writer.value(value)),
            0,
          ).value(),
        ).toEqual(value);
      }),
    );
  });

  it('has bytes, and texts longer than the room that there was', () => {
    const long = 'x'.repeat(100_000);
    const bytes = Buffer.alloc(50_000, 7);
    const reader = createPieceReader(
      written(() => {
        writer.text(long);
        writer.bytes(bytes);
        writer.text(`${long}€`);
      }),
      0,
    );
    expect([reader.text(), Buffer.compare(reader.bytes(), bytes), reader.text()]).toEqual([long, 0, `${long}€`]);
  });

  it('writes instants near each other in a few bytes', () => {
    const first = written(() => writer.number(1_769_860_800_000));
    const both = written(() => {
      writer.number(1_769_860_800_000);
      writer.number(1_769_860_800_900);
    });
    expect(both.length - first.length).toBeLessThanOrEqual(3);
  });

  it('that ends too early is refused', () => {
    const piece = written(() => writer.value({ panes: [1, 'two'] }));
    for (let length = 0; length < piece.length; length++) {
      expect(() => createPieceReader(piece.subarray(0, length), 0).value()).toThrow();
    }
  });
});

it('a snapshot of a newer version is refused, with what to do', () => {
  const head = { brokers: [], deliveries: {}, rules: {}, pieces: 2 };
  expect(() => [...readSnapshot([Buffer.from(JSON.stringify(['head', head]))])]).toThrow(
    /pieces of version 2.*start the version of Weir that wrote it/,
  );
});
