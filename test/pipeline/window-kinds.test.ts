import { describe, expect, it } from 'vitest';
import { changes, createScript, play, type Script, START_AT, setUp, startFold, takeApart } from './kit.ts';

const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });
const isDoor = (value: boolean) => ({ all: [{ fact: 'door', operator: 'equal', value }] });

/** Fires with every window, so that each shows: the conditions hold and an alert may clear at once. */
function ruleOf(window: object, more: object = {}) {
  return {
    name: 'each',
    stream: 'sensors',
    window,
    facts: { n: { count: true }, sum: { sum: 'temp' } },
    conditions: above('n', 0),
    event: { type: 'test' },
    ...more,
  };
}
const SUM_OVER_9 = { conditions: above('sum', 9) };

function readings(script: Script, sent: readonly (readonly [at: number, temp: number, ahead?: number])[]): void {
  for (const [at, temp, ahead = 0] of sent) {
    script.now = at;
    script.reading('d1', { temp }, { ahead });
  }
}

/** When the record behind a row was received, in milliseconds since the script's beginning. */
function causes(script: Script, rows: readonly { readonly offset?: unknown }[]): string[] {
  return rows.map((row) => {
    const record = script.records[Number(row.offset)]!;
    return `${record.kind} ${record.at - START_AT}`;
  });
}

describe('a rule over a sliding window', () => {
  it('looks at each reading, back over the length, and says which readings it saw', () => {
    const script = createScript();
    readings(script, [
      [1_000, 4],
      [4_000, 4],
      [5_999.5, 4],
      [6_000, 0],
      [15_000, 4],
    ]);
    const result = play(setUp([ruleOf({ sliding: '5s' }, SUM_OVER_9)]), script);
    // At 6 000 the window is (1 000, 6 000].
    expect(changes(result, 'each')).toEqual(['firing 5999.5', 'resolved 6000']);
    expect(result.rows.alerts).toMatchObject([
      { evidence_from: START_AT + 1_000, evidence_to: START_AT + 5_999.5, facts: { n: '3', sum: '12' } },
      { evidence_from: START_AT + 4_000, evidence_to: START_AT + 6_000, facts: { n: '3', sum: '8' } },
    ]);
    expect(result.counters.windows_closed).toBe(5);
  });

  it('waits for older readings for its lateness, and no longer', () => {
    const script = createScript();
    readings(script, [
      [1_000, 1],
      [3_000, 1],
      [3_500, 10, -1_500],
      [3_600, 10, -2_700],
      [20_000, 0],
    ]);
    const result = play(setUp([ruleOf({ sliding: '5s', lateness: '2s' }, SUM_OVER_9)]), script);
    // 2 000 came in time, between 1 000 and 3 000; 900 did not: 1 600 had been passed.
    expect(result.rows.sensors!.map(({ late }) => late)).toEqual([false, false, false, true, false]);
    expect(result.rows.alerts).toMatchObject([{ time: START_AT + 2_000, facts: { n: '2', sum: '11' } }]);
    expect(result.counters.readings_late).toBe(1);
  });

  it('takes the readings that wait of a device that has gone quiet by ticks', () => {
    const script = createScript();
    readings(script, [[1_000, 20]]);
    script.tickUntil(30_000);
    const result = play(setUp([ruleOf({ sliding: '5s', lateness: '3s' })]), script);
    expect(causes(script, result.rows.alerts!)).toEqual(['tick 6000']);
    expect(result.rows.alerts).toMatchObject([{ time: START_AT + 1_000 }]);
  });

  it('looks at the readings of a group in their order, whichever device is first to speak', () => {
    const script = createScript();
    for (const now of [2_000, 4_000, 6_000]) {
      script.now = now;
      script.reading('d1', { temp: 1 });
      script.reading('d2', { temp: 5 }, { ahead: -1_000 });
      script.tick();
    }
    script.tickUntil(20_000);
    const result = play(setUp([ruleOf({ sliding: '1500ms' }, { per: ['site'], conditions: above('sum', 5) })]), script);
    // (−500, 1 000] 5, (500, 2 000] 6, (1 500, 3 000] 6, (2 500, 4 000] 6 and so on.
    expect(changes(result, 'each', 'north')).toEqual(['firing 2000']);
    expect(result.counters.windows_closed).toBe(6);
    expect(result.counters.readings_late).toBe(0);
  });
});

describe('a rule over sessions', () => {
  it('closes one with the reading that comes after the gap, or by ticks', () => {
    const script = createScript();
    readings(script, [
      [1_000, 1],
      [3_000, 1],
      [5_000, 1],
      [8_000, 30],
    ]);
    script.tickUntil(30_000);
    const result = play(setUp([ruleOf({ session: '3s' }, { conditions: above('sum', 9) })]), script);
    // [1 000, 8 000) sums up to 3; [8 000, 11 000) to 30, and its end is waited for two seconds more.
    expect(result.counters.windows_closed).toBe(2);
    expect(changes(result, 'each')).toEqual(['firing 11000']);
    expect(causes(script, result.rows.alerts!)).toEqual(['tick 13000']);
    expect(result.rows.alerts).toMatchObject([{ evidence_from: START_AT + 8_000, evidence_to: START_AT + 10_999.999 }]);
  });

  it('is one where a reading that came out of order is between two parts', () => {
    const script = createScript();
    readings(script, [
      [1_000, 1],
      [5_000, 1],
      [5_500, 1, -2_500],
      [20_000, 1],
    ]);
    script.tickUntil(21_500);
    const patient = play(setUp([ruleOf({ session: '3s', lateness: '3s' })]), {
      ...script,
      records: [...script.records],
    });
    expect(patient.rows.alerts).toMatchObject([{ time: START_AT + 8_000, facts: { n: '3' } }]);
    const strict = play(setUp([ruleOf({ session: '3s' })]), script);
    expect(strict.rows.alerts).toMatchObject([{ time: START_AT + 4_000, facts: { n: '1' } }]);
    expect(strict.counters.readings_late).toBe(1);
  });

  it('is over at its longest length, however fast readings come', () => {
    const script = createScript();
    for (let now = 0; now <= 10_000; now += 500) readings(script, [[now, 1]]);
    const result = play(setUp([ruleOf({ session: '3s', max: '4s' })]), script);
    expect(result.rows.alerts).toMatchObject([{ time: START_AT + 4_000, facts: { n: '8' } }]);
    expect(result.counters.windows_closed).toBe(2);
  });
});

describe('a rule over a number of readings', () => {
  it('closes a window when it is full, and one more after every hop, but none with time', () => {
    const script = createScript();
    readings(
      script,
      [1, 2, 3, 4, 5, 6, 7].map((temp) => [temp * 1_000, temp] as const),
    );
    script.tickUntil(100_000);
    const result = play(setUp([ruleOf({ count: 4, every: 2 }, { conditions: above('sum', 15) })]), script);
    expect(result.counters.windows_closed).toBe(2);
    expect(result.rows.alerts).toMatchObject([
      { time: START_AT + 6_000, evidence_from: START_AT + 3_000, evidence_to: START_AT + 6_000, facts: { sum: '18' } },
    ]);
  });

  it('counts those of a group as they arrive', () => {
    const script = createScript();
    script.now = 5_000;
    script.reading('d1', { temp: 1 });
    script.reading('d2', { temp: 2 }, { ahead: -3_600_000 });
    script.reading('d3', { temp: 4 }, { ahead: -1_000 });
    const result = play(setUp([ruleOf({ count: 3 }, { per: [] })]), script);
    expect(result.rows.alerts).toMatchObject([
      { time: START_AT + 5_000, evidence_from: START_AT - 3_595_000, facts: { n: '3', sum: '7' } },
    ]);
    expect(result.counters.readings_late).toBe(0);
  });
});

describe('a rule from one condition to another', () => {
  const window = { state: { from: isDoor(true), until: isDoor(false) }, max: '10s' };

  it('closes with the reading that meets the second, which is in it', () => {
    const script = createScript();
    for (const [now, door, temp] of [
      [1_000, false, 100],
      [2_000, true, 1],
      [3_000, true, 2],
      [4_000, false, 4],
      [5_000, false, 100],
    ] as const) {
      script.now = now;
      script.reading('d1', { door, temp });
    }
    script.tickUntil(60_000);
    const result = play(setUp([ruleOf(window)]), script);
    expect(result.rows.alerts).toMatchObject([
      { time: START_AT + 4_000, evidence_from: START_AT + 2_000, facts: { n: '3', sum: '7' }, offset: '5' },
    ]);
    expect(result.counters.windows_closed).toBe(1);
  });

  it('closes at its longest length by ticks where the second does not come', () => {
    const script = createScript();
    script.now = 1_000;
    script.reading('d1', { door: true, temp: 1 });
    script.tickUntil(60_000);
    const result = play(setUp([ruleOf(window)]), script);
    expect(result.rows.alerts).toMatchObject([{ time: START_AT + 11_000 }]);
    expect(causes(script, result.rows.alerts!)).toEqual(['tick 13000']);
  });

  it('that closed by ticks is closed for readings that come afterwards', () => {
    const script = createScript();
    script.now = 1_000;
    script.reading('d1', { door: true, temp: 1 });
    script.tickUntil(15_000);
    for (const ahead of [-4_001, -4_000]) script.reading('d1', { door: true, temp: 1 }, { ahead });
    script.tickUntil(60_000);
    const result = play(setUp([ruleOf(window)]), script);
    expect(result.rows.sensors!.map(({ late }) => late)).toEqual([false, true, false]);
    expect(result.counters.windows_closed).toBe(2);
  });
});

describe('a window that is open at a checkpoint', () => {
  it.each([
    [{ tumbling: '10s' }],
    [{ hopping: '12s', every: '2s' }],
    [{ sliding: '10s', lateness: '2s' }],
    [{ session: '3s', lateness: '1s' }],
    [{ count: 5, every: 3 }],
    [{ state: { from: above('temp', 3), until: above('temp', 8) }, max: '20s' }],
  ])('%j continues after it as if nothing had happened', (window) => {
    const setup = setUp([ruleOf(window, { conditions: above('sum', 20) })]);
    const script = createScript();
    readings(
      script,
      [1, 5, 3, 9, 2, 7, 4, 8, 6, 0].map((temp, i) => [1_000 * i + 500, temp, i % 3 === 2 ? -700 : 0] as const),
    );
    script.tickUntil(40_000);
    script.mark('cut');
    const whole = startFold(setup);
    whole.feed(script.records);
    const told = takeApart(setup, whole.outputs).rows.alerts!.map(({ id }) => id);
    expect(told.length).toBeGreaterThan(0);
    for (let at = 3; at < script.records.length; at += 4) {
      const first = startFold(setup);
      first.feed(script.records.slice(0, at));
      const second = startFold(setup, first.checkpoint());
      second.feed(script.records.slice(at));
      // Rows that were not cut at the checkpoint are lost with the first: events show what happened.
      const ids = [...first.outputs, ...second.outputs].flatMap((output) =>
        output.kind === 'event' ? [output.id] : [],
      );
      expect(ids.filter((id) => id.includes('.each.'))).toEqual(told);
    }
  });
});
