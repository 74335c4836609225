import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ClockStep, createReceiveClock } from '../../engine/runtime/receive-clock.ts';

const HOUR = 3_600_000;

/** A host whose clock can be set. */
function start(at = 1_000_000_000) {
  const host = { wallAt: at, steadyAt: 0 };
  const steps: number[] = [];
  const told: ClockStep[] = [];
  const clock = createReceiveClock({ now: () => host.wallAt, steady: () => host.steadyAt }, (step) => {
    steps.push(step.byMs);
    told.push(step);
  });
  const pass = (ms: number) => {
    host.wallAt += ms;
    host.steadyAt += ms;
    return clock.now();
  };
  return { host, steps, told, clock, pass };
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

test('says how far it was set forward, and how far it is ahead of the host', () => {
  const { host, told, clock, pass } = start();
  pass(5_000);
  host.wallAt += HOUR;
  pass(1_000);
  expect(told.at(-1)).toEqual({ byMs: HOUR, at: 1_000_006_000 + HOUR, steppedMs: HOUR });
  host.wallAt -= 2 * HOUR;
  pass(10_000);
  expect(told.at(-1)).toMatchObject({ byMs: -2 * HOUR, steppedMs: 0 });
  expect(clock.aheadMs).toBe(2 * HOUR - 1_000);
  // Half of what it is ahead, so it follows nothing.
  host.wallAt += HOUR;
  pass(10_000);
  expect(told.at(-1)).toMatchObject({ byMs: HOUR, steppedMs: 0 });
  expect(clock.aheadMs).toBe(HOUR - 2_000);
  host.wallAt += 2 * HOUR;
  pass(0);
  expect(told.at(-1)).toMatchObject({ byMs: 2 * HOUR, steppedMs: HOUR + 2_000 });
  expect(clock.aheadMs).toBe(0);
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
