import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { advanceLiveClock, createLiveClock, LONGEST_STEP_MS } from '../../engine/devices/liveness.ts';

/** Live time of a clock that was connected at 10 000, after records at these instants. */
function liveAfter(instants: readonly number[]): number {
  const clock = { ...createLiveClock(), connected: true, countedAt: 10_000 };
  for (const at of instants) advanceLiveClock(clock, at);
  return clock.liveMs;
}

describe('the live clock', () => {
  it.each<[string, readonly number[], number]>([
    ['counts the time between records', [11_000, 12_000, 12_250], 2_250],
    ['counts nothing twice', [11_000, 11_000, 11_000], 1_000],
    ['counts the longest step in full', [10_000 + LONGEST_STEP_MS], LONGEST_STEP_MS],
    ['counts only the longest step for a jump ahead', [10_000_000, 10_001_000], LONGEST_STEP_MS + 1_000],
    ['counts nothing for a jump back, and continues from there', [11_000, 4_000, 5_000], 2_000],
  ])('%s', (_, instants, expected) => {
    expect(liveAfter(instants)).toBe(expected);
  });

  it('does not advance while disconnected', () => {
    const clock = createLiveClock();
    expect(clock.connected).toBe(false);
    for (let at = 0; at < 600_000; at += 1_000) advanceLiveClock(clock, at);
    expect(clock.liveMs).toBe(0);
    clock.connected = true;
    advanceLiveClock(clock, 599_700);
    expect(clock.liveMs).toBe(700);
  });

  it('never goes back, and is never faster than time', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(100_000)), (instants) => {
        const clock = { ...createLiveClock(), connected: true };
        let forward = 0;
        let before = 0;
        for (const at of instants) {
          const { liveMs } = clock;
          advanceLiveClock(clock, at);
          forward += Math.max(0, at - before);
          before = at;
          expect(clock.liveMs).toBeGreaterThanOrEqual(liveMs);
          expect(clock.liveMs - liveMs).toBeLessThanOrEqual(LONGEST_STEP_MS);
          expect(clock.liveMs).toBeLessThanOrEqual(forward);
        }
      }),
    );
  });
});
