import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createScript, play, setUp } from './kit.ts';

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

const step = fc.record({
  device: fc.constantFrom('d1', 'd2', 'd3'),
  temp: fc.option(fc.constantFrom(10, 60, 90), { nil: undefined }),
  ahead: fc.integer({ min: -8_000, max: 2_000 }),
  wait: fc.constantFrom(0, 0, 500, 1_000, 4_000),
});

it('no alert changes before its last change, whatever the order of stamps', () => {
  let passedOver = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 2, maxLength: 40 }), (steps) => {
      const script = createScript();
      script.now = 20_000;
      for (const { device, temp, ahead, wait } of steps) {
        script.reading(device, temp === undefined ? { door: true } : { temp }, { ahead });
        script.tickUntil(script.now + wait);
      }
      const { rows, events, counters } = play(setUp(RULES), script);
      passedOver += counters.readings_out_of_order;
      const last = new Map<string, number>();
      for (const { rule, key, time, since } of rows.alerts ?? []) {
        const alert = `${rule} ${key}`;
        expect(Number(time)).toBeGreaterThanOrEqual(last.get(alert) ?? 0);
        expect(Number(since)).toBeLessThanOrEqual(Number(time));
        last.set(alert, Number(time));
      }
      for (const { body } of events) {
        const { durationMs = 0 } = body.data as { durationMs?: number };
        expect(durationMs).toBeGreaterThanOrEqual(0);
      }
    }),
    { numRuns: 200 },
  );
  expect(passedOver).toBeGreaterThan(100);
});
