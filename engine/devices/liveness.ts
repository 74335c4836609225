/**
 * Live time of a broker connection: time in which messages could be received. It does not advance while Weir is disconnected or stopped.
 *
 * Everything that waits for a device (silence, quiet windows) waits in live time, so that an outage of Weir does not look like
 * a thousand dead devices. Milliseconds since the journal began.
 */
export interface LiveClock {
  connected: boolean;
  liveMs: number;
  /** Receive time up to which `liveMs` has been counted; milliseconds since the epoch. */
  countedAt: number;
}

/** A longer step between two records counts as this much: ticks come every second, so the host slept or its clock jumped. */
export const LONGEST_STEP_MS = 5_000;

/** The clock of a connection before its first record. */
export function createLiveClock(): LiveClock {
  return { connected: false, liveMs: 0, countedAt: 0 };
}

/** Counts the time up to `at`. If the system clock was set back, nothing is counted. If it was set forward, at most `LONGEST_STEP_MS` is. */
export function advanceLiveClock(clock: LiveClock, at: number): void {
  if (clock.connected && at > clock.countedAt) clock.liveMs += Math.min(at - clock.countedAt, LONGEST_STEP_MS);
  clock.countedAt = at;
}
