import { describe, expect, it } from 'vitest';
import { changes, createScript, play, type Script, START_AT, setUp, startFold, takeApart } from './kit.ts';
import { asOlder } from './older-checkpoint.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const BOOT = Date.UTC(2000, 0, 1) - START_AT;

const hot = { all: [{ fact: 'temp', operator: 'greaterThan', value: 50 }] };
const event = { type: 'hot', params: { message: '{{key}}' } };
const HOT = { name: 'hot', stream: 'sensors', conditions: hot, for: '5m', event };

/** Stream without a time of its own, whose readings use the receive time. */
const TIMELESS = {
  streams: {
    sensors: {
      topic: 'plant/{site}/{device}/data',
      format: 'json',
      fields: { temp: 'number', door: 'boolean', mode: 'string' },
    },
  },
};

/** A reading at a receive time, with the device's stamp; both in milliseconds since `START_AT`. */
function at(script: Script, ms: number, fields: object, stamp = ms, device = 'd1'): void {
  script.tickUntil(ms);
  script.reading(device, fields as Record<string, unknown>, { ahead: stamp - ms });
}

describe('a clock of a device that jumps ahead', () => {
  /** Boots at 2000-01-01, and learns the time after ten seconds. */
  function boots(fields: (i: number) => object = () => ({ temp: 60 })): Script {
    const script = createScript();
    for (let i = 0; i < 10; i++) at(script, i * 1_000, fields(i), BOOT + i * 1_000);
    for (let i = 10; i <= 400; i += 10) at(script, i * 1_000, fields(i));
    return script;
  }

  it('does not count for `for`, which starts from the start', () => {
    const result = play(setUp([HOT]), boots());
    expect(changes(result, 'hot')).toEqual([`pending ${BOOT}`, 'firing 310000']);
    const fired = result.events.find(({ subject }) => subject.includes('alerts'))!;
    expect(fired.body.data.since).toBe(new Date(START_AT + 10_000).toISOString());
    expect(result.counters.device_clock_jumps).toBe(1);
  });

  it('does not serve `keepFiring`, and an alert has fired for as long as it has', () => {
    const script = createScript();
    const rule = { ...HOT, for: '1s', keepFiring: '1m' };
    for (let i = 0; i < 10; i++) at(script, i * 1_000, { temp: i < 5 ? 60 : 40 }, BOOT + i * 1_000);
    for (let i = 10; i <= 100; i += 10) at(script, i * 1_000, { temp: 40 });
    const result = play(setUp([rule]), script);
    expect(changes(result, 'hot')).toEqual([`pending ${BOOT}`, `firing ${BOOT + 1_000}`, 'resolved 70000']);
    const resolved = result.events.find(({ subject, body }) => {
      return subject.includes('alerts') && body.data.state === 'resolved';
    })!;
    expect(resolved.body.data.durationMs).toBeGreaterThanOrEqual(60_000);
    expect(resolved.body.data.durationMs).toBeLessThanOrEqual(70_000);
  });

  it('lets running facts start from the start', () => {
    const facts = {
      stuck: { unchangedFor: 'temp' },
      gap: { silentFor: true },
      change: { delta: 'temp' },
      before: { previous: 'temp' },
    };
    const result = play(setUp([{ name: 'said', stream: 'sensors', facts }]), boots());
    const said = result.rows.facts!.map((row) => row.facts as Record<string, number | null>);
    expect(said[9]).toEqual({ stuck: 9, gap: 1, change: 0, before: 60 });
    expect(said[10]).toMatchObject({ stuck: 0 });
    expect([said[10]!.gap ?? null, said[10]!.change ?? null, said[10]!.before ?? null]).toEqual([null, null, null]);
    expect(said[11]).toEqual({ stuck: 10, gap: 10, change: 0, before: 60 });
  });

  it('is seen by a rule whose `where` leaves out the reading with which it jumps', () => {
    const where = { all: [{ fact: 'mode', operator: 'equal', value: 'on' }] };
    const script = boots((i) => ({ temp: 60, mode: i === 10 ? 'off' : 'on' }));
    expect(changes(play(setUp([{ ...HOT, where }]), script), 'hot')).toEqual([`pending ${BOOT}`, 'firing 320000']);
  });

  it('lets the outcomes of windows start from the start', () => {
    const rule = {
      ...HOT,
      window: { tumbling: '10s' },
      facts: { mean: { mean: 'temp' } },
      conditions: { all: [{ fact: 'mean', operator: 'greaterThan', value: 50 }] },
    };
    expect(changes(play(setUp([rule]), boots()), 'hot')).toEqual([`pending ${BOOT + 10_000}`, 'firing 320000']);
  });

  it('ends no absence of a sequence, and no window that waits for its end', () => {
    const opened = { all: [{ fact: 'door', operator: 'equal', value: true }] };
    const closed = { all: [{ fact: 'door', operator: 'equal', value: false }] };
    const left = { name: 'left', stream: 'sensors', sequence: [opened, { not: closed, within: '1m' }], event };
    const spell = {
      name: 'spell',
      stream: 'sensors',
      window: { state: { from: opened, until: closed }, max: '1h' },
      facts: { n: { count: true } },
    };
    const script = createScript();
    at(script, 0, { door: true }, BOOT);
    at(script, 10_000, { door: false });
    at(script, 20_000, { door: true });
    at(script, 100_000, { temp: 1 });
    const result = play(setUp([left, spell]), script);
    expect(changes(result, 'left')).toEqual(['firing 80000', 'resolved 100000']);
    expect(result.rows.facts).toEqual([]);
  });

  it('concerns a group only where nobody else in it knows the time', () => {
    const group = { ...HOT, name: 'group', per: ['site'] };
    const script = createScript();
    at(script, 0, { temp: 60 }, 0, 'd2');
    at(script, 1_000, { temp: 60 }, BOOT);
    for (let i = 30; i <= 400; i += 30) {
      at(script, i * 1_000, { temp: 60 }, i * 1_000, 'd2');
      at(script, i * 1_000 + 1, { temp: 60 });
    }
    expect(changes(play(setUp([group]), script), 'group')).toEqual(['pending 0', 'firing 300000']);
    expect(changes(play(setUp([{ ...group, per: [] }]), boots()), 'group')).toEqual([
      `pending ${BOOT}`,
      'firing 310000',
    ]);
  });

  it('takes a group no time further, and no device that is far behind takes it back', () => {
    const group = { ...HOT, name: 'group', per: ['site'] };
    const script = createScript();
    at(script, 0, { temp: 40 }, 0, 'd2');
    at(script, 1_000, { temp: 60 }, BOOT);
    at(script, 2_000, { temp: 60 }, 2_000, 'd2');
    at(script, 302_000, { temp: 60 }, 302_000, 'd2');
    expect(changes(play(setUp([group]), script), 'group')).toEqual(['pending 0', 'firing 302000']);
    const first = createScript();
    at(first, 0, { temp: 60 }, BOOT);
    at(first, 1_000, { temp: 60 }, 1_000, 'd2');
    at(first, 2_000, { temp: 60 }, BOOT + 2_000);
    at(first, 301_000, { temp: 60 }, 301_000, 'd2');
    expect(changes(play(setUp([group]), first), 'group')).toEqual([`pending ${BOOT}`, 'firing 301000']);
  });

  it('does not count for a rule with order of arrival, whether it is set back or ahead', () => {
    const rule = { ...HOT, name: 'arrival', order: 'arrival' };
    const script = createScript();
    at(script, 0, { temp: 40 });
    for (let i = 1; i < 10; i++) at(script, i * 1_000, { temp: 60 }, BOOT + i * 1_000);
    for (let i = 10; i <= 320; i += 10) at(script, i * 1_000, { temp: 60 });
    at(script, 330_000, { temp: 40 }, BOOT);
    const result = play(setUp([rule]), script);
    expect(changes(result, 'arrival')).toEqual(['pending 0', 'firing 300000', 'resolved 320000']);
    const said = result.events.flatMap(({ body }) => body.data.durationMs ?? []);
    expect(said).toEqual([320_000]);
  });

  it('serves no rule over a view, nor over a correlation', () => {
    const view = { name: 'means', stream: 'sensors', window: { tumbling: '10s' }, facts: { mean: { mean: 'temp' } } };
    const over = {
      ...HOT,
      name: 'over',
      stream: 'means',
      conditions: { all: [{ fact: 'mean', operator: 'greaterThan', value: 50 }] },
    };
    const result = play(setUp([view, over]), boots());
    expect(changes(result, 'over').map((change) => change.split(' ')[0])).toEqual(['pending', 'firing']);
    expect(Number(changes(result, 'over')[1]!.split(' ')[1])).toBeGreaterThanOrEqual(310_000);
    expect(result.counters.device_clock_jumps).toBe(1);
  });

  it('ends what `matches` counted, and the window of a count', () => {
    const three = { ...HOT, name: 'three', for: { matches: 3, of: 5 } };
    const counted = {
      name: 'counted',
      stream: 'sensors',
      window: { count: 4 },
      facts: { held: { timeWeightedMean: 'temp' }, n: { count: true } },
    };
    const script = createScript();
    at(script, 0, { temp: 60 }, BOOT);
    at(script, 1_000, { temp: 60 }, BOOT + 1_000);
    for (const ms of [10_000, 20_000, 30_000, 40_000]) at(script, ms, { temp: 70 });
    const result = play(setUp([three, counted]), script);
    expect(changes(result, 'three')).toEqual([`pending ${BOOT}`, 'firing 30000']);
    expect(result.rows.facts).toMatchObject([{ facts: { held: 70, n: 4 } }]);
  });

  it('is remembered in a checkpoint; one of an older version is read', () => {
    const setup = setUp([HOT]);
    const script = boots();
    script.mark('cut');
    const whole = startFold(setup);
    whole.feed(script.records);
    const jumpAt = script.records.findIndex(({ at }) => at === START_AT + 10_000) + 1;
    for (const cutAt of [jumpAt - 5, jumpAt + 1, jumpAt + 4]) {
      const before = startFold(setup);
      before.feed(script.records.slice(0, cutAt));
      const older = asOlder(before.checkpoint());
      for (const checkpoint of [before.checkpoint(), older]) {
        const after = startFold(setup, checkpoint);
        after.feed(script.records.slice(cutAt));
        const published = [...takeApart(setup, before.outputs).events, ...takeApart(setup, after.outputs).events];
        expect(published).toEqual(takeApart(setup, whole.outputs).events);
      }
      const oldest = asOlder(before.checkpoint(), { head: ['steppedMs'], key: ['clock', 'furthestAt'] });
      expect(oldest).not.toBe(older);
      startFold(setup, oldest).feed(script.records.slice(cutAt));
    }
  });

  it('is also one that was behind for hours and is corrected', () => {
    const script = createScript();
    for (let i = 0; i <= 90; i++) at(script, i * MINUTE, { temp: 40 }, i * MINUTE - HOUR);
    at(script, 91 * MINUTE, { temp: 60 }, 31 * MINUTE);
    for (let i = 92; i <= 100; i++) at(script, i * MINUTE, { temp: 60 });
    const result = play(setUp([HOT]), script);
    expect(changes(result, 'hot')).toEqual([`pending ${31 * MINUTE}`, `firing ${97 * MINUTE}`]);
    expect(result.counters.device_clock_jumps).toBe(1);
  });
});

describe('no jump of a clock', () => {
  const counted = { name: 'said', stream: 'sensors', facts: { change: { delta: 'temp' } } };

  it.each([
    ['a minute', MINUTE],
    ['an hour', HOUR],
  ])('is what a device gathered while it was cut off, %s apart', (_, everyMs) => {
    const script = createScript();
    at(script, 0, { temp: 60 });
    const n = (10 * HOUR) / everyMs;
    script.tickUntil(10 * HOUR);
    for (let i = 1; i <= n; i++) script.reading('d1', { temp: 60 }, { ahead: i * everyMs - script.now });
    const result = play(setUp([HOT, counted]), script);
    expect(result.counters.device_clock_jumps).toBe(0);
    expect(result.rows.facts!.filter((row) => (row.facts as { change?: number }).change === undefined)).toHaveLength(1);
    expect(changes(result, 'hot')).toEqual(['pending 0', `firing ${Math.max(everyMs, 5 * MINUTE)}`]);
  });

  it('is what a device sends that gathers readings by the hour, every time', () => {
    const script = createScript();
    for (let hour = 0; hour < 24; hour++) {
      script.tickUntil(hour * HOUR);
      for (let i = 5; i >= 0; i--) script.reading('d1', { temp: 1 }, { ahead: -i * 10 * MINUTE });
    }
    const { counters } = play(setUp([counted]), script);
    // Of the first hour nobody knows that it was gathered.
    expect(counters.device_clock_jumps).toBe(5);
  });

  it('is what waited at the broker while we were down for two days', () => {
    const script = createScript();
    for (let i = 0; i < 10; i++) at(script, i * MINUTE, { temp: 1 });
    script.now = 48 * HOUR;
    script.mark('started');
    script.mark('connected', 0);
    for (let i = 10; i <= 48 * 60; i += 20) script.reading('d1', { temp: 1 }, { ahead: i * MINUTE - script.now });
    expect(play(setUp([counted]), script).counters.device_clock_jumps).toBe(0);
  });

  it('is an older reading in between', () => {
    const script = createScript();
    at(script, 0, { temp: 1 });
    at(script, 1_000, { temp: 1 }, -10 * HOUR);
    at(script, 2_000, { temp: 1 });
    expect(play(setUp([counted]), script).counters.device_clock_jumps).toBe(0);
  });
});

describe('a stamp that is ahead of ours, by less than it may be', () => {
  it('does not serve `for`', () => {
    const script = createScript();
    at(script, 0, { temp: 60 });
    for (let i = 1; i <= 320; i++) at(script, i * 1_000, { temp: 60 }, i * 1_000 + 290_000);
    expect(changes(play(setUp([HOT]), script), 'hot')).toEqual(['pending 0', 'firing 590000']);
  });

  it('does not serve `keepFiring`', () => {
    const script = createScript();
    at(script, 0, { temp: 60 });
    at(script, 1_000, { temp: 40 });
    at(script, 2_000, { temp: 40 }, 282_000);
    at(script, 62_000, { temp: 40 }, 342_000);
    const rule = { ...HOT, for: '0s', keepFiring: '1m' };
    const { for: _, ...plain } = rule;
    expect(changes(play(setUp([plain]), script), 'hot')).toEqual(['firing 0', 'resolved 342000']);
  });
});

describe('a step of the clock of the host', () => {
  it('forward serves nothing that waits, of a stream without a time of its own', () => {
    const script = createScript();
    const repeated = { ...HOT, name: 'repeated', for: '1s', repeat: '1h' };
    const facts = { stuck: { unchangedFor: 'temp' } };
    for (let i = 0; i < 10; i++) at(script, i * 1_000, { temp: 60 });
    const steppedMs = 50 * 365 * 24 * HOUR;
    script.step(steppedMs);
    const from = script.now;
    for (let i = 10; i <= 400; i += 10) at(script, from + i * 1_000, { temp: 60 });
    const result = play(setUp([HOT, repeated, { name: 'said', stream: 'sensors', facts }], TIMELESS), script);
    expect(changes(result, 'hot')).toEqual(['pending 0', `firing ${from + 310_000}`]);
    const repeats = result.events
      .filter(({ body }) => body.data.rule === 'repeated')
      .map(({ body }) => body.data.state);
    expect(repeats).toEqual(['firing']);
    const longest = Math.max(...result.rows.facts!.map((row) => Number((row.facts as { stuck: number }).stuck)));
    expect(longest).toBe(390);
  });

  it('forward serves no `keepFiring` of a silence, and makes none older', () => {
    const script = createScript();
    const rule = { name: 'quiet', stream: 'sensors', silence: '10s', keepFiring: '1m', event };
    at(script, 0, { temp: 1 });
    script.tickUntil(20_000);
    at(script, 20_000, { temp: 1 });
    script.step(HOUR);
    const from = script.now;
    for (let i = 5; i <= 70; i += 5) at(script, from + i * 1_000, { temp: 1 });
    const result = play(setUp([rule], TIMELESS), script);
    expect(changes(result, 'quiet')).toEqual(['firing 10000', `resolved ${from + 60_000}`]);
    const resolved = result.events.find(({ body }) => body.data.rule === 'quiet' && body.data.state === 'resolved')!;
    expect(resolved.body.data.durationMs).toBe(70_000);
  });

  it('forward makes no jump of a device that knows the time: the host may have slept', () => {
    const script = createScript();
    for (let i = 0; i < 5; i++) at(script, i * MINUTE, { temp: 60 });
    script.step(8 * HOUR);
    at(script, script.now, { temp: 60 });
    expect(play(setUp([HOT]), script).counters.device_clock_jumps).toBe(0);
  });

  it('forward harms no stream whose devices know the time', () => {
    const script = createScript();
    const rule = { ...HOT, for: '5m' };
    // Two minutes behind: what devices say is ahead of us, and no more.
    for (let i = 0; i < 4; i++) at(script, i * MINUTE, { temp: 60 }, (i + 2) * MINUTE);
    script.step(2 * MINUTE);
    for (let i = 6; i < 10; i++) at(script, i * MINUTE, { temp: 60 });
    const result = play(setUp([rule]), script);
    expect(changes(result, 'hot')).toEqual([`pending ${2 * MINUTE}`, `firing ${7 * MINUTE}`]);
    expect(result.counters.device_clock_jumps).toBe(0);
  });

  it('back leaves the hours of rules with the clock on the wall', () => {
    const active = { days: ['sat'], from: '12:00', to: '13:00', timeZone: 'UTC' };
    const rule = { ...HOT, for: '1s', active: [active] };
    const script = createScript();
    // Receive time is at 13:10, the clock was set back to 12:10.
    script.now = 70 * MINUTE;
    script.step(0, HOUR);
    for (let i = 1; i <= 3; i++) at(script, 70 * MINUTE + i * 1_000, { temp: 60 }, 10 * MINUTE + i * 1_000);
    expect(changes(play(setUp([rule]), script), 'hot').map((change) => change.split(' ')[0])).toEqual([
      'pending',
      'firing',
    ]);
  });
});
