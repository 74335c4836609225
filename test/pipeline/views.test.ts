import { describe, expect, it } from 'vitest';
import { hasWatermark } from '../../engine/state/device.ts';
import type { GroupState } from '../../engine/state/group.ts';
import { restore } from '../../engine/state/snapshot.ts';
import { changes, createScript, piecesOf, play, type Result, START_AT, setUp, startFold } from './kit.ts';
import type { Row } from './rows.ts';

const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });
const pieces = {
  name: 'pieces',
  stream: 'sensors',
  per: ['site', 'device'],
  window: { tumbling: '10s' },
  facts: { mean: { mean: 'temp' }, mode: { last: 'mode' }, open: { last: 'door' } },
};
const minutes = {
  name: 'minutes',
  stream: 'pieces',
  per: ['site'],
  window: { tumbling: '1m' },
  facts: { mean: { mean: 'mean' }, devices: { distinct: 'device' } },
};
const warm = { name: 'warm', stream: 'minutes', conditions: above('mean', 20), event: { type: 'warm' } };
const FIELDS = {
  fields: { temp: { type: 'number', unit: '°C' }, door: 'boolean', mode: 'string' },
  time: { path: 'ts', unit: 'ms' },
  topic: 'plant/{site}/{device}/data',
  format: 'json',
};

/** Rows that the SQL of an alert's evidence asks for, read with what this test expects it to say. */
function behind({ rows, events }: Result, rule: string, state: string): Row[] {
  const { evidence } = events.find(({ body }) => body.data.rule === rule && body.data.state === state)!.body.data;
  const { view, key, site } =
    /FROM weir\.facts WHERE rule = '(?<view>[^']*)'(?: AND key = '(?<key>[^']*)')?(?: AND labels\['site'\] = '(?<site>[^']*)')?(?= AND time >=)/.exec(
      evidence.sql,
    )!.groups!;
  expect(evidence.sql).toContain(`time >= toDateTime64('${evidence.from.slice(0, -1).replace('T', ' ')}`);
  return rows.facts!.filter(
    (row) =>
      row.rule === view &&
      (key === undefined || row.key === key) &&
      (site === undefined || (row.labels as Row).site === site) &&
      (row.time as number) >= Date.parse(evidence.from) &&
      (row.time as number) <= Date.parse(evidence.to),
  );
}

/** Two devices of a site for 80 s, then a minute and a half without a word. */
function twoDevices() {
  const script = createScript();
  for (let second = 0; second <= 80; second += 5) {
    script.tickUntil(second * 1_000);
    script.reading('d1', { temp: second < 60 ? 10 : 90, mode: 'on', door: true });
    script.reading('d2', { temp: second < 60 ? 40 : 90 });
  }
  script.tickUntil(170_000);
  return script;
}

describe('a view of a view, and a rule over it', () => {
  const setup = setUp([warm, minutes, pieces], { streams: { sensors: FIELDS } });
  const result = play(setup, twoDevices());
  const of = (rule: string) => result.rows.facts!.filter((row) => row.rule === rule);

  it('stores what each says, window by window', () => {
    expect(of('pieces')).toHaveLength(18);
    const [first] = of('pieces');
    const { name: rule, version } = setup.plan.rules.find(({ name }) => name === 'pieces')!;
    expect(first).toMatchObject({
      rule,
      version,
      time: START_AT + 10_000,
      start: START_AT,
      key: 'north|d1',
      labels: { site: 'north', device: 'd1' },
      facts: { mean: 10, open: 1 },
      texts: { mode: 'on' },
    });
    expect(of('pieces').find((row) => row.key === 'north|d2')).toMatchObject({ facts: { mean: 40 }, texts: {} });
    const told = of('minutes').map((row) => [(row.time as number) - START_AT, row.key, row.facts]);
    expect(told).toEqual([
      [60_000, 'north', { mean: 25, devices: 2 }],
      [120_000, 'north', { mean: 90, devices: 2 }],
    ]);
  });

  it('says the same as events, with units', () => {
    const told = result.events.filter(({ subject }) => subject.startsWith('weir.facts.'));
    expect(told.map(({ id }) => id).sort()).toEqual(result.rows.facts!.map((row) => row.id).sort());
    const { subject, body } = told.find(({ body }) => body.data.rule === 'minutes')!;
    expect(subject).toBe('weir.facts.minutes.north');
    expect(body).toMatchObject({
      type: 'weir.facts',
      subject: 'north',
      time: '2026-01-31T12:01:00.000Z',
      data: {
        key: 'north',
        labels: { site: 'north' },
        start: '2026-01-31T12:00:00.000Z',
        end: '2026-01-31T12:01:00.000Z',
        facts: { mean: 25, devices: 2 },
        units: { mean: '°C' },
      },
    });
  });

  it('raises alerts at the last instant of the window, with the row behind each', () => {
    expect(changes(result, 'warm')).toEqual(['firing 59999']);
    const [alert] = result.rows.alerts!;
    expect(alert).toMatchObject({ stream: 'minutes', key: 'north', device: '', facts: { mean: '25', devices: '2' } });
    expect(behind(result, 'warm', 'firing')).toMatchObject([{ rule: 'minutes', time: START_AT + 60_000 }]);
    expect([alert!.evidence_from, alert!.evidence_to]).toEqual([START_AT + 60_000, START_AT + 60_000]);
  });

  it('closes windows of windows by ticks when the devices are quiet, each level behind the one below', () => {
    const seen = result.events.filter(({ body }) => body.data.rule === 'minutes' && body.type === 'weir.facts');
    const records = twoDevices().records;
    const causes = seen.map(({ id }) => records[Number(id.split('.')[1])]!);
    // The piece to 70 s closes with the tick behind the reading at 70 s, the minute with the next one. In quiet, the piece to 90 s closes
    // at 92 s, and the minute is waited for from there on: for the grace, a stride of pieces, and the 30 s that its last piece lacks.
    expect(causes.map(({ kind, at }) => [kind, at - START_AT])).toEqual([
      ['tick', 72_000],
      ['tick', 135_000],
    ]);
  });
});

describe('a rule with a window over a view', () => {
  it('has the rows of all its windows behind it, and no others', () => {
    const rule = {
      name: 'hottest',
      stream: 'pieces',
      per: ['site'],
      window: { tumbling: '30s' },
      facts: { hottest: { max: 'mean' } },
      conditions: above('hottest', 30),
      event: { type: 'hottest' },
    };
    const result = play(setUp([pieces, rule]), twoDevices());
    const rows = behind(result, 'hottest', 'firing');
    expect(rows.map((row) => [(row.time as number) - START_AT, row.key])).toEqual([
      [10_000, 'north|d1'],
      [10_000, 'north|d2'],
      [20_000, 'north|d1'],
      [20_000, 'north|d2'],
      [30_000, 'north|d1'],
      [30_000, 'north|d2'],
    ]);
  });
});

describe('a view without a window', () => {
  const steps = { name: 'steps', stream: 'sensors', facts: { step: { delta: 'temp' } } };
  const jump = { name: 'jump', stream: 'steps', conditions: above('step', 3), event: { type: 'jump' } };

  it('says its facts with each reading, and a rule over it evaluates them there', () => {
    const script = createScript();
    for (const temp of [1, 2, 7, 7]) {
      script.now += 1_000;
      script.reading('d1', { temp });
    }
    const result = play(setUp([steps, jump]), script);
    expect(result.rows.facts!.map((row) => [(row.time as number) - START_AT, row.facts])).toEqual([
      [1_000, {}],
      [2_000, { step: 1 }],
      [3_000, { step: 5 }],
      [4_000, { step: 0 }],
    ]);
    expect(changes(result, 'jump')).toEqual(['firing 3000', 'resolved 4000']);
    expect(behind(result, 'jump', 'resolved')).toMatchObject([{ time: START_AT + 4_000 }]);
  });

  it('gives results that one message brings about at one instant ids of their own', () => {
    const lines = { sensors: { topic: 'plant/{device}', format: 'ndjson', fields: { temp: 'number' } } };
    const script = createScript();
    script.message('plant/d1', '{"temp":1}\n{"temp":5}\n{"temp":7}');
    script.message('plant/d1', '{"temp":1}');
    const { rows } = play(setUp([steps], { streams: lines }), script);
    const at = `${START_AT}000`;
    expect(rows.facts!.map((row) => row.id)).toEqual([
      `j0.2.steps.d1.facts.${at}`,
      `j0.2.steps.d1.facts.${at}.1`,
      `j0.2.steps.d1.facts.${at}.2`,
      `j0.3.steps.d1.facts.${at}`,
    ]);
  });
});

describe('a checkpoint', () => {
  const cold = { name: 'cold', stream: 'sensors', conditions: above('temp', 5), event: { type: 'cold' } };
  const before = setUp([pieces, minutes, warm, cold]);
  const fold = startFold(before);
  const script = twoDevices();
  fold.feed(script.records.filter(({ at }) => at <= START_AT + 75_000));
  const taken = piecesOf(fold.checkpoint());
  const statesAfter = (...rules: readonly object[]) => {
    const { plan } = setUp(rules);
    const { state, dropped } = restore(plan, ['mqtt'], taken);
    const windows = (stream: string) => {
      const index = plan.streams.findIndex(({ name }) => name === stream);
      const { devices, keys } = state.streams[index]!;
      const groups = keys.slice(1).flatMap((each) => [...each.values()] as GroupState[]);
      const ofDevices = [...devices.values()].filter(hasWatermark).length;
      return ofDevices + groups.filter(({ watermarks }) => watermarks.length > 0).length;
    };
    return { dropped: [...dropped].sort(), windows };
  };

  it('brings back what views and the rules over them remember', () => {
    const { dropped, windows } = statesAfter(pieces, minutes, warm, cold);
    expect(dropped).toEqual([]);
    expect(windows('pieces')).toBeGreaterThan(0);
  });

  it('loses, with a view that has changed, what is over it', () => {
    const { dropped, windows } = statesAfter({ ...pieces, window: { tumbling: '20s' } }, minutes, warm, cold);
    expect(dropped).toEqual(['rule minutes', 'rule pieces', 'rule warm']);
    expect(windows('pieces')).toBe(0);
    expect(windows('sensors')).toBeGreaterThan(0);
    expect(statesAfter(pieces, { ...minutes, window: { tumbling: '2m' } }, warm, cold).dropped).toEqual([
      'rule minutes',
      'rule warm',
    ]);
  });

  it('loses views that are gone, and what was over them', () => {
    expect(statesAfter(cold).dropped).toEqual(['rule minutes', 'rule pieces', 'rule warm']);
    expect(statesAfter(pieces, cold).dropped).toEqual(['rule minutes', 'rule warm']);
  });
});
