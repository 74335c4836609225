/**
 * How far event time has come for one device.
 *
 * Each device has a watermark of its own, so that one fast clock cannot close the windows of a fleet. Its clock is taken to
 * run on with ours when it goes quiet, whatever its offset: a device an hour behind stays an hour behind.
 */
export interface Watermark {
  /** Greatest event time seen; -1 before the first reading. */
  eventAt: number;
  /** Live time of its connection (see devices/liveness) when its last reading arrived. */
  seenLiveMs: number;
  /** Index of the broker by which that came. */
  connection: number;
}

/** How much longer than its own clock says a quiet device is waited for: transport is not even. Milliseconds. */
export const QUIET_GRACE_MS = 2_000;

/** Where the device's clock must be by now at the least, judged by how long it has been quiet beyond `graceMs`. */
export function quietWatermark(mark: Watermark, liveMs: number, graceMs: number): number {
  const quietMs = liveMs - mark.seenLiveMs - QUIET_GRACE_MS - graceMs;
  return quietMs > 0 ? mark.eventAt + quietMs : mark.eventAt;
}

/** Live time at which a quiet device's watermark will have reached `eventAt`. */
export function quietUntil(mark: Watermark, eventAt: number, graceMs: number): number {
  return mark.seenLiveMs + QUIET_GRACE_MS + graceMs + Math.max(0, eventAt - mark.eventAt);
}

/**
 * The watermark of a group: the earliest of its devices' (see `quietWatermark`; an idle device moves on with time). A device further
 * behind than `maxBehindMs` does not hold the others back; its readings will be late for the group. Behind what: the furthest
 * device, but no clock that runs ahead of ours (`now`), lest one fast clock shut the others out.
 */
export function groupWatermark(watermarks: readonly number[], maxBehindMs: number, now: number): number {
  const furthest = watermarks.reduce((most, at) => Math.max(most, at), Number.NEGATIVE_INFINITY);
  const earliest = Math.min(furthest, now) - maxBehindMs;
  return watermarks.reduce((least, at) => (at >= earliest ? Math.min(least, at) : least), furthest);
}
