import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changes, createScript, play, type Script, START_AT, setUp, startFold } from './kit.ts';

const event = { type: 'x', params: { message: 'x' } };
const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });
const RULES = [
  { name: 'hot', stream: 'sensors', conditions: above('temp', 50), event },
  { name: 'hot-often', stream: 'sensors', conditions: above('temp', 50), repeat: '10s', event },
  { name: 'hot-later', stream: 'sensors', conditions: above('temp', 50), for: '1h', event },
  { name: 'silent', stream: 'sensors', silence: '5s', event },
  {
    name: 'many',
    stream: 'sensors',
    per: ['site'],
    window: { tumbling: '5s' },
    facts: { n: { count: true } },
    conditions: above('n', 0),
    event,
  },
  { name: 'means', stream: 'sensors', window: { tumbling: '5s' }, facts: { temp: { mean: 'temp' } } },
  { name: 'warm', stream: 'means', conditions: above('temp', 20), event },
];
const STREAM = {
  topic: 'plant/{site}/{device}/data',
  format: 'json',
  time: { path: 'ts', unit: 'ms' },
  fields: { temp: 'number' },
  status: { topic: 'plant/{site}/{device}/status' },
  forget: '30s',
};
const setup = setUp(RULES, { streams: { sensors: STREAM } });
const ONE = setUp([RULES[0]!], { streams: { sensors: STREAM } });

/** The rules of a script's end, its known devices and keys, and what has changed. */
function known(script: Script, used = setup) {
  script.mark('cut');
  const fold = startFold(used);
  fold.feed(script.records);
  const { streams } = fold.state;
  return {
    fold,
    devices: streams.map(({ devices }) => [...devices.keys()]),
    keys: streams.map(({ keys }) => keys.map((each) => [...each.keys()])),
    watermarks: streams[0]!.watermarkCounts,
  };
}

describe('a device that is idle for long', () => {
  it('leaves the state with its keys and its groups, and its alerts are resolved', () => {
    const script = createScript();
    script.reading('d1', { temp: 60 });
    script.tickUntil(29_000);
    expect(known(script).devices).toEqual([['d1'], ['d1']]);
    script.records.pop();
    script.tickUntil(80_000);
    const { devices, keys, watermarks } = known(script);
    expect(devices).toEqual([[], []]);
    expect(keys.flat(2)).toEqual([]);
    expect(watermarks).toEqual([0, 0]);
    const result = play(setup, script);
    for (const rule of ['hot', 'hot-often', 'silent', 'many', 'warm']) {
      expect(changes(result, rule).map((change) => change.split(' ')[0])).toEqual(['firing', 'resolved']);
    }
    expect(changes(result, 'hot-later').map((change) => change.split(' ')[0])).toEqual(['pending', 'inactive']);
    const ends = result.rows.alerts!.filter(({ state }) => state === 'resolved');
    expect(new Set(ends.map(({ reason }) => reason))).toEqual(new Set(['forgotten']));
  });

  it('goes offline if nothing else has found that', () => {
    const script = createScript();
    script.reading('d1', { temp: 1 });
    script.tickUntil(40_000);
    expect(play(ONE, script).rows.devices).toMatchObject([
      { device: 'd1', online: true, reason: 'first-reading' },
      { device: 'd1', online: false, reason: 'forgotten', last_seen: START_AT },
    ]);
  });

  it('is a new device when it comes again', () => {
    const script = createScript();
    script.reading('d1', { temp: 60 });
    script.tickUntil(80_000);
    script.reading('d1', { temp: 70 });
    script.tickUntil(81_000);
    const result = play(setup, script);
    expect(changes(result, 'hot')).toEqual(['firing 0', 'resolved 30000', 'firing 80000']);
    expect(result.rows.devices!.map(({ reason }) => reason)).toEqual(['first-reading', 'silence', 'first-reading']);
  });

  it('is remembered while Weir is not connected, and while a group of it sends', () => {
    const script = createScript();
    script.reading('d1', { temp: 60 });
    script.tickUntil(1_000);
    script.mark('disconnected', 0);
    script.tickUntil(100_000);
    script.mark('connected', 0);
    script.tickUntil(102_000);
    expect(known(script).devices[0]).toEqual(['d1']);
    script.records.pop();
    for (let at = 102_000; at <= 160_000; at += 5_000) {
      script.tickUntil(at);
      script.reading('d2', { temp: 1 });
    }
    const { devices, keys, watermarks } = known(script);
    expect(devices[0]).toEqual(['d2']);
    expect(keys[0]).toEqual([['d2'], ['north']]);
    expect(watermarks).toEqual([0, 1]);
  });

  it('is kept for twice as long as a rule waits for it', () => {
    const slow = { name: 'slow', stream: 'sensors', silence: '1m', event };
    const script = createScript();
    script.reading('d1', { temp: 1 });
    script.tickUntil(110_000);
    const { rows } = play(setUp([slow], { streams: { sensors: STREAM } }), script);
    expect(rows.alerts).toMatchObject([{ state: 'firing' }]);
    script.records.pop();
    script.tickUntil(130_000);
    const later = play(setUp([slow], { streams: { sensors: STREAM } }), script);
    expect(later.rows.alerts!.map(({ state, reason }) => [state, reason])).toEqual([
      ['firing', ''],
      ['resolved', 'forgotten'],
    ]);
  });

  it('leaves a group that it has moved away from', () => {
    const script = createScript();
    script.reading('d1', { temp: 1 }, { site: 'a' });
    for (let at = 1_000; at <= 60_000; at += 5_000) {
      script.tickUntil(at);
      script.reading('d1', { temp: 1 }, { site: 'b' });
    }
    const { keys, watermarks, fold } = known(script);
    expect(keys[0]).toEqual([['d1'], ['b']]);
    expect(watermarks).toEqual([0, 1]);
    const { marks } = fold.state.streams[0]!.devices.get('d1')!;
    expect([marks?.key.text, marks?.next]).toEqual(['b', undefined]);
  });

  it('is forgotten alike after a restart and however records are cut into arrays', () => {
    const step = fc.record({
      device: fc.constantFrom('d1', 'd2', 'd3'),
      site: fc.constantFrom('a', 'b'),
      temp: fc.constantFrom(10, 60),
      what: fc.constantFrom('reading', 'reading', 'status', 'quiet', 'quiet', 'cut', 'lost'),
      seconds: fc.integer({ min: 1, max: 40 }),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 4, maxLength: 25 }), fc.integer({ min: 1, max: 30 }), (steps, size) => {
        const script = createScript();
        for (const { device, site, temp, what, seconds } of steps) {
          if (what === 'reading') script.reading(device, { temp }, { site });
          else if (what === 'status')
            script.message(`plant/${site}/${device}/status`, temp > 50 ? 'online' : 'offline');
          else if (what === 'cut') script.mark('cut');
          else if (what === 'lost') script.mark('disconnected', 0);
          else {
            script.mark('connected', 0);
            script.tickUntil(script.now + seconds * 1_000);
          }
        }
        script.mark('cut');
        const whole = startFold(setup);
        whole.feed(script.records);
        const parts = startFold(setup);
        for (let from = 0; from < script.records.length; from += size)
          parts.feed(script.records.slice(from, from + size));
        expect(parts.outputs).toEqual(whole.outputs);
        expect(parts.checkpoint()).toBe(whole.checkpoint());
        const cuts = script.records.flatMap((record, i) =>
          record.kind === 'mark' && record.mark === 'cut' ? [i + 1] : [],
        );
        for (const cut of cuts.slice(0, 3)) {
          const before = startFold(setup);
          before.feed(script.records.slice(0, cut));
          const done = before.outputs.length;
          const resumed = startFold(setup, before.checkpoint());
          resumed.feed(script.records.slice(cut));
          expect(resumed.outputs).toEqual(whole.outputs.slice(done));
        }
      }),
      { numRuns: 60 },
    );
  });
});
