import { describe, expect, it } from 'vitest';
import { createScript, play, type Script, START_AT, setUp } from './kit.ts';

const ANY = { all: [{ fact: 'temp', operator: 'greaterThan', value: 0 }] };
const event = { type: 'x', params: { message: 'x' } };
const RULES = [
  { name: 'reading', stream: 'sensors', conditions: ANY, event },
  {
    name: 'window',
    stream: 'sensors',
    window: { tumbling: '5s' },
    facts: { temp: { max: 'temp' } },
    conditions: ANY,
    event,
  },
  { name: 'silent', stream: 'sensors', silence: '3s', event },
  { name: 'view', stream: 'sensors', window: { tumbling: '5s' }, facts: { temp: { max: 'temp' } } },
];
const topic = 'plant/north/d1/data';
const HOUR_AGO = -3_600_000;

describe('a message that is redriven', () => {
  it('is a row, late and as of its first receive time, and nothing else', () => {
    const script = createScript();
    script.message(topic, `{"ts":${START_AT + HOUR_AGO - 5},"temp":60}`, 0, { redrivenFrom: HOUR_AGO });
    script.tickUntil(60_000);
    const { rows, events } = play(setUp(RULES), script);
    expect(rows.sensors).toMatchObject([
      { device: 'd1', time: START_AT + HOUR_AGO - 5, received: START_AT + HOUR_AGO, temp: 60, late: true, offset: '2' },
    ]);
    expect([rows.alerts, rows.devices, rows.facts, events]).toEqual([[], [], [], []]);
  });

  it('has the id and the time that it would have had at first, with and without a stamp of its own', () => {
    for (const time of [{ path: 'ts', unit: 'ms' }, undefined]) {
      const config = {
        streams: { sensors: { topic: 'plant/{site}/{device}/data', format: 'json', time, fields: { temp: 'number' } } },
      };
      const [first, again] = [createScript(), createScript()];
      const payload = `{"ts":${START_AT + 7},"temp":60}`;
      first.now = 1_000;
      first.message(topic, payload);
      again.now = 90_000;
      again.message(topic, payload, 0, { redrivenFrom: 1_000 });
      const [one, other] = [first, again].map((script) => play(setUp([], config), script).rows.sensors![0]!);
      expect(other).toEqual({ ...one, late: true });
      expect(one!.time).toBe(START_AT + (time === undefined ? 1_000 : 7));
    }
  });

  it('that still fails is a dead letter of its own, and no event', () => {
    const script = createScript();
    script.message(topic, '{"ts":', 0, { redrivenFrom: HOUR_AGO });
    const { rows, events } = play(setUp(RULES), script);
    expect(rows.dead_letters).toMatchObject([
      { reason: 'malformed', time: START_AT + HOUR_AGO, offset: '2', payload: '{"ts":', retried: null },
    ]);
    expect(events).toEqual([]);
  });

  it.each([
    ['a tick', (script: Script) => script.tick()],
    ['a message', (script: Script) => script.reading('d2', { temp: 1 })],
    ['a start', (script: Script) => script.mark('started')],
  ])('is expired if it has become too old while it waited, by the time of %s', (_what, pass) => {
    const DAY = 86_400_000;
    const sensors = { topic: 'plant/{site}/{device}/data', format: 'json', fields: { temp: 'number' }, retain: '30d' };
    const script = createScript();
    const from = { redrivenFrom: 0 };
    script.message(topic, '{"temp":1}', 0, from);
    script.now = 30 * DAY;
    pass(script);
    script.message(topic, '{"temp":2}', 0, from);
    script.now = 30 * DAY + 1;
    pass(script);
    script.message(topic, '{"temp":3}', 0, from);
    const { rows, counters } = play(setUp([], { streams: { sensors } }), script);
    expect(rows.sensors!.filter(({ device }) => device === 'd1').map(({ temp }) => temp)).toEqual([1, 2]);
    expect(rows.dead_letters).toMatchObject([{ reason: 'expired', payload: '{"temp":3}' }]);
    expect(counters.rejected).toBe(1);
  });

  it('does not say that a device is online or offline, and moves no clock', () => {
    const script = createScript();
    script.reading('d1', { temp: -1 });
    script.message('plant/north/d1/status', 'offline', 0, { redrivenFrom: HOUR_AGO });
    // From tomorrow: would it count as now, the silence of d1 would be over at once, or its timer run out.
    script.message(topic, `{"ts":${START_AT},"temp":60}`, 0, { redrivenFrom: 86_400_000 });
    script.tickUntil(2_000);
    script.message(topic, `{"ts":${START_AT},"temp":60}`, 0, { redrivenFrom: 2_000 });
    script.tickUntil(4_000);
    const { rows } = play(setUp(RULES), script);
    expect(rows.devices).toMatchObject([
      { online: true, time: START_AT },
      { online: false, reason: 'silence', time: START_AT + 3_000, last_seen: START_AT },
    ]);
    expect(rows.alerts!.filter((row) => row.rule === 'silent')).toMatchObject([{ time: START_AT + 3_000 }]);
  });

  it('joins the batch at hand, and one that it opens leaves with the next tick', () => {
    const config = { clickhouse: { url: 'http://localhost:8123', database: 'weir', batch: { age: '5s' } } };
    const script = createScript();
    // The clock may have been ahead.
    const again = (redrivenFrom = HOUR_AGO) =>
      script.message(topic, `{"ts":${START_AT},"temp":60}`, 0, { redrivenFrom });
    script.reading('d1', { temp: 1 });
    again();
    script.tickUntil(4_000);
    again(-HOUR_AGO);
    script.tickUntil(5_000);
    again(-HOUR_AGO);
    again();
    script.tickUntil(6_000);
    const { batches } = play(setUp([], config), script);
    expect(batches.filter(({ table }) => table === 'sensors').map(({ rows }) => rows)).toEqual([3, 2]);
  });
});
