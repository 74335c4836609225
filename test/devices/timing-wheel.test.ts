import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTimingWheel } from '../../engine/devices/timing-wheel.ts';

/** A timer so many milliseconds from now, or a step of the time. */
const actions = fc.array(
  fc.oneof(
    fc.tuple(fc.constant('schedule'), fc.integer({ min: -3_000, max: 9_000 })),
    fc.tuple(fc.constant('advance'), fc.integer({ min: -500, max: 4_000 })),
  ),
  { maxLength: 60, size: 'max' },
);

describe('a timing wheel', () => {
  it('wakes what a sorted list of timers wakes, in its order', () => {
    fc.assert(
      fc.property(actions, fc.nat(100_000), (actions, startMs) => {
        const wheel = createTimingWheel<number>();
        let list: { readonly thing: number; readonly atMs: number }[] = [];
        let nowMs = startMs;
        actions.forEach(([kind, ms], thing) => {
          if (kind === 'schedule') {
            const atMs = nowMs + ms;
            wheel.schedule(thing, atMs);
            list.push({ thing, atMs });
            return;
          }
          nowMs += ms;
          const second = ({ atMs }: { atMs: number }) => Math.floor(atMs / 1_000);
          const due = list
            .filter(({ atMs }) => atMs <= nowMs)
            .sort((a, b) => second(a) - second(b) || a.thing - b.thing);
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

  it('lets the same thing have several timers', () => {
    const wheel = createTimingWheel<string>();
    wheel.schedule('a', 1_500);
    wheel.schedule('a', 1_600);
    wheel.schedule('a', 2_500);
    expect(wheel.advance(1_700)).toEqual(['a', 'a']);
    expect(wheel.advance(2_500)).toEqual(['a']);
  });
});
