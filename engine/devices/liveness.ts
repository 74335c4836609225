/**
 * Time as far as we could have heard: it stands still while we are disconnected or stopped.
 *
 * Everything that waits for a device (silence, quiet windows) waits in live time, so that our own outage does not look like
 * a thousand dead devices. One clock per broker connection. Milliseconds since the journal began.
 */
export interface LiveClock {
  connected: boolean;
  liveMs: number;
  /** Receive time up to which `liveMs` has been counted; milliseconds since the epoch. */
  countedAt: number;
}

/** While we run, a tick comes every second; a longer step between two records means that we slept or the system clock jumped. */
export const LONGEST_STEP_MS = 5_000;

export function createLiveClock(): LiveClock {
  return { connected: false, liveMs: 0, countedAt: 0 };
}

/** Counts the time up to `at`. A clock set back counts nothing; one set ahead counts no more than the longest step. */
export function advanceLiveClock(clock: LiveClock, at: number): void {
  if (clock.connected && at > clock.countedAt) clock.liveMs += Math.min(at - clock.countedAt, LONGEST_STEP_MS);
  clock.countedAt = at;
}
