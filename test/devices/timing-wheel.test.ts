import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTimingWheel } from '../../engine/devices/timing-wheel.ts';

/** A timer after some milliseconds, or a step of the time. */
const actions = fc.array(
  fc.oneof(
    fc.tuple(fc.constant('schedule'), fc.integer({ min: -3_000, max: 9_000 }), fc.nat(20)),
    fc.tuple(fc.constant('advance'), fc.integer({ min: -500, max: 4_000 }), fc.constant(0)),
  ),
  { maxLength: 60, size: 'max' },
);

describe('a timing wheel', () => {
  it('wakes the same things as a sorted list of timers, in the same order', () => {
    fc.assert(
      fc.property(actions, fc.nat(100_000), (actions, startMs) => {
        const wheel = createTimingWheel<number>();
        let list: { readonly thing: number; readonly atMs: number; readonly order: number }[] = [];
        let nowMs = startMs;
        actions.forEach(([kind, ms, thing], order) => {
          if (kind === 'schedule') {
            const atMs = nowMs + ms;
            wheel.schedule(thing, atMs);
            list = [...list.filter((each) => each.thing !== thing), { thing, atMs, order }];
            return;
          }
          nowMs += ms;
          const second = ({ atMs }: { atMs: number }) => Math.floor(atMs / 1_000);
          const due = list
            .filter(({ atMs }) => atMs <= nowMs)
            .sort((a, b) => second(a) - second(b) || a.order - b.order);
          list = list.filter(({ atMs }) => atMs > nowMs);
          expect(wheel.advance(nowMs)).toEqual(due.map(({ thing }) => thing));
        });
      }),
      { numRuns: 500 },
    );
  });

  it('wakes to the millisecond, whenever the timer was set', () => {
    const wheel = createTimingWheel<string>();
    wheel.schedule('early', 60_300);
    expect(wheel.advance(60_299)).toEqual([]);
    wheel.schedule('late', 60_300);
    expect(wheel.advance(60_299.999)).toEqual([]);
    expect(wheel.advance(60_300)).toEqual(['early', 'late']);
    expect(wheel.advance(99_000)).toEqual([]);
  });

  it('has one timer for each thing: the one set last', () => {
    const wheel = createTimingWheel<string>();
    for (const atMs of [90_000, 5_000, 1_600, 1_700]) wheel.schedule('a', atMs);
    expect(wheel.advance(1_600)).toEqual([]);
    expect(wheel.advance(1_700)).toEqual(['a']);
    expect(wheel.advance(99_000)).toEqual([]);
    wheel.schedule('a', 99_500);
    wheel.schedule('a', 200_000);
    expect(wheel.advance(199_999)).toEqual([]);
    expect(wheel.advance(200_000)).toEqual(['a']);
  });
});
