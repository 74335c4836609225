import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fullLimits } from '../../engine/state/directory.ts';
import type { GroupState } from '../../engine/state/group.ts';
import {
  changes,
  createScript,
  play,
  type Script,
  type Setup,
  START_AT,
  setUp,
  startFold,
  type takeApart,
} from './kit.ts';

const event = { type: 'x', params: { message: '{{key}}' } };
const above = (fact: string, value: unknown) => ({ all: [{ fact, operator: 'greaterThan', value }] });
const HOT = { name: 'hot', stream: 'sensors', conditions: above('temp', 50), event };
const MANY = {
  name: 'many',
  stream: 'sensors',
  per: ['line'],
  window: { tumbling: '10s' },
  facts: { n: { count: true } },
  conditions: above('n', 1),
  event,
};
const LINE_HOT = { ...HOT, name: 'line-hot', per: ['line'] };
const SILENT = { name: 'silent', stream: 'sensors', silence: '5s', event };
const LINE_SILENT = { ...SILENT, name: 'line-silent', per: ['line'] };
const RULES = [HOT, MANY, LINE_HOT, SILENT, LINE_SILENT];

const STREAM = {
  topic: 'plant/{device}/data',
  format: 'json',
  time: { path: 'ts', unit: 'ms' },
  labels: { line: 'line' },
  sequence: 'seq',
  fields: { temp: 'number' },
  status: { topic: 'plant/{device}/status' },
};

const withLimits = (limits: object, rules: readonly object[] = RULES): Setup =>
  setUp(rules, { streams: { sensors: { ...STREAM, limits } } });

let seq = 0;
function send(script: Script, device: string, temp: number, line = 'l1', more: object = {}): void {
  const fields = { ts: START_AT + script.now, seq: ++seq, temp, line, ...more };
  script.message(`plant/${device}/data`, JSON.stringify(fields));
}

const rowsOf = (result: ReturnType<typeof takeApart>, table: string, column: string) =>
  result.rows[table]!.map((row) => row[column]);

describe('devices above the limit', () => {
  const script = createScript();
  send(script, 'd1', 20);
  send(script, 'd2', 20);
  script.now = 1_000;
  send(script, 'd3', 60);
  send(script, 'd3', 60, 'l3');
  script.message('plant/d4/status', 'offline');
  send(script, 'd1', 60);
  script.message('plant/d2/status', 'offline');
  script.tickUntil(30_000);
  const result = play(withLimits({ devices: 2 }), script);

  it('have their readings stored, as they are, and nothing evaluated', () => {
    expect(rowsOf(result, 'sensors', 'device')).toEqual(['d1', 'd2', 'd3', 'd3', 'd1']);
    expect(result.rows.sensors!.map((row) => row.late)).toEqual([false, false, false, false, false]);
    expect(changes(result, 'hot')).toEqual(['firing 1000']);
    expect(changes(result, 'many', 'l3')).toEqual([]);
    expect(rowsOf(result, 'devices', 'device').filter((device) => device === 'd3' || device === 'd4')).toEqual([]);
  });

  it('are counted, and are nothing that is remembered', () => {
    expect(result.counters).toMatchObject({
      readings: 5,
      readings_over_device_limit: 2,
      statuses_over_device_limit: 1,
      readings_over_key_limit: 0,
    });
    const setup = withLimits({ devices: 2 });
    const fold = startFold(setup);
    fold.feed(script.records);
    expect(fold.checkpoint()).not.toContain('d3');
    expect(fold.state.streams[0]!.devices.size).toBe(2);
    expect(fullLimits(setup.plan, fold.state)).toEqual(['2 devices of sensors (limits.devices)']);
  });

  it('leave those that are known as they would be without them', () => {
    const alone = { ...script, records: script.records.filter((r) => !('topic' in r && /d[34]/.test(r.topic))) };
    const own = play(withLimits({ devices: 2 }), alone);
    for (const rule of ['hot', 'many', 'silent']) expect(changes(result, rule)).toEqual(changes(own, rule));
    expect(rowsOf(result, 'devices', 'device')).toEqual(rowsOf(own, 'devices', 'device'));
  });

  it('do not make batches smaller', () => {
    const flood = createScript();
    for (let i = 0; i < 300; i++) send(flood, `f${i}`, 1);
    const batches = play(withLimits({ devices: 10 }), flood).batches.filter(({ table }) => table === 'sensors');
    expect(batches.map(({ rows }) => rows)).toEqual([300]);
  });

  it('stay out at a restart, and come in where the limit is raised; those that are known stay where it is lowered', () => {
    const first = startFold(withLimits({ devices: 2 }));
    first.feed(script.records);
    const later = createScript();
    later.now = 40_000;
    for (const device of ['d1', 'd2', 'd3']) send(later, device, 60);
    later.mark('cut');
    const judged = (limits: object) => {
      const setup = withLimits(limits);
      const fold = startFold(setup, first.checkpoint());
      fold.feed(later.records);
      return {
        known: [...fold.state.streams[0]!.devices.keys()],
        over: fold.counters.readings_over_device_limit,
      };
    };
    expect(judged({ devices: 2 })).toEqual({ known: ['d1', 'd2'], over: 1 });
    expect(judged({ devices: 3 })).toEqual({ known: ['d1', 'd2', 'd3'], over: 0 });
    expect(judged({ devices: 1 })).toEqual({ known: ['d1', 'd2'], over: 1 });
  });
});

describe('keys above the limit', () => {
  it('are not looked at by the rules that group by them; by all others the reading is', () => {
    const script = createScript();
    send(script, 'd1', 60, 'l1');
    send(script, 'd2', 60, 'l2');
    send(script, 'd1', 60, 'l2');
    send(script, 'd2', 20, 'l1');
    script.tickUntil(400_000);
    const result = play(withLimits({ keys: 1 }), script);
    expect(changes(result, 'hot', 'd2')).toEqual(['firing 0', 'resolved 0']);
    expect(rowsOf(result, 'alerts', 'key').filter((key) => String(key).startsWith('l'))).not.toContain('l2');
    expect(changes(result, 'many', 'l1')).toEqual(['firing 10000']);
    expect(changes(result, 'line-silent', 'l1')).toHaveLength(1);
    expect(result.rows.sensors).toHaveLength(4);
    expect(result.counters).toMatchObject({ readings_over_key_limit: 2, readings_over_device_limit: 0 });
  });

  it('are found full in words', () => {
    const setup = withLimits({ keys: 2 });
    const fold = startFold(setup);
    const script = createScript();
    for (const line of ['a', 'b', 'c']) send(script, 'd1', 1, line);
    fold.feed(script.records);
    expect(fullLimits(setup.plan, fold.state)).toEqual(['2 keys of sensors by line (limits.keys)']);
  });

  it('are bounded in what a correlation knows of the other stream, and in what it makes of both', () => {
    const doors = { topic: 'doors/{id}', format: 'json', device: { topic: 'id' }, labels: { line: 'line' } };
    const streams = {
      sensors: { ...STREAM, limits: { devices: 2, keys: 2 } },
      doors: { ...doors, fields: { open: 'boolean' }, limits: { devices: 3, keys: 2 } },
    };
    const last = { ...HOT, name: 'last', per: ['line'], with: { stream: 'doors', last: '1m' } };
    const both = { ...MANY, name: 'both', with: { stream: 'doors' } };
    const setup = setUp([last, both], { streams });
    const fold = startFold(setup);
    const script = createScript();
    for (let i = 0; i < 50; i++) {
      script.message(`doors/x${i % 3}`, JSON.stringify({ open: true, line: `door-${i}` }));
      send(script, `d${i % 2}`, 1, `line-${i}`);
    }
    fold.feed(script.records);
    const [known, made] = setup.plan.streams.slice(2).map(({ index }) => fold.state.streams[index]!);
    expect(known!.lastKnown.byKey.size).toBe(3);
    expect(made!.keys.map(({ size }) => size)).toEqual([5, 4]);
    expect(made!.devices.size).toBe(5);
    expect(fold.counters.readings_over_key_limit).toBeGreaterThan(100);
  });
});

it('devices in the groups of windows are bounded, for each that moves leaves a clock behind', () => {
  const script = createScript();
  for (let i = 0; i < 40; i++) for (const device of ['d1', 'd2']) send(script, device, 1, `l${(i * 7) % 10}`);
  for (let i = 0; i < 40; i++) for (const device of ['d3', 'd4', 'd5']) send(script, device, 1, `l${i % 10}`);
  script.mark('cut');
  const setup = withLimits({ devices: 5, keys: 10 }, [MANY]);
  const fold = startFold(setup);
  fold.feed(script.records);
  const marks = () => [...fold.state.streams[0]!.keys[1]!.values()].map((key) => (key as GroupState).watermarks.length);
  expect(marks().reduce((sum, each) => sum + each, 0)).toBe(40);
  expect(fold.counters).toMatchObject({ readings_over_group_limit: 40, readings_over_key_limit: 0 });
  expect(startFold(setup, fold.checkpoint()).state.streams[0]!.watermarkCounts[1]).toBe(40);
});

it('timers are one for each key, however often they are pushed forward and back', () => {
  const rules = [SILENT, { ...SILENT, name: 'long', silence: '7d' }];
  const fold = startFold(withLimits({}, rules));
  const script = createScript();
  for (let i = 1; i <= 100; i++) {
    send(script, 'd1', 1);
    script.tickUntil(i * 20_000);
  }
  fold.feed(script.records);
  const { silenceTimers } = fold.state.streams[0]!;
  silenceTimers.advance(Number.MAX_SAFE_INTEGER);
  expect(silenceTimers.next()?.text).toBe('d1');
  expect(silenceTimers.next()).toBeUndefined();
});

describe('what there is room for', () => {
  const setup = withLimits({ devices: 4, keys: 3 });
  const steps = fc.array(
    fc.record({
      device: fc.integer({ min: 1, max: 7 }),
      line: fc.integer({ min: 1, max: 6 }),
      temp: fc.constantFrom(20, 60),
      what: fc.constantFrom('reading', 'reading', 'reading', 'status', 'tick', 'cut'),
    }),
    { minLength: 5, maxLength: 60, size: 'max' },
  );
  const write = (of: readonly { device: number; line: number; temp: number; what: string }[]): Script => {
    const script = createScript();
    of.forEach(({ device, line, temp, what }, i) => {
      script.now = i * 700;
      if (what === 'tick') script.tick();
      else if (what === 'cut') script.mark('cut');
      else if (what === 'status') script.message(`plant/d${device}/status`, temp > 50 ? 'offline' : 'online');
      else send(script, `d${device}`, temp, `l${line}`);
    });
    script.mark('cut');
    return script;
  };
  const print = (outputs: readonly object[]) => outputs.map((output) => JSON.stringify(output));

  it('depends neither on how records are cut into arrays, nor on a restart', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 2, max: 30 }), (of, size) => {
        const { records } = write(of);
        const single = startFold(setup);
        for (const record of records) single.feed([record]);
        const chunked = startFold(setup);
        for (let at = 0; at < records.length; at += size) chunked.feed(records.slice(at, at + size));
        expect(print(chunked.outputs)).toEqual(print(single.outputs));
        expect(chunked.checkpoint()).toBe(single.checkpoint());
        const cut = records.findIndex((record) => record.kind === 'mark' && record.mark === 'cut') + 1;
        const before = startFold(setup);
        before.feed(records.slice(0, cut));
        const done = before.outputs.length;
        const behind = startFold(setup, before.checkpoint());
        behind.feed(records.slice(cut));
        expect(print(behind.outputs)).toEqual(print(single.outputs.slice(done)));
        // Before the first tick, the head has less of the alert clock.
        expect(behind.checkpoint().split('\n').slice(1)).toEqual(single.checkpoint().split('\n').slice(1));
      }),
      { numRuns: 100 },
    );
  });
});
