import { describe, expect, it } from 'vitest';
import { changes, createScript, piecesOf, play, START_AT, setUp, startFold, takeApart } from './kit.ts';

const event = { type: 'hot', params: { message: '{{device}} has {{temp}}' } };
const HOT = {
  name: 'hot',
  stream: 'sensors',
  conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: 50 }] },
  clear: { all: [{ fact: 'temp', operator: 'lessThan', value: 45 }] },
  event,
};

describe('a rule over single readings', () => {
  it('fires, keeps quiet in between, and resolves, with the stamps of the readings', () => {
    const script = createScript();
    for (const [now, temp] of [
      [1_000, 50],
      [2_000, 51],
      [3_000, 60],
      [4_000, 47],
      [5_000, 44],
      [6_000, 44],
    ] as const) {
      script.now = now;
      script.reading('d1', { temp }, { ahead: -500 });
      script.reading('d2', { temp: 0 });
    }
    const result = play(setUp([HOT]), script);
    expect(changes(result, 'hot')).toEqual(['firing 1500', 'resolved 4500']);
    expect(result.rows.alerts).toMatchObject([
      {
        message: 'd1 has 51',
        facts: { device: '"d1"', site: '"north"', temp: '51', door: 'null', mode: 'null' },
        conditions: JSON.stringify([{ fact: 'temp', operator: 'greaterThan', value: 50, factValue: 51, result: true }]),
        evidence_from: START_AT + 1_500,
        evidence_to: START_AT + 1_500,
      },
      {
        message: 'd1 has 44',
        conditions: JSON.stringify([
          { fact: 'temp', operator: 'greaterThan', value: 50, factValue: 44, result: false },
          { fact: 'temp', operator: 'lessThan', value: 45, factValue: 44, result: true },
        ]),
      },
    ]);
  });

  it('puts changes that one message causes at one instant a microsecond apart', () => {
    const sensors = {
      topic: 'plant/{device}',
      format: 'ndjson',
      fields: { temp: 'number' },
    };
    const script = createScript();
    script.message('plant/d1', '{"temp":60}\n{"temp":1}\n{"temp":61}');
    const { rows, events } = play(setUp([HOT], { streams: { sensors } }), script);
    expect(rows.alerts!.map((row) => row.state)).toEqual(['firing', 'resolved', 'firing']);
    const ids = rows.alerts!.map((row) => row.id as string);
    expect(new Set(ids).size).toBe(3);
    const times = rows.alerts!.map((row) => Math.round((Number(row.time) - START_AT) * 1_000));
    expect(times).toEqual([0, 1, 2]);
    expect(ids.map((id) => Number(id.split('.').at(-1)) - START_AT * 1_000)).toEqual(times);
    const alerts = events.filter(({ id }) => ids.includes(id));
    expect(alerts.map(({ id }) => id)).toEqual(ids);
    expect(alerts.map(({ body }) => body.time.split('.')[1])).toEqual(['000Z', '000001Z', '000002Z']);
  });

  it('knows behind a restart that its last change is a microsecond later than its reading', () => {
    const setup = setUp([HOT], {
      streams: { sensors: { topic: 'plant/{device}', format: 'ndjson', fields: { temp: 'number' } } },
    });
    const script = createScript();
    for (const payload of ['{"temp":60}\n{"temp":1}', '{"temp":60}']) script.message('plant/d1', payload);
    script.mark('cut');
    const whole = startFold(setup);
    whole.feed(script.records);
    const [first, second] = [startFold(setup), script.records.length - 2];
    first.feed(script.records.slice(0, second));
    const restarted = startFold(setup, first.checkpoint());
    restarted.feed(script.records.slice(second));
    const result = takeApart(setup, [...first.outputs, ...restarted.outputs]);
    expect(result.events).toEqual(takeApart(setup, whole.outputs).events);
    expect(changes(takeApart(setup, whole.outputs), 'hot')).toEqual(['firing 0', 'resolved 0.001', 'firing 0.001']);
  });

  it('looks only at readings that its filter lets through', () => {
    const rule = { ...HOT, where: { all: [{ fact: 'mode', operator: 'equal', value: 'on' }] } };
    const script = createScript();
    script.reading('d1', { temp: 60, mode: 'off' });
    script.now = 1_000;
    script.reading('d1', { temp: 60, mode: 'on' });
    script.now = 2_000;
    script.reading('d1', { temp: 1, mode: 'off' });
    expect(changes(play(setUp([rule]), script), 'hot')).toEqual(['firing 1000']);
  });

  it('may group readings of several devices', () => {
    const script = createScript();
    script.reading('d1', { temp: 60 }, { site: 'a' });
    script.now = 1_000;
    script.reading('d2', { temp: 60 }, { site: 'a' });
    script.reading('d3', { temp: 60 }, { site: 'b' });
    script.now = 2_000;
    script.reading('d2', { temp: 1 }, { site: 'a' });
    const result = play(setUp([{ ...HOT, per: ['site'] }]), script);
    expect(changes(result, 'hot', 'a')).toEqual(['firing 0', 'resolved 2000']);
    expect(changes(result, 'hot', 'b')).toEqual(['firing 1000']);
  });

  it('writes alerts that wait into the table only', () => {
    const script = createScript();
    script.reading('d1', { temp: 60 });
    script.now = 5_000;
    script.reading('d1', { temp: 60 });
    const result = play(setUp([{ ...HOT, for: '5s' }]), script);
    expect(changes(result, 'hot')).toEqual(['pending 0', 'firing 5000']);
    expect(result.events.filter(({ subject }) => subject.startsWith('weir.alerts.'))).toMatchObject([
      { body: { data: { state: 'firing', from: 'pending', since: '2026-01-31T12:00:00.000Z' } } },
    ]);
  });
});

describe('a message that cannot be decoded', () => {
  it('is a dead letter with its reason, and does not disturb its neighbours', () => {
    const script = createScript();
    script.reading('d1', { temp: 60 });
    script.message('plant/north/d1/data', '{"ts":');
    script.message('elsewhere', Uint8Array.of(0xff, 0x00));
    script.message('plant/north/d1/data', `{"ts":${START_AT},"temp":"warm"}`);
    script.now = 1_000;
    script.reading('d1', { temp: 1 });
    const { rows, events, counters } = play(setUp([HOT]), script);
    expect(rows.sensors!.map((row) => row.temp)).toEqual([60, 1]);
    expect(rows.dead_letters).toMatchObject([
      { stream: 'sensors', topic: 'plant/north/d1/data', reason: 'malformed', payload: '{"ts":', offset: '3' },
      { stream: '', topic: 'elsewhere', reason: 'no-stream', offset: '4' },
      { stream: 'sensors', reason: 'wrong-type', offset: '5' },
    ]);
    const letters = events.filter(({ subject }) => subject === 'weir.deadletters');
    expect(letters.map(({ body }) => body.data)).toMatchObject([
      { reason: 'malformed', payload: { text: '{"ts":', bytes: 6, truncated: false } },
      { reason: 'no-stream', stream: null, payload: { base64: '/wA=' } },
      { reason: 'wrong-type', detail: rows.dead_letters![2]!.detail },
    ]);
    expect(counters.rejected).toBe(3);
  });
});

describe('a message that the broker delivers again', () => {
  const sent = (temp: number) => JSON.stringify({ ts: START_AT + 100 - temp, temp });
  const topic = 'plant/north/d1/data';

  it('is evaluated and stored once, recognized by packet id and content', () => {
    const script = createScript();
    script.message(topic, sent(60), 0, { packetId: 1 });
    script.message(topic, sent(44), 0, { packetId: 2 });
    script.mark('disconnected', 0);
    script.mark('connected', 0);
    for (const dup of [true, true]) {
      script.message(topic, sent(60), 0, { packetId: 1, dup });
      script.message(topic, sent(44), 0, { packetId: 2, dup });
    }
    const result = play(setUp([HOT]), script);
    expect(result.rows.sensors!.map((row) => row.temp)).toEqual([60, 44]);
    expect(changes(result, 'hot')).toEqual(['firing 40', 'resolved 56']);
    expect(result.counters).toMatchObject({ readings: 2, messages_redelivered: 4 });
  });

  it('is a message of its own where anything about it is new', () => {
    const script = createScript();
    script.message(topic, sent(1), 0, { packetId: 1 });
    script.message(topic, sent(2), 0, { packetId: 1, dup: true });
    script.message(topic, sent(2), 0, { packetId: 2, dup: true });
    script.message('plant/south/d1/data', sent(2), 0, { packetId: 2, dup: true });
    script.message('plant/south/d1/data', sent(2), 0, { packetId: 2 });
    script.message(topic, sent(3), 0, { dup: true });
    script.message(topic, sent(3), 0, { dup: true });
    expect(play(setUp([HOT]), script).counters).toMatchObject({ readings: 7, messages_redelivered: 0 });
  });

  it('is forgotten with the session', () => {
    const script = createScript();
    script.message(topic, sent(1), 0, { packetId: 1 });
    script.mark('session-lost', 0);
    script.message(topic, sent(1), 0, { packetId: 1, dup: true });
    expect(play(setUp([HOT]), script).counters).toMatchObject({ readings: 2, messages_redelivered: 0 });
  });
});

describe('rows', () => {
  const limited = (batch: object) => {
    const setup = setUp([HOT]);
    const { clickhouse } = setup.config;
    const limits = { rows: 1e6, bytes: 1e9, ageMs: 1e9, ...batch };
    return { ...setup, config: { ...setup.config, clickhouse: { ...clickhouse, batch: limits } } };
  };

  it('go out in batches of a number of rows', () => {
    const script = createScript();
    for (let i = 0; i < 7; i++) script.reading('d1', { temp: i });
    const { batches } = play(limited({ rows: 3 }), script);
    const own = batches.filter(({ table }) => table === 'sensors');
    expect(own.map(({ rows, fromOffset, toOffset }) => [rows, fromOffset, toOffset])).toEqual([
      [3, 2, 4],
      [3, 5, 7],
      [1, 8, 8],
    ]);
  });

  it('go out when they are of an age, also without another one coming', () => {
    const setup = limited({ ageMs: 2_000 });
    const fold = startFold(setup);
    const script = createScript();
    const inserted = () => takeApart(setup, fold.outputs).rows.sensors!.length;
    script.now = 300;
    script.reading('d1', { temp: 1 });
    script.now = 2_299;
    script.reading('d1', { temp: 2 });
    script.tick();
    fold.feed(script.records);
    expect(inserted()).toBe(0);
    script.now = 2_300;
    script.reading('d1', { temp: 3 });
    fold.feed(script.records.slice(-1));
    expect(inserted()).toBe(2);
    script.now = 4_300;
    script.tick();
    fold.feed(script.records.slice(-1));
    expect(inserted()).toBe(3);
  });

  it('go out when they are large enough', () => {
    const script = createScript();
    for (let i = 0; i < 4; i++) script.reading('d1', { temp: i, mode: 'x'.repeat(100) });
    const { batches } = play(limited({ bytes: 250 }), script);
    expect(batches.filter(({ table }) => table === 'sensors').map(({ rows }) => rows)).toEqual([2, 2]);
  });

  it('all go out with a cut, and none stay behind for a second one', () => {
    const setup = limited({});
    const fold = startFold(setup);
    const script = createScript();
    script.reading('d1', { temp: 60 });
    script.message('elsewhere', '');
    script.tick();
    fold.feed(script.records);
    expect(fold.outputs.filter(({ kind }) => kind === 'batch')).toEqual([]);
    script.mark('cut');
    script.mark('cut');
    fold.feed(script.records.slice(-2));
    const { rows, batches } = takeApart(setup, fold.outputs);
    expect(batches.map(({ table }) => table)).toEqual(['sensors', 'alerts', 'devices', 'dead_letters']);
    expect(rows.sensors).toHaveLength(1);
  });
});

describe('rules', () => {
  it('are looked at by their priority', () => {
    const low = { ...HOT, name: 'low', priority: 1 };
    const high = { ...HOT, name: 'high', priority: 7 };
    const script = createScript();
    script.reading('d1', { temp: 60 });
    const { rows } = play(setUp([low, { ...HOT, name: 'default' }, high]), script);
    expect(rows.alerts!.map((row) => row.rule)).toEqual(['high', 'low', 'default']);
  });

  it('leave nothing in a checkpoint once their alerts are over', () => {
    const setup = setUp([HOT]);
    const script = createScript();
    const fold = startFold(setup);
    const alerts = () => piecesOf(fold.checkpoint()).find((piece) => piece[0] === 'key')?.[1].alerts;
    script.reading('d1', { temp: 60 });
    fold.feed(script.records);
    expect(alerts()).toMatchObject({ hot: { state: 'firing', since: START_AT } });
    script.reading('d1', { temp: 1 });
    fold.feed(script.records.slice(-1));
    expect(alerts()).toEqual({});
  });

  it('that changed start from the start after a restart; all others continue', () => {
    const stay = { ...HOT, name: 'stay' };
    const before = setUp([HOT, stay]);
    const script = createScript();
    script.reading('d1', { temp: 60 });
    script.mark('cut');
    const fold = startFold(before);
    fold.feed(script.records);
    const changed = { ...HOT, conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: 40 }] } };
    const after = setUp([changed, { ...stay, description: 'The same.' }]);
    const next = startFold(after, fold.checkpoint());
    const later = createScript();
    later.now = 1_000;
    later.reading('d1', { temp: 1 });
    later.mark('cut');
    next.feed(later.records.slice(2));
    const { rows } = takeApart(after, next.outputs);
    expect(rows.alerts!.map((row) => `${row.rule} ${row.state}`)).toEqual(['hot resolved', 'stay resolved']);
    // What is known of devices does not depend on rules.
    expect(rows.devices).toEqual([]);
  });
});
