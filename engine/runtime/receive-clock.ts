import type { Clock } from '../ports.ts';

/** Gives receive times that never decrease, even if the clock of the host is set back. */
export interface ReceiveClock {
  /** The current receive time; milliseconds since the epoch. */
  now(): number;
  /** Sets the lower bound of all later instants: the latest receive time of earlier runs; milliseconds since the epoch. */
  startAfter(at: number): void;
  /** How far receive time is ahead of the host's clock, as of the last call; milliseconds. */
  readonly aheadMs: number;
}

/** A step of the host's clock, and its effect on receive time. */
export interface ClockStep {
  /** Size of the step; milliseconds, negative if the clock was set back. */
  readonly byMs: number;
  /** Receive time after the step; milliseconds since the epoch. */
  readonly at: number;
  /** How far the step moved receive time forward; milliseconds, 0 if it did not. */
  readonly steppedMs: number;
}

/** Larger differences are a step; smaller ones are usual corrections of a clock. */
export const STEP_MS = 1_000;
/** Speed of receive time while it is ahead of the host's clock: a difference of one hour disappears in ten hours. */
const SLOW = 0.9;

/**
 * Creates a clock that follows the host's clock, except for steps back. After a step back, receive time continues from its last value, a
 * little slower, until the host's clock has caught up. So windows and timers continue at once, and the records of the journal are in the
 * order of their receive times.
 *
 * `onStep` is called once for each step of more than a second, before the call that found the step returns.
 */
export function createReceiveClock(clock: Clock, onStep: (step: ClockStep) => void): ReceiveClock {
  let at = clock.now();
  let steadyAt = clock.steady();
  let aheadMs = 0;
  return {
    now() {
      const wallAt = clock.now();
      const elapsedMs = Math.max(0, clock.steady() - steadyAt);
      steadyAt += elapsedMs;
      const byMs = Math.round(wallAt - (at + elapsedMs - aheadMs));
      const slowAt = at + elapsedMs * (aheadMs > 0 ? SLOW : 1);
      at = wallAt >= at ? wallAt : at + elapsedMs * SLOW;
      aheadMs = Math.max(0, at - wallAt);
      const now = Math.floor(at);
      if (Math.abs(byMs) > STEP_MS) onStep({ byMs, at: now, steppedMs: Math.max(0, Math.round(at - slowAt)) });
      return now;
    },
    startAfter(earlierAt) {
      const wallAt = clock.now();
      if (earlierAt <= at) return;
      at = earlierAt;
      aheadMs = Math.max(0, at - wallAt);
      if (aheadMs > STEP_MS) onStep({ byMs: Math.round(-aheadMs), at, steppedMs: 0 });
    },
    get aheadMs() {
      return aheadMs;
    },
  };
}
