import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALERT_SAMPLES } from './alert-samples.ts';
import { changes, createScript, type Output, type Script, START_AT, setUp, startFold, takeApart } from './kit.ts';
import { createBusySetup, scripts } from './samples.ts';

const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });

const hot = (more: object) => ({
  name: 'hot',
  stream: 'sensors',
  conditions: above('temp', 10),
  event: { type: 'hot', params: { message: '{{device}} has {{temp}} ({{severity}})' } },
  ...more,
});

/** Folds a script under one rule and says, of each event and quiet change of the KV, when and what: `10000 firing d1`. */
function run(rule: object, script: Script) {
  const setup = setUp([rule]);
  script.mark('cut');
  const fold = startFold(setup);
  fold.feed(script.records);
  const { rows, events } = takeApart(setup, fold.outputs);
  const alerts = fold.outputs.filter((output) => output.kind === 'event' && output.subject.startsWith('weir.alerts.'));
  const told = alerts.flatMap((output) => {
    if (output.kind !== 'event') return [];
    const { type, time, subject } = JSON.parse(output.body);
    return [
      `${Date.parse(time) - START_AT} ${output.quiet ? 'quiet ' : ''}${type.slice('weir.alert.'.length)} ${subject}`,
    ];
  });
  const data = events.filter(({ subject }) => subject.startsWith('weir.alerts.')).map(({ body }) => body.data);
  return { told, data, rows: rows.alerts!, changes: changes({ rows }, 'hot'), open: openAlerts(fold.outputs), events };
}

/** What the KV of open alerts holds in the end: keys and the types of their events. */
function openAlerts(outputs: readonly Output[]): Record<string, string> {
  const open = new Map<string, string>();
  for (const output of outputs) {
    if (output.kind !== 'event' || output.kv?.bucket !== 'weir_alerts_open') continue;
    if (output.kv.value === null) open.delete(output.kv.key);
    else open.set(output.kv.key, JSON.parse(output.kv.value).type);
  }
  return Object.fromEntries(open);
}

/** Readings of d1, one a second from 0 on, ticks in between. */
function readings(...temps: readonly number[]): Script {
  const script = createScript();
  script.tick();
  temps.forEach((temp, i) => {
    script.tickUntil(i * 1_000);
    script.reading('d1', { temp });
  });
  return script;
}

describe('a rule that counts matches', () => {
  it('fires with the third of five', () => {
    const { changes } = run(hot({ for: { matches: 3, of: 5 } }), readings(11, 1, 11, 1, 11, 1, 1));
    expect(changes).toEqual(['pending 0', 'firing 4000', 'resolved 5000']);
  });
});

describe('a rule with levels', () => {
  const levels = [
    {
      severity: 'warning',
      conditions: above('temp', 10),
      clear: { all: [{ fact: 'temp', operator: 'lessThan', value: 8 }] },
    },
    { severity: 'critical', conditions: above('temp', 20) },
  ];
  const { conditions: _conditions, ...rule } = hot({ levels });

  it('is one alert that rises and falls, on the subject of its severity', () => {
    const { events, data, rows, open } = run(rule, readings(11, 21, 15, 9, 7));
    expect(events.filter(({ subject }) => subject.startsWith('weir.alerts')).map(({ subject }) => subject)).toEqual([
      'weir.alerts.warning.hot.d1',
      'weir.alerts.critical.hot.d1',
      'weir.alerts.warning.hot.d1',
      'weir.alerts.warning.hot.d1',
    ]);
    expect(data).toMatchObject([
      { state: 'firing', from: 'inactive', severity: 'warning', message: 'd1 has 11 (warning)' },
      {
        state: 'firing',
        from: 'firing',
        severity: 'critical',
        previousSeverity: 'warning',
        message: 'd1 has 21 (critical)',
      },
      { state: 'firing', from: 'firing', severity: 'warning', previousSeverity: 'critical' },
      { state: 'resolved', from: 'firing', severity: 'warning' },
    ]);
    expect(data[0]).not.toHaveProperty('previousSeverity');
    expect(data[3].conditions).toMatchObject([
      { severity: 'warning', operator: 'greaterThan', value: 10, result: false },
      { severity: 'warning', operator: 'lessThan', value: 8, result: true },
      { severity: 'critical', operator: 'greaterThan', value: 20, result: false },
    ]);
    expect(rows).toMatchObject([
      { from_state: 'inactive', state: 'firing', severity: 'warning', previous_severity: '' },
      { from_state: 'firing', state: 'firing', severity: 'critical', previous_severity: 'warning' },
      { from_state: 'firing', state: 'firing', severity: 'warning', previous_severity: 'critical' },
      { from_state: 'firing', state: 'resolved', severity: 'warning', previous_severity: '' },
    ]);
    expect(rows.map(({ since }) => since)).toEqual([START_AT, START_AT, START_AT, START_AT]);
    expect(open).toEqual({});
  });

  it('leaves the KV with the severity it has', () => {
    const script = readings(11, 21);
    const { events, open } = run(rule, script);
    expect(open).toEqual({ 'hot.d1': 'weir.alert.firing' });
    expect(events.at(-1)?.body.data.severity).toBe('critical');
  });

  it('rises only when a higher level has held as well', () => {
    const { rows } = run({ ...rule, for: '2s' }, readings(11, 11, 21, 21, 21));
    expect(rows.map(({ state, severity, time }) => `${severity} ${state} ${(time as number) - START_AT}`)).toEqual([
      'warning pending 0',
      'warning firing 2000',
      'critical firing 4000',
    ]);
  });
});

describe('a rule that repeats', () => {
  it('re-notifies what still fires, with the facts of its last outcome, even of a quiet device', () => {
    const script = readings(11, 12);
    script.tickUntil(7_000);
    script.reading('d1', { temp: 1 });
    script.tickUntil(20_000);
    const { told, data, rows } = run(hot({ repeat: '3s' }), script);
    expect(told).toEqual(['0 firing d1', '3000 repeat d1', '6000 repeat d1', '7000 resolved d1']);
    expect(data[1]).toMatchObject({
      state: 'firing',
      from: 'firing',
      facts: { temp: 12 },
      message: 'd1 has 12 (warning)',
    });
    expect(data[1].since).toBe(data[0].since);
    expect(rows).toHaveLength(2);
  });

  it('counts from the start after every change of severity', () => {
    const levels = [
      { severity: 'info', conditions: above('temp', 10) },
      { severity: 'critical', conditions: above('temp', 20) },
    ];
    const { conditions: _conditions, ...rule } = hot({ levels, repeat: '3s' });
    const script = readings(11, 11, 21);
    script.tickUntil(5_000);
    expect(run(rule, script).told).toEqual(['0 firing d1', '2000 firing d1', '5000 repeat d1']);
  });

  it('says of a silence how long it is by now', () => {
    const script = createScript();
    script.reading('d1', { temp: 1 });
    script.tickUntil(9_000);
    const rule = { name: 'hot', stream: 'sensors', silence: '3s', repeat: '5s', event: { type: 'gone' } };
    const { told, data } = run(rule, script);
    expect(told).toEqual(['3000 firing d1', '8000 repeat d1']);
    expect(data.map(({ facts }) => facts.silentFor)).toEqual([3, 8]);
  });
});

describe('a rule that knows flapping', () => {
  const rule = hot({ flapping: { changes: 3, within: '10s' } });

  it('publishes once that an alert flaps, keeps it open, and publishes its state when it is stable', () => {
    const script = readings(11, 1, 11, 1, 11);
    script.tickUntil(20_000);
    const { told, data, rows, open } = run(rule, script);
    expect(told).toEqual(['0 firing d1', '1000 resolved d1', '2000 flapping d1', '14000 firing d1']);
    expect(data[2]).toMatchObject({ state: 'firing', flapping: true });
    expect(data[3]).toMatchObject({ state: 'firing', reason: 'stable', facts: { temp: 11 } });
    expect(rows.map(({ state, suppressed }) => `${state} ${suppressed}`)).toEqual([
      'firing ',
      'resolved ',
      'firing ',
      'resolved flapping',
      'firing flapping',
    ]);
    expect(open).toEqual({ 'hot.d1': 'weir.alert.firing' });
  });

  it('closes an alert that is stable and resolved', () => {
    const script = readings(11, 1, 11, 1);
    expect(run(rule, script).open).toEqual({ 'hot.d1': 'weir.alert.flapping' });
    const longer = readings(11, 1, 11, 1);
    longer.tickUntil(13_000);
    const { told, data, open } = run(rule, longer);
    expect(told.at(-1)).toBe('13000 resolved d1');
    expect(data.at(-1)).toMatchObject({ state: 'resolved', reason: 'stable', durationMs: 11_000 });
    expect(open).toEqual({});
  });

  it('still repeats, and says that it flaps', () => {
    const script = readings(11, 1, 11, 1, 11);
    script.tickUntil(8_000);
    const { told, data } = run({ ...rule, repeat: '5s' }, script);
    expect(told.at(-1)).toBe('7000 repeat d1');
    expect(data.at(-1)).toMatchObject({ flapping: true });
  });
});

describe('a rule with a limit', () => {
  const rule = hot({ limit: { alerts: 2, per: '10s' } });
  const flood = () => {
    const script = createScript();
    script.tickUntil(1_000);
    for (const device of ['d1', 'd2', 'd3', 'd4']) script.reading(device, { temp: 11 });
    return script;
  };

  it('publishes so many, sums up the rest, and keeps table and KV correct', () => {
    const script = flood();
    script.tickUntil(11_000);
    const { told, data, rows, open, events } = run(rule, script);
    expect(told).toEqual([
      '1000 firing d1',
      '1000 firing d2',
      '1000 quiet firing d3',
      '1000 quiet firing d4',
      '11000 limited hot',
    ]);
    expect(events.at(-1)?.subject).toBe('weir.alerts.warning.hot.~limit');
    expect(data.at(-1)).toMatchObject({ state: 'limited', told: 2, heldBack: 2, keys: ['d3', 'd4'] });
    expect(Date.parse(data.at(-1).since)).toBe(START_AT + 1_000);
    expect(rows.map(({ suppressed }) => suppressed)).toEqual(['', '', 'limit', 'limit']);
    expect(Object.keys(open)).toEqual(['hot.d1', 'hot.d2', 'hot.d3', 'hot.d4']);
  });

  it('does not publish the end of what was held back', () => {
    const script = flood();
    script.tickUntil(12_000);
    for (const device of ['d1', 'd2', 'd3', 'd4']) script.reading(device, { temp: 1 });
    const { told, open } = run(rule, script);
    expect(told.slice(5)).toEqual([
      '12000 resolved d1',
      '12000 resolved d2',
      '12000 quiet resolved d3',
      '12000 quiet resolved d4',
    ]);
    expect(open).toEqual({});
  });

  it('publishes what was held back with its re-notification, as far as there is room', () => {
    const script = flood();
    script.tickUntil(31_000);
    const { told } = run({ ...rule, repeat: '15s' }, script);
    expect(told.slice(5)).toEqual(
      ['d1', 'd2', 'd3', 'd4']
        .flatMap((device) => `16000 repeat ${device}`)
        .concat(['d1', 'd2', 'd3', 'd4'].map((device) => `31000 repeat ${device}`)),
    );
    const crowded = createScript();
    crowded.tickUntil(1_000);
    for (const device of ['d1', 'd2', 'd3', 'd4', 'd5']) crowded.reading(device, { temp: 11 });
    crowded.tickUntil(27_000);
    const { told: later } = run({ ...rule, repeat: '15s' }, crowded);
    expect(later.filter((each) => / d[345]$/.test(each) && !each.includes('quiet'))).toEqual([
      '16000 repeat d3',
      '16000 repeat d4',
      '26000 repeat d5',
    ]);
  });
});

describe('a rule with hours', () => {
  // Scripts begin on Saturday, 2026-01-31, at 12:00 UTC.
  const active = { days: ['sat'], from: '13:01', to: '13:02', timeZone: 'Europe/Berlin' };
  const rule = hot({ active });
  const everySecond = (until: number) => {
    const script = createScript();
    for (let at = 0; at < until; at += 1_000) {
      script.tickUntil(at);
      script.reading('d1', { temp: 11 });
    }
    script.tickUntil(until);
    return script;
  };

  it('is looked at within them, and its alert ends with them', () => {
    const { told, data, rows } = run(rule, everySecond(150_000));
    expect(told).toEqual(['60000 firing d1', '120000 resolved d1']);
    expect(data[1]).toMatchObject({ reason: 'schedule', durationMs: 60_000, facts: { temp: 11 } });
    expect(rows[1]).toMatchObject({ state: 'resolved', reason: 'schedule' });
  });

  it('forgets what was pending with their end', () => {
    const twice = ['00', '02'].map((minute) => ({
      from: `12:${minute}`,
      to: `12:0${Number(minute) + 1}`,
      timeZone: 'UTC',
    }));
    const { changes } = run({ ...rule, for: '50s', active: twice }, everySecond(200_000));
    expect(changes).toEqual([
      'pending 0',
      'firing 50000',
      'resolved 60000',
      'pending 120000',
      'firing 170000',
      'resolved 180000',
    ]);
    const { changes: longer } = run({ ...rule, for: '70s', active: twice }, everySecond(200_000));
    expect(longer).toEqual(['pending 0', 'inactive 60000', 'pending 120000', 'inactive 180000']);
  });

  it('uses the time of the reading as well as of its arrival', () => {
    const script = createScript();
    script.tickUntil(90_000);
    script.reading('d1', { temp: 11 }, { ahead: -40_000 });
    script.tickUntil(130_000);
    script.reading('d1', { temp: 11 }, { ahead: -30_000 });
    script.tickUntil(140_000);
    expect(run(rule, script).told).toEqual([]);
  });

  it('does not count a window that ends when they begin', () => {
    const { conditions: _conditions, event: _event, ...rest } = rule;
    const windowed = {
      ...rest,
      window: { tumbling: '10s' },
      facts: { mean: { mean: 'temp' } },
      conditions: above('mean', 10),
      event: { type: 'hot' },
    };
    const { changes } = run(windowed, everySecond(150_000));
    expect(changes).toEqual(['firing 70000', 'resolved 120000']);
  });

  it('publishes a silence that began before them when they begin', () => {
    const script = createScript();
    script.reading('d1', { temp: 1 });
    script.reading('d2', { temp: 1 });
    script.tickUntil(30_000);
    script.reading('d2', { temp: 1 });
    script.tickUntil(58_000);
    script.reading('d2', { temp: 1 });
    script.tickUntil(130_000);
    script.reading('d1', { temp: 1 });
    script.tickUntil(140_000);
    const silence = { name: 'hot', stream: 'sensors', silence: '10s', active, event: { type: 'gone' } };
    const { told, data } = run(silence, script);
    expect(told).toEqual(['60000 firing d1', '68000 firing d2', '120000 resolved d1', '120000 resolved d2']);
    expect(data[0].facts).toEqual({ silentFor: 60, reason: 'silence' });
  });
});

describe('a gap in the data', () => {
  it('does not resolve an alert', () => {
    const script = readings(11);
    script.tickUntil(3_600_000);
    expect(run(hot({}), script).told).toEqual(['0 firing d1']);
  });

  it('does so after the time that the rule says, as far as data could have come', () => {
    const script = readings(11, 12);
    script.tickUntil(5_000);
    script.mark('disconnected', 0);
    script.tickUntil(100_000);
    script.mark('connected', 0);
    script.tickUntil(120_000);
    const { told, data } = run(hot({ resolveAfter: '10s' }), script);
    expect(told).toEqual(['0 firing d1', '106000 resolved d1']);
    expect(data[1]).toMatchObject({ reason: 'gap', facts: { temp: 12 }, from: 'firing' });
  });

  it('ends an alert no earlier than it began, whatever the clock of its device says', () => {
    const script = createScript();
    for (const at of [0, 5_000]) {
      script.tickUntil(at);
      script.reading('d1', { temp: 11 }, { ahead: 60_000 });
    }
    script.tickUntil(20_000);
    const { changes } = run(hot({ for: '5s', resolveAfter: '10s' }), script);
    expect(changes).toEqual(['pending 60000', 'firing 65000', 'resolved 65000']);
  });

  it('is counted from the last outcome, and lets what is pending fall back', () => {
    const script = readings(11);
    script.tickUntil(8_000);
    script.reading('d1', { temp: 11 });
    script.tickUntil(16_000);
    script.reading('d1', { temp: 11 });
    script.tickUntil(40_000);
    expect(run(hot({ for: '20s', resolveAfter: '10s' }), script).changes).toEqual(['pending 0', 'inactive 26000']);
  });
});

describe('the KV of open alerts', () => {
  it('holds what fires and what flaps, whatever is published', () => {
    const setup = createBusySetup();
    const flapping = new Set(ALERT_SAMPLES.filter((rule) => 'flapping' in rule).map(({ name }) => name));
    let held = 0;
    fc.assert(
      fc.property(scripts, ({ records }) => {
        const fold = startFold(setup);
        fold.feed(records);
        const { rows } = takeApart(setup, fold.outputs);
        const states = new Map<string, string>();
        for (const { rule, key, state } of rows.alerts!) states.set(`${rule} ${key}`, String(state));
        const fires = [...states.values()].filter((state) => state === 'firing').length;
        const open = Object.entries(openAlerts(fold.outputs));
        const steady = open.filter(([key]) => !flapping.has(key.split('.')[0]!));
        const wanted = [...states].filter(([key, state]) => state === 'firing' && !flapping.has(key.split(' ')[0]!));
        expect(steady.length).toBe(wanted.length);
        expect(open.length).toBeGreaterThanOrEqual(wanted.length);
        held += fires;
      }),
      { numRuns: 40, endOnFailure: true },
    );
    expect(held).toBeGreaterThan(10);
  });
});
