import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createReceiveClock } from '../../engine/runtime/receive-clock.ts';

const HOUR = 3_600_000;

/** A host whose clock can be set. */
function start(at = 1_000_000_000) {
  const host = { wallAt: at, steadyAt: 0 };
  const steps: number[] = [];
  const clock = createReceiveClock({ now: () => host.wallAt, steady: () => host.steadyAt }, (by) => steps.push(by));
  const pass = (ms: number) => {
    host.wallAt += ms;
    host.steadyAt += ms;
    return clock.now();
  };
  return { host, steps, clock, pass };
}

test('follows the clock of the host, and its steps forward', () => {
  const { host, steps, pass } = start();
  expect(pass(1_000)).toBe(1_000_001_000);
  host.wallAt += HOUR;
  expect(pass(1_000)).toBe(1_000_002_000 + HOUR);
  expect(steps).toEqual([HOUR]);
});

test('goes on when the clock is set back, a tenth slower until that has caught up', () => {
  const { host, steps, pass } = start();
  host.wallAt -= HOUR;
  expect(pass(10_000)).toBe(1_000_009_000);
  expect(pass(10_000)).toBe(1_000_018_000);
  expect(steps).toEqual([-HOUR]);
  pass(10 * HOUR - 20_000);
  expect(pass(1_000)).toBe(host.wallAt);
  expect(steps).toEqual([-HOUR]);
});

test('goes on behind what an earlier run has written', () => {
  const { steps, clock, pass } = start();
  clock.startAfter(1_000_000_000 + HOUR);
  expect(pass(1_000)).toBe(1_000_000_900 + HOUR);
  expect(steps).toEqual([-HOUR]);
});

test('never goes back', () => {
  const move = fc.record({ pass: fc.nat(100_000), step: fc.constantFrom(0, 0, -HOUR, HOUR, -5_000, -10) });
  fc.assert(
    fc.property(fc.array(move, { maxLength: 50 }), (moves) => {
      const { host, clock, pass } = start();
      let last = clock.now();
      for (const { pass: ms, step } of moves) {
        host.wallAt += step;
        const now = pass(ms);
        expect(now).toBeGreaterThanOrEqual(last);
        last = now;
      }
    }),
  );
});
