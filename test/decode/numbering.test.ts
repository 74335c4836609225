import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDecoder } from '../../engine/decode/decode.ts';
import {
  isDuplicate,
  listNumbering,
  type Numbered,
  type NumberingEntry,
  restoreNumbering,
} from '../../engine/decode/numbering.ts';
import type { Item } from '../../engine/model/item/item.ts';
import type { Reading } from '../../engine/model/reading.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { MAX_AHEAD_MS, message, RECEIVED_AT, sampleStream } from './sample.ts';

const WIDTH = 64;

/** A number, and the stamp that came with it. */
type Sent = readonly [number: number, stamp: number];

/** Decodes readings of one device from bytes, as the engine does. */
function createTaker(modulus?: number) {
  const sequence = { path: 'seq', ...(modulus !== undefined && { modulus }) };
  const stream = sampleStream({ time: { path: 'ts', unit: 'ms' }, sequence });
  const counters = createCounters();
  const decode = createDecoder({ streams: [stream], brokers: ['main'], maxAheadMs: MAX_AHEAD_MS, counters });
  const devices = new Map<string, Numbered>();
  return {
    counters,
    devices,
    /** Whether the reading counts as new. */
    take: ([seq, stamp]: Sent, device = 'd1') => {
      const payload = { ts: RECEIVED_AT - 1e9 + stamp, seq, temp: 1 };
      const out: Item[] = [];
      decode(message(payload, { topic: `plant/a/${device}/data` }), out);
      const numbered = devices.get(device) ?? { numbering: undefined };
      devices.set(device, numbered);
      return !isDuplicate(numbered, out[0] as Reading, sequence, counters);
    },
  };
}

/** The indexes of the readings that count as new, and the counters. */
function takeAll(all: readonly Sent[], modulus?: number) {
  const { take, counters } = createTaker(modulus);
  const taken = all.map((sent) => take(sent));
  return { taken, missed: counters.readings_missed, repeated: counters.readings_repeated };
}

const upTo = (count: number, from = 0, at = from): Sent[] =>
  Array.from({ length: count }, (_, i) => [from + i, at + i]);

describe('a duplicate', () => {
  test('is found at once, and as long as its number is among the last 64', () => {
    const { take, counters } = createTaker();
    for (const sent of upTo(WIDTH)) {
      expect(take(sent)).toBe(true);
      expect(take(sent)).toBe(false);
    }
    expect(upTo(WIDTH).map((sent) => take(sent))).toEqual(upTo(WIDTH).map(() => false));
    expect(take([WIDTH, WIDTH])).toBe(true);
    expect(take([1, 1])).toBe(false);
    expect(take([0, 0])).toBe(true);
    expect(counters).toMatchObject({ readings_repeated: 2 * WIDTH + 1, readings_missed: 0 });
  });

  test('has the same device', () => {
    const { take } = createTaker();
    expect([take([1, 1], 'd1'), take([1, 1], 'd2'), take([1, 1], 'd1'), take([1, 1], 'd2')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test('has the same stamp; a number that is used again is another reading', () => {
    expect(takeAll([[5, 0], [5, 1], [5, 1], [5, 0], [5, 0.001]]).taken).toEqual([true, true, false, false, true]); // biome-ignore format: one line
  });
});

describe('a device whose counter restarts', () => {
  test.each([3, 40, 64, 65, 1_000, 100_000])(
    'after %d readings loses no reading, and no duplicate is accepted',
    (count) => {
      const first = upTo(count);
      const second = upTo(200, 0, 1e6);
      const { taken, missed } = takeAll([...first, ...second.flatMap((sent) => [sent, sent])].slice(-600));
      expect(taken.filter(Boolean).length).toBe(Math.min(count, 200) + 200);
      expect(missed).toBe(0);
    },
  );

  test('is distinguished from its earlier count, even if readings of that arrive in between', () => {
    const before = upTo(1_000);
    const stragglers = before.slice(-30);
    const { take, counters } = createTaker();
    for (const sent of before) take(sent);
    for (let i = 0; i < 30; i++) {
      expect(take([i, 2_000 + i])).toBe(true);
      expect(take(stragglers[i]!)).toBe(false);
    }
    // A reading that had not arrived yet. It does not change the count.
    expect(take([1_005, 1_005])).toBe(true);
    expect(take([30, 2_030])).toBe(true);
    expect(take([29, 2_029])).toBe(false);
    expect(counters.readings_missed).toBe(0);
  });

  test('may send readings out of order', () => {
    const { take, counters } = createTaker();
    for (const sent of upTo(50)) take(sent);
    const restarted: Sent[] = [[5, 105], [4, 104], [0, 100], [3, 103], [1, 101], [2, 102], [6, 106]]; // biome-ignore format: one line
    for (const sent of restarted) expect(take(sent)).toBe(true);
    for (const sent of restarted) expect(take(sent)).toBe(false);
    expect(counters.readings_missed).toBe(0);
  });

  test('loses nothing if its clock restarts too', () => {
    const { take } = createTaker();
    for (const sent of upTo(50, 0, 1_000)) take(sent);
    for (const sent of upTo(50, 0, 0)) expect(take(sent)).toBe(true);
  });
});

describe('a late reading', () => {
  test('that is older than the window is accepted once, and does not move the window', () => {
    const { take, counters } = createTaker();
    for (const sent of upTo(100, 1_000)) take(sent);
    for (const sent of upTo(200, 700)) {
      expect(take(sent)).toBe(true);
      expect(take(sent)).toBe(false);
    }
    expect(take([1_099, 1_099])).toBe(false);
    expect(take([1_100, 1_100])).toBe(true);
    expect(counters.readings_missed).toBe(0);
  });
});

describe('a gap', () => {
  test('is counted when its numbers have left the window', () => {
    const { take, counters } = createTaker();
    take([0, 0]);
    take([4, 4]);
    take([2, 2]);
    for (const sent of upTo(WIDTH - 4, 5)) take(sent);
    expect(counters.readings_missed).toBe(0);
    take([WIDTH + 1, WIDTH + 1]);
    expect(counters.readings_missed).toBe(1);
    expect(take([3, 3])).toBe(true);
    for (const sent of upTo(2 * WIDTH, WIDTH + 2)) take(sent);
    expect(counters.readings_missed).toBe(1);
  });

  test.each([65, 66, 1_000, 1e9])(
    'of %d and more counts what passes the window, and what was awaited in it',
    (jump) => {
      const { take, counters } = createTaker();
      take([0, 0]);
      take([2, 2]);
      take([2 + jump, 2 + jump]);
      // Number 1, and the numbers between 2 and the last 63, which may still arrive.
      expect(counters.readings_missed).toBe(1 + (jump - WIDTH));
      for (const sent of upTo(WIDTH, 3 + jump)) take(sent);
      expect(counters.readings_missed).toBe(1 + (jump - 1));
    },
  );

  test('is not counted before the first reading, nor when the counter restarts', () => {
    expect(takeAll(upTo(200, 5_000)).missed).toBe(0);
    expect(takeAll([...upTo(10), [12, 12], ...upTo(200, 0, 1_000)]).missed).toBe(0);
  });
});

describe('a counter that wraps', () => {
  test.each([256, 1_000, 65_536])('at %d continues, finds duplicates, and counts gaps', (modulus) => {
    const { take, counters } = createTaker(modulus);
    const sent = upTo(3 * modulus + 20, modulus - 20).map(([n, at]): Sent => [n % modulus, at]).slice(0, 1_500); // biome-ignore format: one line
    sent.forEach((each, i) => {
      if (i === 30 || i === 31) return;
      expect(take(each)).toBe(true);
      if (i >= 2) expect(take(sent[i - (i > 40 ? 2 : 0)]!)).toBe(false);
    });
    expect(counters.readings_missed).toBe(2);
  });
});

/** The expected results, from an oracle that remembers everything. */
const keyOf = ([n, stamp]: Sent) => `${n} ${stamp}`;

describe('random readings', () => {
  const number = fc.oneof(fc.nat(10), fc.nat(200), fc.nat(100_000), fc.constant(2 ** 53 - 1));
  const anything = fc.array(fc.tuple(number, fc.oneof(fc.nat(5), fc.nat(1_000))), { maxLength: 200, size: 'max' });

  test('a new reading is never mistaken for a duplicate', () => {
    fc.assert(
      fc.property(anything, fc.constantFrom(undefined, 256, 1_000), (all, modulus) => {
        const sent = all.map(([n, at]): Sent => [modulus === undefined ? n : n % modulus, at]);
        const came = new Set<string>();
        const { taken } = takeAll(sent, modulus);
        taken.forEach((isNew, i) => {
          if (!came.has(keyOf(sent[i]!))) expect(isNew).toBe(true);
          came.add(keyOf(sent[i]!));
        });
      }),
      { numRuns: 300, interruptAfterTimeLimit: 15_000 },
    );
  });

  /** Several counts, one after the other. Each is sent with losses and duplicates, and reordered by less than the window. */
  const course = fc
    .array(
      fc.record({
        from: fc.nat(300),
        sent: fc.array(
          fc.record({ times: fc.constantFrom(0, 1, 1, 1, 2, 3), delays: fc.array(fc.nat(60), { minLength: 3, maxLength: 3 }) }), // biome-ignore format: one line
          { minLength: 1, maxLength: 150, size: 'max' },
        ),
      }),
      { minLength: 1, maxLength: 3 },
    )
    .map((counts) =>
      counts.map(({ from, sent }, count) =>
        sent
          .flatMap(({ times, delays }, i) =>
            delays.slice(0, times).map((delay) => ({ at: i + delay, sent: [from + i, count * 10_000 + i] as Sent })),
          )
          .sort((a, b) => a.at - b.at)
          .map(({ sent }) => sent),
      ),
    );

  test('each reading is accepted exactly once, with duplicates, disorder and restarted counters', () => {
    fc.assert(
      fc.property(course, (counts) => {
        const all = counts.flat();
        const came = new Set<string>();
        const expected = all.map((sent) => {
          const isNew = !came.has(keyOf(sent));
          came.add(keyOf(sent));
          return isNew;
        });
        expect(takeAll(all).taken).toEqual(expected);
      }),
      { numRuns: 300, interruptAfterTimeLimit: 15_000 },
    );
  });

  test('the missed numbers are those between the first and the last that never arrived', () => {
    fc.assert(
      fc.property(course, ([sent = []]) => {
        fc.pre(sent.length > 0);
        const numbers = sent.map(([n]) => n);
        const last = Math.max(...numbers);
        // Numbers before the first one are no gap. The numbers after it push everything out of the window.
        const [first] = sent[0]!;
        const came = new Set(numbers);
        let missing = 0;
        for (let n = first + 1; n < last; n++) if (!came.has(n)) missing++;
        expect(takeAll([...sent, ...upTo(WIDTH, last + 1, 1_000)]).missed).toBe(missing);
      }),
      { numRuns: 300, interruptAfterTimeLimit: 15_000 },
    );
  });

  test('a restored state continues as if nothing had happened', () => {
    fc.assert(
      fc.property(anything, anything, (before, behind) => {
        const [one, other] = [createTaker(), createTaker()];
        for (const sent of before) one.take(sent);
        for (const [device, { numbering }] of one.devices) {
          const entry = JSON.parse(JSON.stringify(listNumbering(device, numbering!))) as NumberingEntry;
          other.devices.set(device, { numbering: restoreNumbering(entry) });
        }
        expect(other.devices).toEqual(one.devices);
        for (const sent of behind) expect(other.take(sent)).toBe(one.take(sent));
      }),
      { numRuns: 100 },
    );
  });
});
