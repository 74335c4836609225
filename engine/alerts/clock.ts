/**
 * The time that alerts wait in for themselves, with nobody's outcome to tell it: the ticks'. Plain data, milliseconds.
 * It belongs to the whole engine, moves with ticks alone and never goes back.
 */
export interface AlertClock {
  /** Receive time of the last tick; -1 before the first. */
  at: number;
  /** Time passed between ticks. A system clock that is set back makes none pass, one set ahead as much as it was set. */
  elapsedMs: number;
  /** Time during which every broker was connected, so that whatever was sent could have been heard. */
  heardMs: number;
  /** Live time of each connection at the last tick (see devices/liveness); null for one that had none. */
  liveMs: (number | null)[];
}

export function createAlertClock(): AlertClock {
  return { at: -1, elapsedMs: 0, heardMs: 0, liveMs: [] };
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
