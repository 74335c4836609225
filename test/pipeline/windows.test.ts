import { describe, expect, it } from 'vitest';
import { changes, createScript, play, START_AT, setUp } from './kit.ts';

const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });
const event = { type: 'test' };

const MEAN = {
  name: 'mean',
  stream: 'sensors',
  window: { tumbling: '10s' },
  facts: { mean: { mean: 'temp' }, peak: { max: 'temp' }, n: { count: true } },
  conditions: above('mean', 45),
  event: {
    type: 'overheating',
    params: { severity: 'critical', message: '{{device}} averages {{mean}}', runbook: 'r1' },
  },
};
/** Fires with every window that has a reading, so that each window shows. */
const EVERY = {
  name: 'every',
  stream: 'sensors',
  window: { tumbling: '10s' },
  facts: { n: { count: true }, sum: { sum: 'temp' } },
  conditions: above('n', 0),
  event,
};

describe('a rule over tumbling windows', () => {
  it('fires with the window that meets it and resolves with the first that does not, and says why', () => {
    const script = createScript();
    for (const [at, temp] of [
      [1_000, 40],
      [5_000, 44],
      [9_999, 48],
      [10_000, 50],
      [15_000, 47],
      [20_000, 20],
      [30_000, 20],
    ] as const) {
      script.now = at;
      script.reading('d1', { temp });
    }
    const { rows, events } = play(setUp([MEAN]), script);
    expect(rows.sensors!.map((row) => [(row.time as number) - START_AT, row.temp, row.late, row.offset])).toEqual([
      [1_000, 40, false, '2'],
      [5_000, 44, false, '3'],
      [9_999, 48, false, '4'],
      [10_000, 50, false, '5'],
      [15_000, 47, false, '6'],
      [20_000, 20, false, '7'],
      [30_000, 20, false, '8'],
    ]);
    expect(rows.alerts).toMatchObject([
      {
        id: `j0.7.mean.d1.firing.${(START_AT + 20_000) * 1_000}`,
        time: START_AT + 20_000,
        from_state: 'inactive',
        state: 'firing',
        severity: 'critical',
        key: 'd1',
        device: 'd1',
        since: START_AT + 20_000,
        message: 'd1 averages 48.5',
        facts: { device: '"d1"', mean: '48.5', peak: '50', n: '2' },
        evidence_from: START_AT + 10_000,
        // Both bounds belong to the evidence, the end of a window does not belong to it.
        evidence_to: START_AT + 19_999.999,
        offset: '7',
      },
      { time: START_AT + 30_000, from_state: 'firing', state: 'resolved', since: START_AT + 20_000, offset: '8' },
    ]);
    const alerts = events.filter(({ subject }) => subject === 'weir.alerts.critical.mean.d1');
    expect(alerts.map(({ id }) => id)).toEqual(rows.alerts!.map(({ id }) => id));
    expect(alerts[0]!.body).toMatchObject({
      type: 'weir.alert.firing',
      subject: 'd1',
      time: '2026-01-31T12:00:20.000Z',
      data: {
        rule: 'mean',
        state: 'firing',
        from: 'inactive',
        keyParts: { device: 'd1' },
        facts: { device: 'd1', mean: 48.5, peak: 50, n: 2 },
        conditions: [{ fact: 'mean', operator: 'greaterThan', value: 45, factValue: 48.5, result: true }],
        params: { runbook: 'r1' },
      },
    });
    expect(alerts[1]!.body.data).toMatchObject({
      state: 'resolved',
      durationMs: 10_000,
      facts: { mean: 20, n: 1 },
      conditions: [{ factValue: 20, result: false }],
    });
  });

  it('closes the last window of a quiet device by ticks, two seconds after its own clock has passed the end', () => {
    const script = createScript();
    script.now = 4_000;
    script.reading('d1', { temp: 60 });
    script.tickUntil(30_000);
    const result = play(setUp([MEAN]), script);
    expect(changes(result, 'mean')).toEqual(['firing 10000']);
    const [row] = result.rows.alerts!;
    const cause = script.records[Number(row!.offset)]!;
    expect([cause.kind, cause.at - START_AT]).toEqual(['tick', 12_000]);
  });

  it('waits with the windows of a quiet device while its broker is away', () => {
    const script = createScript();
    script.now = 4_000;
    script.reading('d1', { temp: 60 });
    script.tickUntil(6_000);
    script.mark('disconnected', 0);
    script.tickUntil(60_000);
    script.mark('connected', 0);
    const result = play(setUp([MEAN]), { ...script, records: [...script.records] });
    expect(result.rows.alerts).toEqual([]);
    script.tickUntil(70_000);
    const later = play(setUp([MEAN]), script);
    const cause = script.records[Number(later.rows.alerts![0]!.offset)]!;
    // Six of the eight seconds of waiting were left.
    expect(cause.at - START_AT).toBe(66_000);
  });

  it('holds for a device an hour behind as for any other', () => {
    const script = createScript();
    const ahead = -3_600_000;
    for (const [at, temp] of [
      [1_000, 50],
      [11_000, 20],
      [21_000, 20],
    ] as const) {
      script.now = at;
      script.reading('slow', { temp }, { ahead });
      script.reading('right', { temp });
    }
    script.tickUntil(40_000);
    const result = play(setUp([MEAN]), script);
    expect(changes(result, 'mean', 'right')).toEqual(['firing 10000', 'resolved 20000']);
    expect(changes(result, 'mean', 'slow')).toEqual(['firing -3590000', 'resolved -3580000']);
    expect(result.counters.readings_late).toBe(0);
  });

  it('lets one fast clock close no window but its own', () => {
    const script = createScript();
    script.now = 1_000;
    script.reading('d1', { temp: 50 });
    script.reading('fast', { temp: 50 }, { ahead: 200_000 });
    script.now = 2_000;
    script.reading('fast', { temp: 50 }, { ahead: 290_000 });
    script.reading('d1', { temp: 50 });
    script.now = 10_000;
    script.reading('d1', { temp: 20 });
    const result = play(setUp([EVERY]), script);
    expect(changes(result, 'every')).toEqual(['firing 210000', 'firing 10000']);
    expect(result.rows.alerts![1]!.facts).toMatchObject({ n: '2', sum: '100' });
    expect(result.rows.sensors!.every((row) => row.late === false)).toBe(true);
  });
});

describe('readings that come late', () => {
  it('are kept, marked and counted, and are in no window that has closed', () => {
    const script = createScript();
    for (const [now, ahead] of [
      [1_000, 0],
      [10_500, 0],
      [10_600, -700],
      [10_700, -10_000],
    ] as const) {
      script.now = now;
      script.reading('d1', { temp: 1 }, { ahead });
    }
    script.tickUntil(30_000);
    const lateness = { ...EVERY, name: 'patient', window: { tumbling: '10s', lateness: '1s' } };
    const strict = play(setUp([EVERY]), { ...script, records: [...script.records] });
    expect(strict.rows.sensors!.map((row) => row.late)).toEqual([false, false, true, true]);
    expect(strict.counters.readings_late).toBe(2);
    expect(strict.rows.alerts!.map((row) => (row.facts as Record<string, string>).n)).toEqual(['1']);
    const patient = play(setUp([lateness]), { ...script, records: [...script.records] });
    expect(patient.rows.sensors!.map((row) => row.late)).toEqual([false, false, false, false]);
    expect(patient.rows.alerts!.map((row) => (row.facts as Record<string, string>).n)).toEqual(['3']);
    // Nor does a second rule that waits make them any less late.
    expect(play(setUp([lateness, EVERY]), script).rows.sensors!.map((row) => row.late)).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  it('open no window again that ended long ago, even if it had been empty', () => {
    const script = createScript();
    script.reading('d1', { temp: 1 });
    script.now = 60_000;
    script.reading('d1', { temp: 1 });
    for (const ahead of [-45_000, -44_000, -25_000]) script.reading('d1', { temp: 1 }, { ahead });
    script.tickUntil(90_000);
    const result = play(setUp([EVERY]), script);
    expect(result.counters.readings_late).toBe(3);
    expect(result.counters.windows_closed).toBe(2);
  });
});

describe('a stamp too far ahead', () => {
  it('is set back to the receive time, said so in the table, and moves no clock', () => {
    const script = createScript();
    script.now = 1_000;
    script.reading('d1', { temp: 50 }, { ahead: 300_001 });
    script.now = 2_000;
    script.reading('d1', { temp: 50 });
    const result = play(setUp([MEAN]), script);
    expect(result.rows.sensors).toMatchObject([
      { time: START_AT + 1_000, received: START_AT + 1_000, clamped: true, late: false },
      { time: START_AT + 2_000, received: START_AT + 2_000, clamped: false, late: false },
    ]);
    expect(result.counters.readings_clamped).toBe(1);
    expect(result.rows.alerts).toEqual([]);
  });
});

describe('a rule over hopping windows', () => {
  it('shows a burst in every window that it falls into', () => {
    const rule = {
      ...EVERY,
      window: { hopping: '30s', every: '10s' },
      conditions: above('sum', 25),
    };
    const script = createScript();
    for (const [at, temp] of [
      [5_000, 10],
      [15_000, 20],
      [25_000, 1],
      [35_000, 1],
      [45_000, 1],
      [55_000, 1],
    ] as const) {
      script.now = at;
      script.reading('d1', { temp });
    }
    // Sums: [-20,10) 10, [-10,20) 30, [0,30) 31, [10,40) 22, [20,50) 3.
    expect(changes(play(setUp([rule]), script), 'every')).toEqual(['firing 20000', 'resolved 40000']);
  });
});

describe('a filter on readings', () => {
  it('keeps readings out of the windows, but not from moving the clock of their device', () => {
    const rule = { ...EVERY, where: { all: [{ fact: 'door', operator: 'equal', value: true }] } };
    const script = createScript();
    script.now = 1_000;
    script.reading('d1', { temp: 5, door: true });
    script.reading('d1', { temp: 7, door: false });
    script.now = 10_000;
    script.reading('d1', { temp: 7, door: false });
    const result = play(setUp([rule]), script);
    expect(result.rows.alerts).toMatchObject([{ facts: { n: '1', sum: '5' }, offset: '4' }]);
  });
});

describe('a rule over a group', () => {
  const SITE = { ...EVERY, name: 'site', per: ['site'] };

  it('waits for the slowest of its devices', () => {
    const script = createScript();
    for (const now of [3_000, 9_000, 10_500, 12_500]) {
      script.now = now;
      script.reading('d1', { temp: 1 });
      script.reading('d2', { temp: 10 }, { ahead: -2_000 });
      script.tick();
    }
    const result = play(setUp([SITE]), script);
    // d2 has passed the end with its stamp 10 500 at 12 500; until then its readings count.
    expect(result.rows.alerts).toMatchObject([{ key: 'north', device: '', facts: { n: '5', sum: '32' } }]);
    expect(Number(result.rows.alerts![0]!.offset)).toBe(13);
    expect(result.counters.readings_late).toBe(0);
  });

  it('continues without a device whose clock is too far behind, whose readings are late for it', () => {
    const script = createScript();
    for (let now = 1_000; now <= 25_000; now += 4_000) {
      script.now = now;
      script.reading('d1', { temp: 1 });
      script.tick();
      script.reading('slow', { temp: 10 }, { ahead: -3_600_000 });
    }
    const result = play(setUp([SITE]), script);
    expect(result.rows.alerts!.map((row) => row.facts)).toEqual([{ site: '"north"', n: '3', sum: '3' }]);
    expect(result.rows.sensors!.filter((row) => row.late).every((row) => row.device === 'slow')).toBe(true);
    expect(result.counters.readings_late).toBeGreaterThan(4);
  });

  it('does not wait for a device that has gone quiet longer than its clock would take', () => {
    const script = createScript();
    script.now = 1_000;
    script.reading('gone', { temp: 1 });
    for (let now = 2_000; now <= 20_000; now += 1_000) {
      script.now = now;
      script.reading('d1', { temp: 1 });
      script.tick();
    }
    const result = play(setUp([SITE]), script);
    const cause = script.records[Number(result.rows.alerts![0]!.offset)]!;
    expect(cause.at - START_AT).toBe(12_000);
  });

  it('keeps groups apart, and a device that moves is counted where it was', () => {
    const script = createScript();
    script.now = 1_000;
    script.reading('d1', { temp: 1 }, { site: 'a' });
    script.now = 2_000;
    script.reading('d1', { temp: 2 }, { site: 'b' });
    script.reading('d2', { temp: 4 }, { site: 'b' });
    script.tickUntil(30_000);
    const result = play(setUp([SITE]), script);
    expect(result.rows.alerts!.map((row) => [row.key, (row.facts as Record<string, string>).sum])).toEqual([
      ['a', '1'],
      ['b', '6'],
    ]);
  });
});
