import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Reading } from '../../engine/model/reading.ts';
import {
  createLastKnown,
  type Known,
  listLastKnown,
  lookUp,
  note,
  restoreKnown,
  sweep,
} from '../../engine/windows/last-known.ts';

const HOUR_MS = 3_600_000;

function reading(time: number, values: Reading['values'], liveMs = 0, connection = 0): Reading {
  const rest = { offset: 0, idHigh: 0, idLow: 0, attributes: undefined, extra: undefined, clamped: false, late: false };
  return {
    kind: 'reading',
    stream: 0,
    device: 'd',
    labels: [],
    time,
    receivedAt: 0,
    values,
    liveMs,
    connection,
    ...rest,
  };
}

describe('what is known last', () => {
  it('is the newest by its stamp, of equal stamps the later, and no further away than asked for', () => {
    const times = fc.integer({ min: 0, max: 20 });
    const step = fc.record({ key: fc.constantFrom('a', 'b'), time: times, asked: times, lastMs: fc.nat(6) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const last = createLastKnown();
        const all: { readonly key: string; readonly time: number; readonly values: readonly [number] }[] = [];
        steps.forEach(({ key, time, asked, lastMs }, i) => {
          note(last, key, reading(time, [i]), 100);
          all.push({ key, time, values: [i] });
          for (const each of ['a', 'b']) {
            const own = all.filter((known) => known.key === each);
            const newest = own.filter(({ time }) => time === Math.max(...own.map((known) => known.time))).at(-1);
            const near = newest !== undefined && Math.abs(newest.time - asked) <= lastMs;
            expect(lookUp(last, each, asked, lastMs)).toEqual(near ? newest.values : undefined);
          }
        });
      }),
    );
  });

  it.each([
    ['is kept for an hour longer than it may be asked for', 10_000 + HOUR_MS, true],
    ['is forgotten after that', 10_000 + HOUR_MS + 1, false],
  ])('%s', (_, liveMs, isKept) => {
    const last = createLastKnown();
    note(last, 'a', reading(0, [1]), 100);
    sweep(last, { at: 60_000, liveMs: [liveMs, 0] }, 10_000);
    expect(last.byKey.has('a')).toBe(isKept);
  });

  it('grows old by the live time of its own broker, whatever its stamp', () => {
    const last = createLastKnown();
    note(last, 'far behind', reading(-1e12, [1], 9e9, 0), 100);
    note(last, 'far ahead', reading(1e12, [1], 0, 0), 100);
    note(last, 'disconnected', reading(0, [1], 0, 1), 100);
    sweep(last, { at: 60_000, liveMs: [9e9, 5] }, 10_000);
    expect([...last.byKey.keys()]).toEqual(['far behind', 'disconnected']);
  });

  it('is looked through once a minute, also by a clock that was set back', () => {
    const last = createLastKnown();
    const swept = (at: number) => {
      note(last, 'old', reading(0, [1]), 100);
      sweep(last, { at, liveMs: [9e9] }, 10_000);
      return !last.byKey.has('old');
    };
    expect([1e12, 1e12 + 59_999, 1e12 + 60_000, 1e12 + 60_001, 1e9].map(swept)).toEqual([
      true,
      false,
      true,
      false,
      true,
    ]);
  });

  it('is of so many keys and no more, of which each can be known anew', () => {
    const last = createLastKnown();
    const known = ['a', 'b', 'c', 'a'].map((key, i) => note(last, key, reading(i, [i]), 2));
    expect(known).toEqual([true, true, false, true]);
    expect([...last.byKey].map(([key, { values }]) => [key, ...values])).toEqual([
      ['a', 3],
      ['b', 1],
    ]);
  });

  it('comes back from plain data as it was, by the brokers of today', () => {
    const last = createLastKnown();
    note(last, 'a', reading(1.5, [1, undefined, 'x', false], 7, 1), 100);
    sweep(last, { at: 60_000, liveMs: [0, 0] }, 10_000);
    const text = JSON.stringify([...listLastKnown(last)]);
    const restored = createLastKnown();
    const swap = (heard: Omit<Known, 'values'>) => ({ ...heard, connection: 1 - heard.connection });
    for (const entry of JSON.parse(text)) restoreKnown(restored, entry, swap);
    const known = { at: 1.5, values: [1, undefined, 'x', false], seenLiveMs: 7, connection: 0 };
    expect([...restored.byKey]).toEqual([['a', known]]);
  });
});
