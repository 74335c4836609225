import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createOutbox } from '../../engine/delivery/outbox.ts';

describe('an outbox', () => {
  it('is the same as a list that keeps everything', () => {
    const action = fc.oneof(
      { weight: 3, arbitrary: fc.record({ add: fc.nat(1_000) }) },
      { weight: 3, arbitrary: fc.record({ confirm: fc.nat(60) }) },
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200, size: 'max' }), (actions) => {
        const outbox = createOutbox();
        const list: { readonly bytes: number; readonly pending: ReturnType<typeof outbox.add>; confirmed: boolean }[] =
          [];
        for (const action of actions) {
          if ('add' in action) list.push({ bytes: action.add, pending: outbox.add(action.add), confirmed: false });
          else {
            const open = list.filter(({ confirmed }) => !confirmed);
            const chosen = open[action.confirm % Math.max(1, open.length)];
            if (chosen !== undefined) {
              chosen.confirmed = true;
              outbox.confirm(chosen.pending);
              // A second confirmation changes nothing.
              outbox.confirm(chosen.pending);
            }
          }
          const open = list.filter(({ confirmed }) => !confirmed);
          expect(outbox.bytes).toBe(open.reduce((sum, { bytes }) => sum + bytes, 0));
          expect(outbox.position).toBe(list.length);
          const first = list.findIndex(({ confirmed }) => !confirmed);
          for (const position of [0, first, first + 1, list.length]) {
            expect(outbox.isConfirmed(position)).toBe(list.slice(0, position).every(({ confirmed }) => confirmed));
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('keeps its positions when it removes confirmed items', () => {
    const outbox = createOutbox();
    const pending = Array.from({ length: 5_000 }, () => outbox.add(2));
    for (const each of pending.slice(1)) outbox.confirm(each);
    expect([outbox.isConfirmed(1), outbox.bytes]).toEqual([false, 2]);
    outbox.confirm(pending[0]!);
    expect([outbox.isConfirmed(5_000), outbox.bytes, outbox.position]).toEqual([true, 0, 5_000]);
    const last = outbox.add(3);
    expect([outbox.isConfirmed(5_000), outbox.isConfirmed(5_001), outbox.bytes]).toEqual([true, false, 3]);
    outbox.confirm(last);
    expect(outbox.isConfirmed(5_001)).toBe(true);
  });
});
