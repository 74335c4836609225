import { describe, expect, it } from 'vitest';
import { changes, createScript, play, type Result, type Script, START_AT, setUp, startFold, takeApart } from './kit.ts';

const event = {
  type: 'offline',
  params: { severity: 'critical', message: '{{key}} silent for {{silentFor}} s ({{reason}})' },
};
const SILENT = { name: 'silent', stream: 'sensors', silence: '60s', event };
const SETUP = setUp([SILENT]);

/** `offline silence 60000` for every change of a device, in order. */
function presence(result: Pick<Result, 'rows'>, device = 'd1'): string[] {
  return result.rows
    .devices!.filter((row) => row.device === device)
    .map((row) => `${row.online ? 'online' : 'offline'} ${row.reason} ${(row.time as number) - START_AT}`);
}

function readingAt(script: Script, ms: number, device = 'd1'): void {
  script.now = ms;
  script.reading(device, { temp: 1 });
}

describe('a silent device', () => {
  it('goes offline with an alert after its time, and is back with its next reading', () => {
    const script = createScript();
    readingAt(script, 500);
    script.tickUntil(70_000);
    readingAt(script, 80_500);
    const result = play(SETUP, script);
    expect(presence(result)).toEqual(['online first-reading 500', 'offline silence 61000', 'online reading 80500']);
    expect(changes(result, 'silent')).toEqual(['firing 61000', 'resolved 80500']);
    expect(result.rows.alerts).toMatchObject([
      {
        message: 'd1 silent for 60.5 s (silence)',
        facts: { silentFor: '60.5', reason: '"silence"' },
        evidence_from: START_AT + 500,
        evidence_to: START_AT + 61_000,
      },
      { facts: { silentFor: '0' }, since: START_AT + 61_000 },
    ]);
    expect(result.events.map(({ subject }) => subject)).toEqual([
      'weir.devices.online.d1',
      'weir.devices.offline.d1',
      'weir.alerts.critical.silent.d1',
      'weir.devices.online.d1',
      'weir.alerts.critical.silent.d1',
    ]);
    expect(result.events[1]!.body.data).toMatchObject({
      device: 'd1',
      stream: 'sensors',
      state: 'offline',
      reason: 'silence',
      labels: { site: 'north' },
      lastSeenAt: '2026-01-31T12:00:00.500Z',
    });
    // Nobody had heard of it before its first reading.
    expect(result.events[0]!.body.data).toMatchObject({
      reason: 'first-reading',
      lastSeenAt: '2026-01-31T12:00:00.500Z',
    });
  });

  it('is one that is silent for the whole time, to the millisecond', () => {
    const script = createScript();
    readingAt(script, 0);
    script.tickUntil(59_000);
    readingAt(script, 59_999);
    for (script.now of [60_000, 61_000, 119_998]) script.tick();
    const before = play(SETUP, { ...script, records: [...script.records] });
    expect(presence(before)).toEqual(['online first-reading 0']);
    // Every second, as ticks come: a step of nearly a minute would count as an outage of our own.
    const later = createScript();
    readingAt(later, 59_999);
    later.tickUntil(119_000);
    later.now = 119_999;
    later.tick();
    expect(presence(play(SETUP, later))).toEqual(['online first-reading 59999', 'offline silence 119999']);
  });

  it('may be silent for one rule and not yet for another', () => {
    const longer = { ...SILENT, name: 'longer', silence: '90s' };
    const script = createScript();
    readingAt(script, 0);
    script.tickUntil(100_000);
    const result = play(setUp([longer, SILENT]), script);
    expect(changes(result, 'silent')).toEqual(['firing 60000']);
    expect(changes(result, 'longer')).toEqual(['firing 90000']);
    expect(presence(result)).toEqual(['online first-reading 0', 'offline silence 60000']);
  });

  it('must be silent for as much longer as `for` says', () => {
    const script = createScript();
    readingAt(script, 0);
    script.tickUntil(100_000);
    expect(changes(play(setUp([{ ...SILENT, for: '30s' }]), script), 'silent')).toEqual(['firing 90000']);
  });

  it('must be back for as long as `keepFiring` says, with readings all the time', () => {
    const script = createScript();
    readingAt(script, 0);
    script.tickUntil(60_000);
    for (const ms of [61_000, 65_000, 70_999, 71_000, 72_000]) readingAt(script, ms);
    const result = play(setUp([{ ...SILENT, keepFiring: '10s' }]), script);
    expect(changes(result, 'silent')).toEqual(['firing 60000', 'resolved 71000']);
  });

  it('fires again when it falls silent again', () => {
    const script = createScript();
    readingAt(script, 0);
    script.tickUntil(60_000);
    readingAt(script, 60_500);
    script.tickUntil(130_000);
    const result = play(SETUP, script);
    expect(changes(result, 'silent')).toEqual(['firing 60000', 'resolved 60500', 'firing 121000']);
  });
});

describe('a silent group', () => {
  const setup = setUp([{ ...SILENT, name: 'site', per: ['site'] }]);

  it('is one none of whose devices speaks; nobody goes offline by it', () => {
    const script = createScript();
    readingAt(script, 0, 'd1');
    readingAt(script, 0, 'd2');
    for (let ms = 10_000; ms <= 50_000; ms += 10_000) {
      script.tickUntil(ms);
      script.reading('d2', { temp: 1 });
    }
    script.tickUntil(120_000);
    const result = play(setup, script);
    expect(changes(result, 'site', 'north')).toEqual(['firing 110000']);
    expect(presence(result)).toEqual(['online first-reading 0']);
  });

  it('is not made by a status, which need not even know its labels', () => {
    const sensors = {
      topic: 'plant/{device}/data',
      format: 'json',
      labels: { site: 'site' },
      fields: { temp: 'number' },
      status: { topic: 'plant/{device}/status' },
    };
    const script = createScript();
    script.message('plant/d1/status', 'online');
    script.message('plant/d1/data', '{"temp":1,"site":"north"}');
    script.now = 1_000;
    script.message('plant/d1/status', 'online');
    script.tickUntil(100_000);
    const result = play(setUp([{ ...SILENT, name: 'site', per: ['site'] }, SILENT], { streams: { sensors } }), script);
    expect(changes(result, 'site')).toEqual(['firing 60000']);
    expect(result.rows.alerts!.filter((row) => row.rule === 'site').map((row) => row.key)).toEqual(['north']);
    const offline = result.events.find(({ subject }) => subject === 'weir.devices.offline.d1');
    expect(offline!.body.data.labels).toEqual({ site: 'north' });
    // It is a sign of life of its device, though.
    expect(changes(result, 'silent')).toEqual(['firing 61000']);
  });
});

describe('a last will', () => {
  it('takes a device offline at once, and its next reading brings it back', () => {
    const script = createScript();
    readingAt(script, 0);
    script.now = 5_000;
    script.message('plant/north/d1/status', 'offline');
    script.tickUntil(70_000);
    readingAt(script, 71_000);
    const result = play(SETUP, script);
    expect(presence(result)).toEqual(['online first-reading 0', 'offline last-will 5000', 'online reading 71000']);
    expect(changes(result, 'silent')).toEqual(['firing 5000', 'resolved 71000']);
    expect(result.rows.alerts![0]).toMatchObject({
      message: 'd1 silent for 5 s (last-will)',
      facts: { silentFor: '5', reason: '"last-will"' },
      conditions: '[]',
    });
  });

  it('of a device that was never seen is published once, however often the broker repeats it', () => {
    const script = createScript();
    for (script.now of [1_000, 2_000, 3_000]) script.message('plant/north/d1/status', 'offline');
    script.now = 4_000;
    script.message('plant/north/d1/status', 'online');
    script.message('plant/north/d1/status', 'online');
    const result = play(SETUP, script);
    expect(presence(result)).toEqual(['offline last-will 1000', 'online status 4000']);
    expect(result.rows.alerts![0]).toMatchObject({ facts: { silentFor: '0' }, evidence_from: START_AT + 1_000 });
  });

  it('does not silence the group of its device', () => {
    const script = createScript();
    readingAt(script, 0);
    script.now = 5_000;
    script.message('plant/north/d1/status', 'offline');
    const result = play(setUp([{ ...SILENT, per: ['site'] }]), script);
    expect(result.rows.alerts).toEqual([]);
    expect(presence(result)).toEqual(['online first-reading 0', 'offline last-will 5000']);
  });
});

describe('an outage of our own', () => {
  it('makes no device silent: their time stops with ours', () => {
    const script = createScript();
    readingAt(script, 0);
    script.tickUntil(50_000);
    script.mark('disconnected', 0);
    script.tickUntil(3_600_000);
    script.mark('connected', 0);
    script.tickUntil(3_609_000);
    expect(presence(play(SETUP, { ...script, records: [...script.records] }))).toEqual(['online first-reading 0']);
    script.tickUntil(3_611_000);
    expect(presence(play(SETUP, script))).toEqual(['online first-reading 0', 'offline silence 3610000']);
  });

  it('is also a process that was stopped, with or without a word', () => {
    for (const last of ['disconnected', undefined] as const) {
      const script = createScript();
      readingAt(script, 0);
      script.tickUntil(50_000);
      if (last !== undefined) script.mark(last, 0);
      script.now = 3_600_000;
      script.mark('started');
      script.tickUntil(3_605_000);
      script.mark('connected', 0);
      script.tickUntil(3_616_000);
      const result = play(SETUP, script);
      expect(presence(result)).toEqual(['online first-reading 0', 'offline silence 3615000']);
    }
  });

  it('counts from the connection on, however long ago the last record is', () => {
    const script = createScript();
    readingAt(script, 0);
    script.tickUntil(50_000);
    script.now = 3_600_000;
    script.mark('started');
    script.mark('connected', 0);
    script.tickUntil(3_612_000);
    expect(presence(play(SETUP, script))).toEqual(['online first-reading 0', 'offline silence 3610000']);
  });

  it('is a computer that slept', () => {
    const script = createScript();
    readingAt(script, 0);
    script.tickUntil(50_000);
    script.now = 3_600_000;
    script.tick();
    script.tickUntil(3_604_000);
    expect(presence(play(SETUP, { ...script, records: [...script.records] }))).toEqual(['online first-reading 0']);
  });

  it('concerns only the devices of the broker that is away', () => {
    const mqtt = [
      { name: 'a', url: 'mqtt://a', clientId: 'a' },
      { name: 'b', url: 'mqtt://b', clientId: 'b' },
    ];
    const setup = setUp([SILENT], { mqtt });
    const script = createScript(2);
    script.reading('d1', { temp: 1 }, { connection: 0 });
    script.reading('d2', { temp: 1 }, { connection: 1 });
    script.tickUntil(10_000);
    script.mark('disconnected', 0);
    script.tickUntil(100_000);
    const result = play(setup, script);
    expect(presence(result, 'd1')).toEqual(['online first-reading 0']);
    expect(presence(result, 'd2')).toEqual(['online first-reading 0', 'offline silence 60000']);
  });

  it('does not hide a device that had changed to the other broker', () => {
    const mqtt = [
      { name: 'a', url: 'mqtt://a', clientId: 'a' },
      { name: 'b', url: 'mqtt://b', clientId: 'b' },
    ];
    const script = createScript(2);
    script.mark('disconnected', 1);
    script.tickUntil(500_000);
    script.reading('d1', { temp: 1 }, { connection: 0 });
    script.mark('connected', 1);
    script.mark('disconnected', 0);
    script.reading('d1', { temp: 1 }, { connection: 1 });
    script.tickUntil(580_000);
    expect(presence(play(setUp([SILENT], { mqtt }), script))).toEqual([
      'online first-reading 500000',
      'offline silence 560000',
    ]);
  });
});

describe('a checkpoint', () => {
  /** What is known of d1 after 30 s, by broker `b`, whose live time is far from that of `a`. */
  function halfway(): string {
    const setup = twoBrokers(['a', 'b']);
    const script = createScript(2);
    script.mark('disconnected', 0);
    script.tickUntil(400_000);
    script.reading('d1', { temp: 1 }, { connection: 1 });
    script.tickUntil(430_000);
    script.mark('cut');
    const fold = startFold(setup);
    fold.feed(script.records);
    return fold.checkpoint();
  }

  function twoBrokers(names: readonly string[]) {
    return setUp([SILENT], { mqtt: names.map((name) => ({ name, url: `mqtt://${name}`, clientId: name })) });
  }

  function goOn(names: readonly string[]): string[] {
    const setup = twoBrokers(names);
    const fold = startFold(setup, halfway());
    const script = createScript(names.length);
    script.records.length = 0;
    script.now = 430_000;
    for (let i = 0; i < names.length; i++) script.mark('connected', i);
    script.tickUntil(500_000);
    script.mark('cut');
    fold.feed(script.records);
    return presence(takeApart(setup, fold.outputs));
  }

  it('knows brokers by their names, also when the config lists them in another order', () => {
    expect(goOn(['a', 'b'])).toEqual(['offline silence 460000']);
    expect(goOn(['b', 'a'])).toEqual(['offline silence 460000']);
    expect(goOn(['c', 'b', 'a'])).toEqual(['offline silence 460000']);
  });

  it('lets the devices of a broker that is gone wait from the start', () => {
    expect(goOn(['a'])).toEqual(['offline silence 490000']);
  });
});
