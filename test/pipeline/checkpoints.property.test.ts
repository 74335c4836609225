import fc from 'fast-check';
import { expect, it } from 'vitest';
import { beginCapture, type Capture } from '../../engine/state/changes.ts';
import { jsonPiece } from '../../engine/state/json-piece.ts';
import { headsOf } from '../../engine/state/snapshot.ts';
import { linesOf, startFold } from './kit.ts';
import { createBusySetup, scripts } from './samples.ts';

const setup = createBusySetup();
const brokers = setup.config.mqtt.map(({ name }) => name);

/** A checkpoint of several sections: the last content of each part. */
class Stored {
  readonly #parts = new Map<number, Buffer>();
  #capture: Capture | undefined;
  #heads: Buffer[] = [];

  begin(state: ReturnType<typeof startFold>['state'], isFull: boolean): void {
    if (isFull) this.#parts.clear();
    this.#heads = headsOf(setup.plan, brokers, state).map(jsonPiece);
    this.#capture = beginCapture(state.sections, isFull, (part, content) => {
      if (content === undefined) this.#parts.delete(part);
      else this.#parts.set(part, Buffer.from(content));
    });
  }

  /** Captures at most about so many parts. */
  advance(most: number): void {
    let left = most;
    this.#capture?.advance(() => --left <= 0);
  }

  end(): void {
    this.#capture?.advance(() => false);
    this.#capture?.end();
    this.#capture = undefined;
  }

  get lines(): string[] {
    return linesOf([...this.#heads, ...this.#parts.values()]).sort();
  }
}

const slices = fc.array(fc.nat(3), { minLength: 1, maxLength: 5 });

it('a checkpoint of changes, captured in slices while the fold continues, is the whole state right after its cut', () => {
  let compared = 0;
  fc.assert(
    fc.property(scripts, slices, fc.integer({ min: 1, max: 4 }), ({ records }, most, full) => {
      const [fold, whole] = [startFold(setup), startFold(setup)];
      const stored = new Stored();
      let expected: string[] = [];
      let cuts = 0;
      const compare = () => {
        if (cuts === 0) return;
        stored.end();
        expect(stored.lines).toEqual(expected);
        compared += 1;
      };
      for (const [i, record] of records.entries()) {
        fold.feed([record]);
        whole.feed([record]);
        stored.advance(most[i % most.length]!);
        if (record.kind !== 'mark' || record.mark !== 'cut') continue;
        compare();
        expected = whole.checkpoint().split('\n').sort();
        stored.begin(fold.state, cuts % full === 0);
        cuts += 1;
      }
      compare();
    }),
    { numRuns: 25 },
  );
  expect(compared).toBeGreaterThan(25);
});
