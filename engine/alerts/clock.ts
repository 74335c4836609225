import type { MarkRecord } from '../model/record.ts';

/**
 * The time that alerts wait in for themselves, with nobody's outcome to tell it: the ticks'. Plain data, milliseconds.
 * It belongs to the whole engine, moves with ticks alone and never goes back.
 */
export interface AlertClock {
  /** Receive time of the last tick; -1 before the first. */
  at: number;
  /** Time passed between ticks. A step of the host's clock is none. */
  elapsedMs: number;
  /** Time during which every broker was connected, so that whatever was sent could have been heard. */
  heardMs: number;
  /** Live time of each connection at the last tick (see devices/liveness); null for one that had none. */
  liveMs: (number | null)[];
  /** By how much receive time is ahead of the host's clock, as the last mark says; milliseconds. Absent: they agree. */
  aheadMs?: number;
}

export function createAlertClock(): AlertClock {
  return { at: -1, elapsedMs: 0, heardMs: 0, liveMs: [] };
}

/** Takes in what a mark says of the host's clock. */
export function seeHostClock(clock: AlertClock, { mark, aheadMs, steppedMs = 0 }: MarkRecord): void {
  if (clock.at >= 0) clock.at += steppedMs;
  if (mark !== 'started' && mark !== 'cut' && mark !== 'clock-stepped') return;
  if (aheadMs === undefined) delete clock.aheadMs;
  else clock.aheadMs = aheadMs;
}

/** The host's own time at a receive time. */
export function hostTime({ aheadMs = 0 }: AlertClock, receivedAt: number): number {
  return receivedAt - aheadMs;
}

/** Lets the time pass up to a tick. */
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
