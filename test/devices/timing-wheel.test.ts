import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTimingWheel, NOT_IN_WHEEL } from '../../engine/devices/timing-wheel.ts';

interface Thing {
  readonly number: number;
  at: number;
  slot: number;
}

function createThing(number: number): Thing {
  return { number, at: Number.POSITIVE_INFINITY, slot: NOT_IN_WHEEL };
}

function createWheel() {
  const wheel = createTimingWheel<Thing>({
    wakeOf: ({ at }) => at,
    numberOf: ({ number }) => number,
    slotOf: ({ slot }) => slot,
    setSlot: (thing, slot) => {
      thing.slot = slot;
    },
  });
  return {
    set(thing: Thing, at: number): void {
      const isEarlier = at < thing.at;
      thing.at = at;
      if (isEarlier) wheel.schedule(thing);
    },
    /** The numbers of at most so many things that expire, whose timers are then unset. */
    expire(now: number, most = Number.POSITIVE_INFINITY): number[] {
      wheel.advance(now);
      const numbers: number[] = [];
      while (numbers.length < most) {
        const thing = wheel.next();
        if (thing === undefined) break;
        thing.at = Number.POSITIVE_INFINITY;
        numbers.push(thing.number);
      }
      return numbers;
    },
  };
}

/** A timer at some milliseconds from now, or a step of the time. */
const actions = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('set' as const), ms: fc.integer({ min: 1, max: 9_000 }), of: fc.nat(20) }),
    fc.record({ kind: fc.constant('step' as const), ms: fc.nat(4_000), of: fc.integer({ min: 1, max: 6 }) }),
  ),
  { maxLength: 60, size: 'max' },
);

describe('a timing wheel', () => {
  it('returns the same things as a sorted list of timers, in the same order, however many are asked for', () => {
    fc.assert(
      fc.property(actions, fc.nat(100_000), (actions, startMs) => {
        const { set, expire } = createWheel();
        const things = Array.from({ length: 21 }, (_, number) => createThing(number));
        let now = startMs;
        for (const { kind, ms, of } of actions) {
          if (kind === 'set') {
            set(things[of]!, now + ms);
            continue;
          }
          now += ms;
          const due = things
            .filter(({ at }) => at <= now)
            .sort((a, b) => a.at - b.at || a.number - b.number)
            .map(({ number }) => number);
          expect(expire(now, of)).toEqual(due.slice(0, of));
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('wakes to the millisecond, whenever the timer was set', () => {
    const { set, expire } = createWheel();
    const [early, late] = [createThing(0), createThing(1)];
    set(early, 60_300);
    expect(expire(60_299)).toEqual([]);
    set(late, 60_300);
    expect(expire(60_299.999)).toEqual([]);
    expect(expire(60_300)).toEqual([0, 1]);
    expect(expire(99_000)).toEqual([]);
  });

  it('has one timer for each thing: the one set last', () => {
    const { set, expire } = createWheel();
    const thing = createThing(0);
    for (const at of [90_000, 5_000, 1_600, 1_700]) set(thing, at);
    expect(expire(1_600)).toEqual([]);
    expect(expire(1_700)).toEqual([0]);
    expect(expire(99_000)).toEqual([]);
    set(thing, 99_500);
    set(thing, 200_000);
    expect(expire(199_999)).toEqual([]);
    expect(expire(200_000)).toEqual([0]);
  });
});
