import type { Clock } from '../ports.ts';

/** Gives receive times that never go back, whatever the host's clock does. */
export interface ReceiveClock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** No later instant is behind this one: what an earlier run has written. */
  startAfter(at: number): void;
}

/** A difference that is more than the usual correction of a clock. */
const STEP_MS = 1_000;
/** Speed of time while it is ahead of the host's clock: an hour is made up for in ten. */
const SLOW = 0.9;

/**
 * The host's clock, but for its steps back: then time goes on from where it was, a little slower, until the host's clock has caught up. So
 * windows and timers go on at once, and records of the journal stand in the order of their times. A step forward is followed.
 *
 * `onStep` is called once for each step of more than a second, with its size; below 0: back.
 */
export function createReceiveClock(clock: Clock, onStep: (byMs: number) => void): ReceiveClock {
  let at = clock.now();
  let steadyAt = clock.steady();
  let behindMs = 0;
  return {
    now() {
      const wallAt = clock.now();
      const elapsedMs = Math.max(0, clock.steady() - steadyAt);
      steadyAt += elapsedMs;
      const expectedAt = at + elapsedMs - behindMs;
      if (Math.abs(wallAt - expectedAt) > STEP_MS) onStep(Math.round(wallAt - expectedAt));
      at = wallAt >= at ? wallAt : at + elapsedMs * SLOW;
      behindMs = Math.max(0, at - wallAt);
      return Math.floor(at);
    },
    startAfter(earlierAt) {
      const wallAt = clock.now();
      if (earlierAt <= at) return;
      at = earlierAt;
      behindMs = Math.max(0, at - wallAt);
      if (behindMs > STEP_MS) onStep(Math.round(-behindMs));
    },
  };
}
