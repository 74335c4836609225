import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ClockStep, createReceiveClock } from '../../engine/runtime/receive-clock.ts';

const HOUR = 3_600_000;

/** A host whose clock can be set. */
function start(at = 1_000_000_000) {
  const host = { wallAt: at, steadyAt: 0 };
  const steps: number[] = [];
  const stepped: ClockStep[] = [];
  const clock = createReceiveClock({ now: () => host.wallAt, steady: () => host.steadyAt }, (step) => {
    steps.push(step.byMs);
    stepped.push(step);
  });
  const pass = (ms: number) => {
    host.wallAt += ms;
    host.steadyAt += ms;
    return clock.now();
  };
  return { host, steps, stepped, clock, pass };
}

test('follows the clock of the host, and its steps forward', () => {
  const { host, steps, pass } = start();
  expect(pass(1_000)).toBe(1_000_001_000);
  host.wallAt += HOUR;
  expect(pass(1_000)).toBe(1_000_002_000 + HOUR);
  expect(steps).toEqual([HOUR]);
});

test('continues when the clock is set back, a tenth slower until that clock has caught up', () => {
  const { host, steps, pass } = start();
  host.wallAt -= HOUR;
  expect(pass(10_000)).toBe(1_000_009_000);
  expect(pass(10_000)).toBe(1_000_018_000);
  expect(steps).toEqual([-HOUR]);
  pass(10 * HOUR - 20_000);
  expect(pass(1_000)).toBe(host.wallAt);
  expect(steps).toEqual([-HOUR]);
});

test('reports how far it was set forward, and how far it is ahead of the host', () => {
  const { host, stepped, clock, pass } = start();
  pass(5_000);
  host.wallAt += HOUR;
  pass(1_000);
  expect(stepped.at(-1)).toEqual({ byMs: HOUR, at: 1_000_006_000 + HOUR, steppedMs: HOUR });
  host.wallAt -= 2 * HOUR;
  pass(10_000);
  expect(stepped.at(-1)).toMatchObject({ byMs: -2 * HOUR, steppedMs: 0 });
  expect(clock.aheadMs).toBe(2 * HOUR - 1_000);
  // The step is smaller than the time it is ahead, so it does not follow.
  host.wallAt += HOUR;
  pass(10_000);
  expect(stepped.at(-1)).toMatchObject({ byMs: HOUR, steppedMs: 0 });
  expect(clock.aheadMs).toBe(HOUR - 2_000);
  host.wallAt += 2 * HOUR;
  pass(0);
  expect(stepped.at(-1)).toMatchObject({ byMs: 2 * HOUR, steppedMs: HOUR + 2_000 });
  expect(clock.aheadMs).toBe(0);
});

test('continues after the receive times of an earlier run', () => {
  const { steps, clock, pass } = start();
  clock.startAfter(1_000_000_000 + HOUR);
  expect(pass(1_000)).toBe(1_000_000_900 + HOUR);
  expect(steps).toEqual([-HOUR]);
});

test('never decreases', () => {
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
