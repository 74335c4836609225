/**
 * The latest event time of a key, and the time at which it was received; milliseconds. It detects jumps of a device's clock: the stamp then
 * advances more than time did.
 */
export interface KeyClock {
  /** The latest event time of its readings. */
  clockAt: number;
  /** Receive time of that reading. */
  clockReceivedAt: number;
  /** If that reading had no stamp (its event time is the receive time): the sum of the host clock's steps until then. -1: it had a stamp. */
  clockSteppedMs: number;
  /** Time to spare: time that passed without matching stamps. Readings that were buffered meanwhile may still arrive. */
  spareMs: number;
}

/**
 * A stamp may advance by this much more than time without a jump. The age of a device's first reading is unknown, and clocks are wrong by
 * some minutes.
 */
export const MAX_GAIN_MS = 300_000;

/**
 * Updates the clock with a reading; call it in the order of arrival. Returns true if the clock jumped: event time advanced more than the time
 * since the latest reading, the time to spare and `mostMs` together. An older reading changes nothing. Buffered readings consume the time to
 * spare. Stamps that advance like time also consume it, because such a device sends current readings. `steppedMs` is the sum of the host
 * clock's steps so far. A step is no time that passed. But for a device with stamps it may be time in which the host slept.
 */
export function followKeyClock(
  clock: KeyClock,
  at: number,
  receivedAt: number,
  steppedMs: number,
  hasStamp: boolean,
  mostMs: number,
): boolean {
  const { clockAt, clockSteppedMs } = clock;
  if (at <= clockAt) return false;
  const advanceMs = at - clockAt;
  const leapMs = clockSteppedMs < 0 ? 0 : steppedMs - clockSteppedMs;
  const sinceMs = receivedAt - clock.clockReceivedAt - leapMs;
  const gainMs = advanceMs - sinceMs;
  const jumped = gainMs > clock.spareMs + mostMs;
  const left = advanceMs > 2 * sinceMs ? clock.spareMs : Math.max(0, clock.spareMs - advanceMs);
  const spareMs = jumped ? 0 : Math.max(0, left - gainMs);
  clock.spareMs = spareMs;
  setKeyClock(clock, at, receivedAt, hasStamp ? -1 : steppedMs);
  return jumped;
}

/** Sets a clock to a reading, for example to the first one of its key. */
export function setKeyClock(clock: KeyClock, at: number, receivedAt: number, steppedMs: number): void {
  clock.clockAt = at;
  clock.clockReceivedAt = receivedAt;
  clock.clockSteppedMs = steppedMs;
}
