import { describe, expect, it } from 'vitest';
import { createScript, play, START_AT, setUp } from './kit.ts';

const MEAN = {
  name: 'mean',
  stream: 'sensors',
  window: { tumbling: '10s' },
  facts: { n: { count: true } },
};
const FIVE_MINUTES = 300_000;
const counts = (rows: readonly Record<string, unknown>[]) =>
  rows.map(({ facts }) => Number((facts as Record<string, unknown>).n));

describe('a clock that is ahead by about as much as a stamp may be', () => {
  /** A reading a second, `ahead` of our clock by turns. */
  const readings = (seconds: number, ...ahead: readonly number[]) => {
    const script = createScript();
    for (let i = 1; i <= seconds; i++) {
      script.tickUntil(i * 1_000);
      script.reading('d1', { temp: 1 }, { ahead: ahead[i % ahead.length]! });
    }
    return script;
  };

  it('is taken to be too far ahead all the time, so that nothing is late', () => {
    const { rows, counters } = play(setUp([MEAN]), readings(60, FIVE_MINUTES - 50, FIVE_MINUTES + 50));
    expect(counters).toMatchObject({ readings_late: 0, readings_clamped: 60 });
    expect(
      counts(rows.facts!)
        .slice(1, -1)
        .every((n) => n === 10),
    ).toBe(true);
  });

  it('is believed again once it is clearly right', () => {
    const script = readings(10, FIVE_MINUTES + 50);
    for (const ahead of [FIVE_MINUTES - 50, 240_001, 239_000, FIVE_MINUTES - 50]) {
      script.tickUntil(script.now + 1_000);
      script.reading('d1', { temp: 1 }, { ahead });
    }
    const { rows } = play(setUp([MEAN]), script);
    expect(rows.sensors!.slice(-4).map(({ clamped }) => clamped)).toEqual([true, true, false, false]);
  });

  it('is remembered in a checkpoint, and for no other device', () => {
    const script = readings(5, FIVE_MINUTES + 50);
    script.reading('d2', { temp: 1 }, { ahead: 1_000 });
    script.reading('d1', { temp: 1 }, { ahead: FIVE_MINUTES - 50 });
    const { rows } = play(setUp([MEAN]), script);
    expect(rows.sensors!.map(({ clamped }) => clamped)).toEqual([true, true, true, true, true, false, true]);
  });
});

describe('a stamp that is older than the stream keeps', () => {
  const config = {
    streams: {
      sensors: {
        topic: 'plant/{site}/{device}/data',
        format: 'json',
        time: { path: 'ts', unit: 'ms' },
        fields: { temp: 'number', door: 'boolean', mode: 'string' },
        retain: '30d',
      },
    },
  };
  const DAY = 86_400_000;

  it('is a dead letter with the reason, and its neighbours are stored', () => {
    const script = createScript();
    const now = START_AT;
    for (const ts of [now, now - 29 * DAY, now - 31 * DAY, Date.UTC(2000, 0, 1)]) {
      script.message('plant/a/d1/data', JSON.stringify({ ts, temp: 1 }));
    }
    const { rows, counters } = play(setUp([], config), script);
    expect(rows.sensors).toHaveLength(2);
    expect(rows.dead_letters).toMatchObject([
      { reason: 'expired', detail: expect.stringContaining('is older than the 30 days that the stream keeps') },
      { reason: 'expired', detail: expect.stringContaining('2000-01-01') },
    ]);
    expect(counters.rejected).toBe(2);
  });
});
