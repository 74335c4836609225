import type { Clock } from '../ports.ts';

/** Gives receive times that never go back, whatever the host's clock does. */
export interface ReceiveClock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** No later instant is behind this one: what an earlier run has written. */
  startAfter(at: number): void;
  /** By how much receive time is ahead of the host's clock, as of the last call; milliseconds. */
  readonly aheadMs: number;
}

/** A step of the host's clock, as receive time takes it. */
export interface ClockStep {
  /** Size of the step, milliseconds; below 0: back. */
  readonly byMs: number;
  /** Receive time behind it, and by how much it was set forward. */
  readonly at: number;
  readonly steppedMs: number;
}

/** A difference that is more than the usual correction of a clock. */
export const STEP_MS = 1_000;
/** Speed of time while it is ahead of the host's clock: an hour is made up for in ten. */
const SLOW = 0.9;

/**
 * The host's clock, but for its steps back: then time goes on from where it was, a little slower, until the host's clock has caught up. So
 * windows and timers go on at once, and records of the journal stand in the order of their times. A step forward is followed.
 *
 * `onStep` is called once for each step of more than a second, before the call that noticed it returns.
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
