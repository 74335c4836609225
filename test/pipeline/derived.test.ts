import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changes, createScript, play, START_AT, setUp, startFold, takeApart } from './kit.ts';

const always = (fact: string) => ({ all: [{ fact, operator: 'notEqual', value: 'nothing' }] });
const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });
const STREAM = {
  topic: 'plant/{site}/{device}/data',
  format: 'json',
  time: { path: 'ts', unit: 'ms' },
  fields: {
    temp: { type: 'number', unit: '°C' },
    power: { type: 'number', unit: 'W' },
    voltage: { type: 'number', unit: 'V' },
    mode: 'string',
  },
};
const CONFIG = { streams: { sensors: STREAM } };

/** A rule that is raised by every reading, and resolved by none: its alert's facts are those of the first. */
const rule = (more: object) => ({
  name: 'r',
  stream: 'sensors',
  event: { type: 'r', params: { message: 'm' } },
  ...more,
});

/** Facts of each alert raised, where every other reading (`mode: "off"`) resolves it. */
function factsOf(facts: object, send: (script: ReturnType<typeof createScript>) => void, more: object = {}) {
  const setup = setUp([rule({ facts, conditions: always('device'), clear: always('device'), ...more })], CONFIG);
  const script = createScript();
  send(script);
  return play(setup, script)
    .events.filter((event) => event.body.type === 'weir.alert.firing')
    .map((event) => event.body.data);
}

describe('a rule with running facts', () => {
  const jump = rule({
    facts: { rise: { delta: 'temp' } },
    conditions: above('rise', 5),
    event: {
      type: 'jump',
      params: { message: '{{device}} rose by {{rise}} {{rise.unit}} to {{temp}} {{ temp.unit }}' },
    },
  });

  it('compares each reading with the one before of its own key, and says so with units', () => {
    const script = createScript();
    for (const [device, temp] of [
      ['d1', 20],
      ['d2', 40],
      ['d1', 24],
      ['d2', 41],
      ['d1', 30.5],
      ['d1', 31],
    ] as const) {
      script.now += 1_000;
      script.reading(device, { temp });
    }
    const { events, rows } = play(setUp([jump], CONFIG), script);
    const alerts = events.filter(({ subject }) => subject.startsWith('weir.alerts'));
    expect(alerts.map(({ body }) => body.type)).toEqual(['weir.alert.firing', 'weir.alert.resolved']);
    const { data } = alerts[0]!.body;
    expect(data.message).toBe('d1 rose by 6.5 °C to 30.5 °C');
    expect(data.facts).toEqual({
      device: 'd1',
      site: 'north',
      temp: 30.5,
      power: null,
      voltage: null,
      mode: null,
      rise: 6.5,
    });
    expect(data.units).toEqual({ temp: '°C', power: 'W', voltage: 'V', rise: '°C' });
    expect(data.conditions).toEqual([
      { fact: 'rise', operator: 'greaterThan', value: 5, factValue: 6.5, result: true },
    ]);
    // The reading before is part of the evidence.
    expect(data.evidence).toMatchObject({ from: '2026-01-31T12:00:03.000Z', to: '2026-01-31T12:00:05.000Z' });
    expect(rows.alerts!.map((row) => row.message)).toEqual([data.message, 'd1 rose by 0.5 °C to 31 °C']);
  });

  it('does not look at a reading that is older than the newest of its key, which is counted and stored', () => {
    const script = createScript();
    script.tickUntil(10_000);
    script.reading('d1', { temp: 20 });
    script.reading('d1', { temp: 90 }, { ahead: -2_000 });
    script.reading('d2', { temp: 20 }, { ahead: -2_000 });
    script.reading('d1', { temp: 24 });
    script.now += 1_000;
    script.reading('d1', { temp: 30 });
    const result = play(setUp([jump, { ...jump, name: 'twice' }], CONFIG), script);
    expect(changes(result, 'r')).toEqual(['firing 11000']);
    expect(result.counters.readings_out_of_order).toBe(1);
    expect(result.rows.sensors!.map((row) => row.temp)).toEqual([20, 90, 20, 24, 30]);
  });

  it('takes a reading out of order where the rule says so, and it only calculates', () => {
    const calculated = { facts: { double: { multiply: ['temp', 2] } }, conditions: above('double', 100) };
    const heavy = rule({ ...calculated, order: 'arrival' });
    const ordered = rule({ ...calculated, name: 'ordered' });
    const script = createScript();
    script.tickUntil(10_000);
    script.reading('d1', { temp: 20 });
    script.reading('d1', { temp: 90 }, { ahead: -2_000 });
    const result = play(setUp([heavy, ordered], CONFIG), script);
    expect(changes(result, 'r')).toEqual(['firing 8000']);
    expect(changes(result, 'ordered')).toEqual([]);
    expect(result.counters.readings_out_of_order).toBe(1);
    expect(result.rows.sensors!.map(({ late }) => late)).toEqual([false, true]);
  });

  it('passes over readings without the field, and those that `where` leaves out', () => {
    const script = createScript();
    for (const fields of [{ temp: 20 }, { power: 1 }, { temp: 90, mode: 'test' }, { temp: 24 }, { temp: 30 }]) {
      script.now += 1_000;
      script.reading('d1', fields);
    }
    const where = { all: [{ fact: 'mode', operator: 'notEqual', value: 'test' }] };
    expect(changes(play(setUp([{ ...jump, where, missing: 'undefined' }], CONFIG), script), 'r')).toEqual([
      'firing 5000',
    ]);
  });

  it('follows the readings of a group together', () => {
    const row = rule({
      per: ['site'],
      facts: { hot: { inARow: above('temp', 45) } },
      conditions: { all: [{ fact: 'hot', operator: 'greaterThanInclusive', value: 3 }] },
    });
    const script = createScript();
    for (const [device, temp] of [
      ['d1', 50],
      ['d2', 50],
      ['d1', 40],
      ['d1', 50],
      ['d2', 50],
      ['d3', 50],
    ] as const) {
      script.now += 1_000;
      script.reading(device, { temp });
    }
    expect(changes(play(setUp([row], CONFIG), script), 'r')).toEqual(['firing 6000']);
  });

  it('keeps its state through a checkpoint, and starts from the start once the rule means something else', () => {
    const script = createScript();
    script.reading('d1', { temp: 20 });
    script.mark('cut');
    const before = script.records.length;
    script.now += 1_000;
    script.reading('d1', { temp: 30 });
    script.mark('cut');
    const setup = setUp([jump], CONFIG);
    const first = startFold(setup);
    first.feed(script.records.slice(0, before));
    for (const [rules, raised] of [
      [[jump], 1],
      [[{ ...jump, priority: 2 }], 0],
    ] as const) {
      const next = setUp(rules, CONFIG);
      const fold = startFold(next, first.checkpoint());
      fold.feed(script.records.slice(before));
      expect(takeApart(next, fold.outputs).rows.alerts).toHaveLength(raised);
    }
  });

  it('has units for what follows one field, none for what has none', () => {
    const [data] = factsOf(
      {
        before: { previous: 'temp' },
        speed: { rate: 'temp', per: '1m' },
        fast: { rate: 'power' },
        odd: { rate: 'temp', per: '90s' },
        smooth: { ewma: 'temp', halfLife: '5m' },
        z: { zscore: 'temp', halfLife: '1h' },
        robust: { mad: 'temp', horizon: '1h' },
        stuck: { unchangedFor: 'mode' },
        gap: { silentFor: true },
        row: { inARow: above('temp', 1) },
        product: { multiply: ['voltage', 'power'] },
        sum: { add: ['temp', 'before'] },
        mixed: { add: ['temp', 'power'] },
        kelvin: { add: ['temp', 273.15] },
        capped: { min: ['size', 100] },
        size: { abs: { subtract: ['temp', 'before'] } },
        whole: { round: 'speed', digits: 1 },
      },
      (script) => script.reading('d1', { temp: 20 }),
    );
    expect(data.units).toEqual({
      ...{ temp: '°C', power: 'W', voltage: 'V' },
      ...{ before: '°C', speed: '°C/min', fast: 'W/s', odd: '°C/90s', smooth: '°C', stuck: 's', gap: 's' },
      ...{ sum: '°C', size: '°C', capped: '°C', whole: '°C/min' },
    });
  });

  it('calculates in whichever order the facts are written, over fields and running facts', () => {
    const numbers = fc.integer({ min: -20, max: 20 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(numbers, numbers), { minLength: 2, maxLength: 2 }),
        fc.boolean(),
        (pairs, reverse) => {
          const facts: [string, object][] = [
            ['apparent', { multiply: ['voltage', 'power'] }],
            ['share', { divide: ['apparent', 'sum'] }],
            ['sum', { add: ['apparent', 'change', 1] }],
            ['change', { delta: 'power' }],
          ];
          const [[v1, p1], [v2, p2]] = pairs as [[number, number], [number, number]];
          const send = (script: ReturnType<typeof createScript>) => {
            script.reading('d1', { voltage: v1, power: p1, mode: 'off' });
            script.reading('d1', { voltage: v2, power: p2, mode: 'on' });
          };
          const on = { all: [{ fact: 'mode', operator: 'equal', value: 'on' }] };
          const [data] = factsOf(Object.fromEntries(reverse ? facts.toReversed() : facts), send, { conditions: on });
          const sum = v2 * p2 + (p2 - p1) + 1;
          expect(data.facts).toMatchObject({ apparent: v2 * p2 + 0, change: p2 - p1, sum });
          expect(data.facts.share).toBe(sum === 0 ? null : JSON.parse(JSON.stringify((v2 * p2) / sum)));
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('a rule with a window and calculations', () => {
  it('calculates over the facts of the window, and shows units', () => {
    const spread = rule({
      window: { tumbling: '10s' },
      facts: {
        centre: { divide: [{ add: ['low', 'high'] }, 2] },
        swing: { subtract: ['high', 'low'] },
        low: { min: 'temp' },
        high: { max: 'temp' },
        n: { count: true },
        perReading: { divide: ['swing', 'n'] },
        slope: { slope: 'temp', per: '1m' },
      },
      conditions: above('swing', 5),
      event: { type: 'r', params: { message: 'moved by {{swing}} {{swing.unit}} around {{centre}}' } },
    });
    const script = createScript();
    script.reading('d1', { temp: 20 });
    script.now = 5_000;
    script.reading('d1', { temp: 30 });
    script.now = 12_000;
    script.reading('d1', { temp: 30 });
    const { events } = play(setUp([spread], CONFIG), script);
    const { data } = events.find(({ body }) => body.type === 'weir.alert.firing')!.body;
    expect(data.message).toBe('moved by 10 °C around 25');
    expect(data.facts).toMatchObject({ centre: 25, swing: 10, low: 20, high: 30, n: 2, perReading: 5 });
    expect(data.units).toEqual({ swing: '°C', low: '°C', high: '°C', slope: '°C/min' });
    expect(data.at).toBe(new Date(START_AT + 10_000).toISOString());
  });
});
