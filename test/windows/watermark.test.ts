import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupWatermark, QUIET_GRACE_MS, quietUntil, quietWatermark } from '../../engine/windows/watermark.ts';

describe('the watermark of a quiet device', () => {
  it.each([
    [0, 50_000],
    [QUIET_GRACE_MS, 50_000],
    [QUIET_GRACE_MS + 1, 50_001],
    [QUIET_GRACE_MS + 60_000, 110_000],
  ])('after %d ms of live time without a reading is %d', (quietMs, expected) => {
    expect(quietWatermark({ eventAt: 50_000, seenLiveMs: 7_000, connection: 0 }, 7_000 + quietMs, 0)).toBe(expected);
  });

  it('reaches an instant exactly at the predicted live time', () => {
    const stamp = fc.tuple(fc.nat(2e9), fc.nat(999)).map(([ms, us]) => 1_769_000_000_000 + ms + us / 1_000);
    fc.assert(
      fc.property(stamp, fc.nat(1e9), fc.nat(120_000), fc.nat(400_000), fc.nat(60_000), (...drawn) => {
        const [eventAt, seenLiveMs, ahead, quietMs, graceMs] = drawn;
        const mark = { eventAt, seenLiveMs, connection: 0 };
        const end = Math.ceil(eventAt) + ahead;
        fc.pre(end > eventAt);
        const liveMs = seenLiveMs + quietMs;
        expect(quietWatermark(mark, liveMs, graceMs) >= end).toBe(liveMs >= quietUntil(mark, end, graceMs));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is waited for only for the grace time if the instant has already passed', () => {
    expect(quietUntil({ eventAt: 50_000, seenLiveMs: 7_000, connection: 0 }, 40_000, 0)).toBe(7_000 + QUIET_GRACE_MS);
  });
});

describe('the watermark of a group', () => {
  it.each<[readonly number[], number, number, number?]>([
    [[100], 50, 100],
    [[100, 60], 50, 60],
    [[100, 50], 50, 50],
    [[100, 49], 50, 100],
    [[49, 100, 60], 50, 60],
    [[], 50, Number.NEGATIVE_INFINITY],
    // The engine's clock shows 100. The device at 140 is fast, and excludes no other device.
    [[140, 60], 50, 60, 100],
    [[140, 49], 50, 140, 100],
    [[140, 120], 50, 120, 100],
  ])('of devices at %j that may be %d behind is %d', (watermarks, maxBehindMs, expected, now = 1_000) => {
    expect(groupWatermark(watermarks, maxBehindMs, now)).toBe(expected);
  });
});
