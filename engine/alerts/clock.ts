import type { MarkRecord } from '../model/record.ts';

/**
 * The clock for waits of alerts that do not depend on outcomes, such as re-notification. Plain data, milliseconds.
 * There is one for the whole engine. It advances only with ticks and never goes back.
 */
export interface AlertClock {
  /** Receive time of the last tick; -1 before the first. */
  at: number;
  /** Sum of the times between ticks, without steps of the host's clock. */
  elapsedMs: number;
  /** Heard time: the time in which every broker was connected, so that every message could be received. */
  heardMs: number;
  /** Live time of each connection at the last tick (see devices/liveness); null for a connection without live time. */
  liveMs: (number | null)[];
  /** Milliseconds by which receive time is ahead of the host's clock, according to the last mark. Absent: 0. */
  aheadMs?: number;
}

/** The clock before the first tick. */
export function createAlertClock(): AlertClock {
  return { at: -1, elapsedMs: 0, heardMs: 0, liveMs: [] };
}

/** Updates the clock with a mark that says something about the host's clock. */
export function followHostClock(clock: AlertClock, { mark, aheadMs, steppedMs = 0 }: MarkRecord): void {
  if (clock.at >= 0) clock.at += steppedMs;
  if (mark !== 'started' && mark !== 'cut' && mark !== 'clock-stepped') return;
  if (aheadMs === undefined) delete clock.aheadMs;
  else clock.aheadMs = aheadMs;
}

/** The time of the host's clock at a receive time. */
export function hostTime({ aheadMs = 0 }: AlertClock, receivedAt: number): number {
  return receivedAt - aheadMs;
}

/** Advances the clock to a tick. */
export function advanceAlertClock(clock: AlertClock, at: number, liveMs: readonly number[]): void {
  if (clock.at >= 0 && at > clock.at) clock.elapsedMs += at - clock.at;
  clock.at = at;
  let heardMs = Number.POSITIVE_INFINITY;
  liveMs.forEach((now, i) => {
    heardMs = Math.min(heardMs, now - (clock.liveMs[i] ?? now));
    clock.liveMs[i] = now;
  });
  if (heardMs < Number.POSITIVE_INFINITY) clock.heardMs += heardMs;
}
