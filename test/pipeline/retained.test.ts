import { describe, expect, it } from 'vitest';
import { changes, createScript, play, type Result, type Script, START_AT, setUp, startFold, takeApart } from './kit.ts';
import { asOlder } from './older-checkpoint.ts';

const above = (value: number) => ({ all: [{ fact: 'temp', operator: 'greaterThan', value }] });
const event = (type: string) => ({ event: { type, params: { message: '{{key}}' } } });
const HOT = { name: 'hot', stream: 'sensors', conditions: above(50), ...event('hot') };
const SILENT = { name: 'silent', stream: 'sensors', silence: '60s', ...event('silent') };
const SITE = { name: 'silent-site', stream: 'sensors', per: ['site'], silence: '60s', ...event('silent') };
const COUNT = {
  name: 'tally',
  stream: 'sensors',
  window: { tumbling: '10s' },
  facts: { n: { count: true } },
};
const SETUP = setUp([HOT, SILENT, SITE, COUNT]);

const presence = (result: Pick<Result, 'rows'>) =>
  result.rows.devices!.map(
    (row) => `${row.online ? 'online' : 'offline'} ${row.reason} ${(row.time as number) - START_AT}`,
  );

/** A reading of 60 °C, stamped with `at`; by default sent as it was made. */
function send(script: Script, at: number, { retain = false, temp = 60, topic = 'd1/data' } = {}): void {
  const payload = JSON.stringify({ ts: START_AT + at, temp });
  script.message(`plant/north/${topic}`, payload, 0, { retain });
}

const status = (script: Script, word: string, retain: boolean) =>
  script.message('plant/north/d1/status', word, 0, { retain });

/** The connection is lost and made again; with MQTT 3.1.1, and after a lost session, retained messages come again. */
function reconnect(script: Script): void {
  script.mark('disconnected', 0);
  script.now += 100;
  script.mark('connected', 0);
}

describe('a retained reading', () => {
  it('that came before neither fires its alert again, nor counts, nor is in the table again', () => {
    const script = createScript();
    send(script, 0);
    script.now = 1_000;
    send(script, 1_000, { temp: 20 });
    for (let i = 0; i < 3; i++) {
      reconnect(script);
      send(script, 0, { retain: true });
    }
    script.tickUntil(30_000);
    const result = play(SETUP, script);
    expect(changes(result, 'hot')).toEqual(['firing 0', 'resolved 1000']);
    expect(result.rows.sensors).toHaveLength(2);
    expect(result.rows.facts!.map(({ facts }) => facts)).toEqual([{ n: 2 }]);
    expect(result.counters).toMatchObject({ readings_outdated: 1, retained_repeated: 2 });
  });

  it('that is newer than all that is known is evaluated by its stamp, once', () => {
    const script = createScript();
    send(script, 0, { temp: 20 });
    script.now = 600_000;
    reconnect(script);
    for (let i = 0; i < 3; i++) send(script, 30_000, { retain: true });
    const result = play(SETUP, script);
    expect(changes(result, 'hot')).toEqual(['firing 30000']);
    expect(result.rows.sensors).toHaveLength(2);
    expect(result.counters.retained_repeated).toBe(2);
  });

  it('is no sign of life: it brings nobody online and ends no silence', () => {
    const script = createScript();
    send(script, 0, { temp: 20 });
    script.tickUntil(70_000);
    reconnect(script);
    send(script, 0, { temp: 20, retain: true });
    send(script, 30_000, { temp: 20, retain: true });
    script.tickUntil(200_000);
    const result = play(SETUP, script);
    expect(presence(result)).toEqual(['online first-reading 0', 'offline silence 60000']);
    for (const rule of ['silent', 'silent-site']) expect(changes(result, rule)).toEqual(['firing 60000']);
  });

  it('does not put silence off', () => {
    const script = createScript();
    send(script, 0, { temp: 20 });
    script.tickUntil(50_000);
    send(script, 49_000, { temp: 20, retain: true });
    script.tickUntil(70_000);
    expect(changes(play(SETUP, script), 'silent')).toEqual(['firing 60000']);
  });

  it('of a device that was never heard of has it waited for, and it comes online when it speaks', () => {
    const script = createScript();
    script.now = 5_000;
    send(script, -3_600_000, { temp: 20, retain: true });
    script.tickUntil(30_000);
    send(script, -3_500_000, { temp: 20, retain: true });
    script.tickUntil(100_000);
    send(script, 100_000, { temp: 20 });
    const result = play(SETUP, script);
    expect(presence(result)).toEqual(['online first-reading 100000']);
    for (const rule of ['silent', 'silent-site'])
      expect(changes(result, rule)).toEqual(['firing 65000', 'resolved 100000']);
    // What it was last heard to say is an hour old.
    expect(result.rows.alerts![0]).toMatchObject({ facts: { silentFor: '3665' } });
  });

  it('of each topic of a device is taken, whatever the order of their stamps', () => {
    const streams = {
      sensors: {
        topic: 'plant/{site}/{device}/+',
        format: 'json',
        time: { path: 'ts', unit: 'ms' },
        fields: { temp: 'number' },
      },
    };
    const script = createScript();
    for (let i = 0; i < 2; i++) {
      send(script, -1_000, { retain: true, topic: 'd1/a' });
      send(script, -5_000, { retain: true, topic: 'd1/b' });
      send(script, -5_000, { retain: true, topic: 'd1/c', temp: 1 });
    }
    expect(play(setUp([], { streams }), script).rows.sensors).toHaveLength(3);
  });

  it('with a stamp too far ahead says nothing, for its stamp is all that it has', () => {
    const script = createScript();
    send(script, 3_600_000);
    script.now = 10_000;
    send(script, 3_600_000, { retain: true });
    const result = play(SETUP, script);
    expect(result.rows.sensors).toHaveLength(1);
    expect(result.counters.readings_outdated).toBe(1);
  });

  it('is known by the stamp that its device sent, also where that was set back and lies in the past by now', () => {
    const script = createScript();
    // One is far ahead; the other is taken to be, for it begins near the limit.
    send(script, 3_600_000, { topic: 'd1/data' });
    send(script, 290_000, { topic: 'd2/data' });
    script.now = 7_200_000;
    reconnect(script);
    send(script, 3_600_000, { retain: true, topic: 'd1/data' });
    send(script, 290_000, { retain: true, topic: 'd2/data' });
    const result = play(SETUP, script);
    expect(result.rows.sensors!.map(({ clamped }) => clamped)).toEqual([true, true]);
    expect(result.counters.readings_outdated).toBe(2);
  });

  it('is left out where there is no room for its device, for nobody remembers what that has sent', () => {
    const streams = {
      sensors: {
        topic: 'plant/{site}/{device}/data',
        format: 'json',
        time: { path: 'ts', unit: 'ms' },
        fields: { temp: 'number' },
        limits: { devices: 1 },
      },
    };
    const script = createScript();
    for (const topic of ['d1/data', 'd2/data']) send(script, 0, { topic });
    reconnect(script);
    for (const topic of ['d1/data', 'd2/data']) send(script, 0, { topic, retain: true });
    const result = play(setUp([], { streams }), script);
    expect(result.rows.sensors).toHaveLength(2);
    expect(result.counters).toMatchObject({ readings_outdated: 2, readings_over_device_limit: 1 });
  });

  it('is known as such after a restart, also where what had come was retained itself', () => {
    const script = createScript();
    send(script, 0, { topic: 'd1/data' });
    send(script, 0, { retain: true, topic: 'd2/data' });
    script.message('plant/north/d3/data', '{', 0, { retain: true });
    script.mark('cut');
    const first = startFold(SETUP);
    first.feed(script.records);
    const behind = createScript();
    send(behind, 0, { retain: true, topic: 'd1/data' });
    send(behind, 0, { retain: true, topic: 'd2/data' });
    behind.message('plant/north/d3/data', '{', 0, { retain: true });
    behind.mark('cut');
    const next = startFold(SETUP, first.checkpoint());
    next.feed(behind.records.map((record) => ({ ...record, offset: record.offset + script.records.length })));
    expect(takeApart(SETUP, next.outputs)).toMatchObject({ events: [], batches: [] });
    expect(next.counters).toMatchObject({ readings_outdated: 1, retained_repeated: 2 });
  });

  it('is taken for known where an older version wrote the checkpoint and has heard the device since', () => {
    const script = createScript();
    script.now = 1_000;
    send(script, 900);
    script.mark('cut');
    const first = startFold(SETUP);
    first.feed(script.records);
    const older = asOlder(first.checkpoint(), { head: ['brought'], device: ['newestAt'] });
    const next = startFold(SETUP, older);
    const behind = createScript();
    send(behind, 900, { retain: true });
    next.feed(behind.records.slice(2).map((record) => ({ ...record, offset: 100 })));
    expect(next.counters.readings_outdated).toBe(1);
  });
});

describe('a retained message', () => {
  it('that cannot be decoded is a dead letter once', () => {
    const script = createScript();
    for (let i = 0; i < 3; i++) {
      script.message('plant/north/d1/data', '{', 0, { retain: true });
      script.message('elsewhere', '{}', 0, { retain: true });
      reconnect(script);
    }
    script.message('plant/north/d1/data', '{"', 0, { retain: true });
    const result = play(SETUP, script);
    expect(result.rows.dead_letters).toHaveLength(3);
    expect(result.counters).toMatchObject({ rejected: 3, retained_repeated: 4 });
  });

  it('does not count as what the session has brought: a gap begins before it', () => {
    const script = createScript();
    script.now = 1_000;
    send(script, 1_000);
    script.now = 2_000;
    reconnect(script);
    script.now = 3_000;
    send(script, 0, { retain: true });
    script.mark('disconnected', 0);
    script.mark('session-lost', 0);
    script.now = 4_000;
    script.mark('connected', 0);
    const [gap] = play(SETUP, script).rows.gaps!;
    expect((gap!.gap_from as number) - START_AT).toBe(1_000);
  });
});

describe('a retained status', () => {
  const SPOKEN = ['online first-reading 0'];

  it('that was heard before says nothing, whatever the device has sent since', () => {
    const script = createScript();
    send(script, 0, { temp: 20 });
    status(script, 'offline', false);
    script.now = 1_000;
    send(script, 1_000, { temp: 20 });
    reconnect(script);
    status(script, 'offline', true);
    const result = play(SETUP, script);
    expect(presence(result)).toEqual([...SPOKEN, 'offline last-will 0', 'online reading 1000']);
    expect(changes(result, 'silent')).toEqual(['firing 0', 'resolved 1000']);
  });

  it('of offline holds, where it is news', () => {
    const script = createScript();
    send(script, 0, { temp: 20 });
    reconnect(script);
    status(script, 'offline', true);
    const result = play(SETUP, script);
    expect(presence(result)).toEqual([...SPOKEN, 'offline last-will 100']);
    expect(changes(result, 'silent')).toEqual(['firing 100']);
  });

  it('of online brings a device online, but ends no silence, which only readings do', () => {
    const script = createScript();
    send(script, 0, { temp: 20 });
    status(script, 'offline', false);
    script.now = 10_000;
    reconnect(script);
    status(script, 'online', true);
    script.tickUntil(20_000);
    send(script, 20_000, { temp: 20 });
    const result = play(SETUP, script);
    expect(presence(result)).toEqual([...SPOKEN, 'offline last-will 0', 'online status 10100']);
    expect(changes(result, 'silent')).toEqual(['firing 0', 'resolved 20000']);
  });

  it('of online that nothing follows is not believed without end', () => {
    const script = createScript();
    status(script, 'online', true);
    script.tickUntil(70_000);
    reconnect(script);
    status(script, 'online', true);
    script.tickUntil(80_000);
    const result = play(SETUP, script);
    expect(presence(result)).toEqual(['online status 0', 'offline silence 60000']);
    expect(changes(result, 'silent')).toEqual(['firing 60000']);
  });

  it('of online does not put silence off for a device that is there', () => {
    const script = createScript();
    send(script, 0, { temp: 20 });
    script.tickUntil(50_000);
    status(script, 'online', true);
    script.tickUntil(70_000);
    expect(changes(play(SETUP, script), 'silent')).toEqual(['firing 60000']);
  });
});
