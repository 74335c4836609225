/**
 * How far event time has come for a key, and how much time had passed by then. Plain data, milliseconds. It shows where the clock of a device
 * jumps: its stamp then goes further than time did.
 */
export interface KeyClock {
  /** The latest event time of its readings. */
  at: number;
  /** When that reading came. */
  receivedAt: number;
  /** Where that reading went by receive time: the steps forward of the host's clock by then, summed up. -1: it had a stamp of its own. */
  steppedMs: number;
  /** Time that passed without stamps to show for it: what was buffered meanwhile may still come. */
  spareMs: number;
}

/**
 * How much further than time a stamp may go without a jump. Nobody knows how old the first reading of a device was, and clocks are off by
 * some minutes.
 */
export const MAX_GAIN_MS = 300_000;

/**
 * Takes in a reading, in the order of arrival. Returns true if the clock jumped: event time went further than the time that passed since the
 * latest reading, the time to spare, and `mostMs` together. An older reading changes nothing. Buffered readings use the time to spare;
 * stamps that go as time goes use it up, for such a device sends what it measures now. `steppedMs` is the sum of the host's steps so far:
 * no time passes by them, but where a device has stamps of its own they may be time in which the host slept.
 */
export function followKeyClock(
  clock: KeyClock,
  at: number,
  receivedAt: number,
  steppedMs: number,
  hasStamp: boolean,
  mostMs: number,
): boolean {
  if (at <= clock.at) return false;
  const advanceMs = at - clock.at;
  const leapMs = clock.steppedMs < 0 ? 0 : steppedMs - clock.steppedMs;
  const sinceMs = receivedAt - clock.receivedAt - leapMs;
  const gainMs = advanceMs - sinceMs;
  const jumped = gainMs > clock.spareMs + mostMs;
  const left = advanceMs > 2 * sinceMs ? clock.spareMs : Math.max(0, clock.spareMs - advanceMs);
  const spareMs = jumped ? 0 : Math.max(0, left - gainMs);
  if (spareMs !== clock.spareMs) clock.spareMs = spareMs;
  clock.at = at;
  clock.receivedAt = receivedAt;
  clock.steppedMs = hasStamp ? -1 : steppedMs;
  return jumped;
}
