import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createScript, play, type Script, START_AT, setUp, startFold, takeApart } from './kit.ts';

const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });
const rule = (name: string, more: object) => ({
  name,
  stream: 'sensors',
  conditions: above('temp', 50),
  event: { type: name },
  ...more,
});

const RULES = [
  rule('plain', {}),
  rule('arrival', { order: 'arrival' }),
  rule('waits', { for: '2s', keepFiring: '2s' }),
  rule('waits-arrival', { order: 'arrival', for: '2s', keepFiring: '2s' }),
  rule('site', { per: ['site'] }),
  rule('site-waits', { per: ['site'], for: '2s', keepFiring: '2s', resolveAfter: '5s' }),
  rule('site-matches', {
    per: ['site'],
    for: { matches: 2, of: 3 },
    clear: { all: [{ fact: 'temp', operator: 'lessThan', value: 20 }] },
  }),
  rule('ladder', {
    conditions: undefined,
    per: ['site'],
    levels: [
      { severity: 'warning', conditions: above('temp', 50) },
      { severity: 'critical', conditions: above('temp', 80) },
    ],
  }),
  rule('window', { window: { tumbling: '2s' }, facts: { temp: { max: 'temp' } } }),
  rule('site-count', { per: ['site'], window: { count: 2 }, facts: { temp: { max: 'temp' } } }),
  rule('silent', { conditions: undefined, silence: '3s' }),
].map((each) => JSON.parse(JSON.stringify(each)));

const sensors = {
  topic: 'plant/{site}/{device}/data',
  format: 'ndjson',
  time: { path: 'ts', unit: 'ms' },
  fields: { temp: 'number', door: 'boolean' },
};

/** A message of one or several readings, which may have one stamp. */
const step = fc.record({
  device: fc.constantFrom('d1', 'd2', 'd3'),
  temps: fc.array(fc.option(fc.constantFrom(10, 60, 90), { nil: undefined }), { minLength: 1, maxLength: 4 }),
  ahead: fc.integer({ min: -8_000, max: 2_000 }),
  apart: fc.constantFrom(0, 0, 0, 1, 1_000),
  wait: fc.constantFrom(0, 0, 500, 1_000, 4_000),
});

function scriptOf(steps: Iterable<typeof step extends fc.Arbitrary<infer T> ? T : never>): Script {
  const script = createScript();
  script.now = 20_000;
  for (const { device, temps, ahead, apart, wait } of steps) {
    const readings = temps.map((temp, i) => {
      const ts = START_AT + script.now + ahead + i * apart;
      return JSON.stringify({ ts, ...(temp === undefined ? { door: true } : { temp }) });
    });
    script.message(`plant/north/${device}/data`, readings.join('\n'));
    script.tickUntil(script.now + wait);
  }
  return script;
}

it('no alert changes before its last change, nor twice at one instant by one record', () => {
  let passedOver = 0;
  let apart = 0;
  const setup = setUp(RULES, { streams: { sensors } });
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 40 }), fc.nat(), (steps, pick) => {
      const script = scriptOf(steps);
      const { rows, events, counters } = play(setup, script);
      passedOver += counters.readings_out_of_order;
      const last = new Map<string, { readonly micros: number; readonly offset: number }>();
      for (const row of rows.alerts ?? []) {
        const alert = `${row.rule} ${row.key}`;
        const micros = Math.round(Number(row.time) * 1_000);
        const offset = Number(row.offset);
        const before = last.get(alert) ?? { micros: 0, offset: -1 };
        if (before.offset === offset) expect(micros).toBeGreaterThan(before.micros);
        else expect(micros).toBeGreaterThanOrEqual(before.micros);
        if (micros === before.micros + 1) apart += 1;
        expect(Number(row.since)).toBeLessThanOrEqual(Number(row.time));
        expect(String(row.id).split('.')[5]).toBe(String(micros));
        last.set(alert, { micros, offset });
      }
      expect(new Set(rows.alerts!.map(({ id }) => id)).size).toBe(rows.alerts!.length);
      // A restart behind any record makes no difference to any instant.
      const after = pick % script.records.length;
      const first = startFold(setup);
      first.feed(script.records.slice(0, after));
      const second = startFold(setup, first.checkpoint());
      second.feed(script.records.slice(after));
      const restarted = takeApart(setup, [...first.outputs, ...second.outputs]).events;
      expect(restarted).toEqual(events);
      for (const { body } of events) {
        const { durationMs = 0 } = body.data as { durationMs?: number };
        expect(durationMs).toBeGreaterThanOrEqual(0);
      }
    }),
    { numRuns: 100 },
  );
  expect(passedOver).toBeGreaterThan(100);
  expect(apart).toBeGreaterThan(100);
});
