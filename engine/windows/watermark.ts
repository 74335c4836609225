/**
 * The watermark of one device: the latest event time of its readings.
 *
 * Each device has its own watermark, so that one fast clock cannot close the windows of a fleet. When a device becomes quiet, its clock is
 * assumed to advance like the engine's, with the same offset: a device that is an hour behind stays an hour behind.
 */
export interface Watermark {
  /** The latest event time; -1 before the first reading. */
  eventAt: number;
  /** Live time of its connection (see devices/liveness) when its last reading arrived. */
  seenLiveMs: number;
  /** Index of the broker that delivered that reading. */
  connection: number;
}

/** Extra time to wait for a quiet device, because transport delays vary. Milliseconds. */
export const QUIET_GRACE_MS = 2_000;

/** The earliest time that the device's clock can show now, from how long the device has been quiet beyond `graceMs`. */
export function quietWatermark(mark: Watermark, liveMs: number, graceMs: number): number {
  const quietMs = liveMs - mark.seenLiveMs - QUIET_GRACE_MS - graceMs;
  return quietMs > 0 ? mark.eventAt + quietMs : mark.eventAt;
}

/** Live time at which a quiet device's watermark will reach `eventAt`. */
export function quietUntil(mark: Watermark, eventAt: number, graceMs: number): number {
  return mark.seenLiveMs + QUIET_GRACE_MS + graceMs + Math.max(0, eventAt - mark.eventAt);
}

/**
 * The watermark of a group: the earliest watermark of its devices (see `quietWatermark`; an idle device advances with time). A device that is
 * more than `maxBehindMs` behind does not delay the others; its readings will be late for the group. `maxBehindMs` counts from the furthest
 * device, or from `now` if that is earlier, so that one fast clock does not exclude the others.
 */
export function groupWatermark(watermarks: readonly number[], maxBehindMs: number, now: number): number {
  const furthest = watermarks.reduce((most, at) => Math.max(most, at), Number.NEGATIVE_INFINITY);
  const earliest = Math.min(furthest, now) - maxBehindMs;
  return watermarks.reduce((least, at) => (at >= earliest ? Math.min(least, at) : least), furthest);
}
