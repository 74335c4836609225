import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Reading } from '../../engine/model/reading.ts';
import {
  createLastKnown,
  forgetOld,
  type Known,
  knownEntry,
  rememberReading,
  restoreKnown,
  valuesNear,
} from '../../engine/windows/last-known.ts';

const HOUR_MS = 3_600_000;
const changes = { next: 0, add: () => undefined, touch: () => undefined, remove: () => undefined };

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

describe('a last known value', () => {
  it('is the newest by its stamp, of equal stamps the later arrival, within the allowed distance', () => {
    const times = fc.integer({ min: 0, max: 20 });
    const step = fc.record({ key: fc.constantFrom('a', 'b'), time: times, asked: times, lastMs: fc.nat(6) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const last = createLastKnown();
        const all: { readonly key: string; readonly time: number; readonly values: readonly [number] }[] = [];
        steps.forEach(({ key, time, asked, lastMs }, i) => {
          rememberReading(last, key, reading(time, [i]), 100, changes);
          all.push({ key, time, values: [i] });
          for (const each of ['a', 'b']) {
            const own = all.filter((known) => known.key === each);
            const newest = own.filter(({ time }) => time === Math.max(...own.map((known) => known.time))).at(-1);
            const near = newest !== undefined && Math.abs(newest.time - asked) <= lastMs;
            expect(valuesNear(last, each, asked, lastMs)).toEqual(near ? newest.values : undefined);
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
    rememberReading(last, 'a', reading(0, [1]), 100, changes);
    forgetOld(last, { at: 60_000, liveMs: [liveMs, 0] }, 10_000, changes);
    expect(last.byKey.has('a')).toBe(isKept);
  });

  it('ages in the live time of its own broker, whatever its stamp is', () => {
    const last = createLastKnown();
    rememberReading(last, 'far behind', reading(-1e12, [1], 9e9, 0), 100, changes);
    rememberReading(last, 'far ahead', reading(1e12, [1], 0, 0), 100, changes);
    rememberReading(last, 'disconnected', reading(0, [1], 0, 1), 100, changes);
    forgetOld(last, { at: 60_000, liveMs: [9e9, 5] }, 10_000, changes);
    expect([...last.byKey.keys()]).toEqual(['far behind', 'disconnected']);
  });

  it('is checked once a minute, even if the clock was set back', () => {
    const last = createLastKnown();
    const swept = (at: number) => {
      rememberReading(last, 'old', reading(0, [1]), 100, changes);
      forgetOld(last, { at, liveMs: [9e9] }, 10_000, changes);
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

  it('is kept for a limited number of keys, and each of these can be updated', () => {
    const last = createLastKnown();
    const known = ['a', 'b', 'c', 'a'].map((key, i) => rememberReading(last, key, reading(i, [i]), 2, changes));
    expect(known).toEqual([true, true, false, true]);
    expect([...last.byKey].map(([key, { values }]) => [key, ...values])).toEqual([
      ['a', 3],
      ['b', 1],
    ]);
  });

  it('is restored from plain data, with the brokers of the current config', () => {
    const last = createLastKnown();
    rememberReading(last, 'a', reading(1.5, [1, undefined, 'x', false], 7, 1), 100, changes);
    forgetOld(last, { at: 60_000, liveMs: [0, 0] }, 10_000, changes);
    const text = JSON.stringify(Array.from(last.byKey.values(), knownEntry));
    const restored = createLastKnown();
    const swap = (seen: Pick<Known, 'at' | 'seenLiveMs' | 'connection'>) => ({
      ...seen,
      connection: 1 - seen.connection,
    });
    for (const entry of JSON.parse(text)) restoreKnown(restored, entry, swap, changes);
    const known = { at: 1.5, values: [1, undefined, 'x', false], seenLiveMs: 7, connection: 0 };
    expect([...restored.byKey]).toMatchObject([['a', known]]);
  });
});
