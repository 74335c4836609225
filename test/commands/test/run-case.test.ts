import { readdirSync, readFileSync } from 'node:fs';
import { type Schema, Validator } from '@cfworker/json-schema';
import { describe, expect, it } from 'vitest';
import { caseSchema } from '../../../engine/commands/test/case-schema.ts';
import { compare, formatDifference } from '../../../engine/commands/test/compare.ts';
import { readCases } from '../../../engine/commands/test/read-cases.ts';
import { runCase } from '../../../engine/commands/test/run-case.ts';
import { formatProblem } from '../../../engine/document/problem.ts';
import { readStreams } from '../../language/streams.ts';

const setup = { streams: readStreams(), rules: [], maxAheadMs: 300_000 };

/** Fires at 1 s, resolves at 3 s; its window closes at 12 s with a mean of 25. */
const sound = {
  about: 'A warm minute',
  rules: [
    { name: 'hot', conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: 30 }] } },
    { name: 'mean', window: { tumbling: '10s' }, facts: { mean: { mean: 'temp' }, n: { count: true } } },
  ],
  readings: [{ at: '0s', every: '1s', temp: [20, 40, 35, 5] }],
  until: '15s',
  windows: [{ rule: 'mean', from: '0s', to: '10s', closed: '12s', facts: { mean: 25, n: 4 } }],
  alerts: [
    { rule: 'hot', at: '1s', to: 'firing', facts: { temp: 40 } },
    { rule: 'hot', at: '3s', to: 'resolved', since: '1s' },
  ],
  late: [],
  rejected: [],
};

function read(...cases: readonly object[]) {
  return readCases('x.json', JSON.stringify({ cases }, null, 2), setup);
}

function differences(changed: object): string[] {
  const { cases, problems } = read({ ...sound, ...changed });
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
  return cases.flatMap(({ testCase, run }) => compare(testCase, runCase(run), run.compiled).map(formatDifference));
}

function errors(changed: object): string[] {
  const { cases, problems } = read({ ...sound, ...changed });
  expect(cases).toEqual([]);
  return problems.filter(({ severity }) => severity === 'error').map(formatProblem);
}

describe('a case', () => {
  it('has no differences if everything is as expected', () => {
    expect(differences({})).toEqual([]);
  });

  it('may start at any millisecond, but not at a date that does not exist', () => {
    const events = [
      { rule: 'hot', at: '1s', type: 'firing' },
      { rule: 'hot', at: '3s', type: 'resolved' },
    ];
    expect(differences({ start: '2026-01-01T00:00:00.250Z', windows: undefined, events })).toEqual([]);
    for (const start of ['2026-02-30T00:00:00Z', '2026-01-01T25:00:00.5Z']) {
      expect(errors({ start })).toEqual([expect.stringContaining(`\`start\` is "${start}", which no calendar has.`)]);
    }
  });

  it('needs no sequence numbers if devices number their readings', () => {
    const streams = setup.streams.map((stream) => ({ ...stream, sequence: { path: 'seq' } }));
    const { cases } = readCases('x.json', JSON.stringify({ cases: [sound] }), { ...setup, streams });
    expect(cases.flatMap(({ testCase, run }) => compare(testCase, runCase(run), run.compiled))).toEqual([]);
    expect(cases).toHaveLength(1);
  });

  it.each([
    [
      'another value of a fact',
      { windows: [{ ...sound.windows[0], facts: { mean: 26, n: 4 } }] },
      ['windows: mean of "d1" from 0s to 10s: fact mean: expected 26, found 25'],
    ],
    [
      'a fact of the window that it does not name',
      { windows: [{ ...sound.windows[0], facts: { mean: 25 } }] },
      ['windows: mean of "d1" from 0s to 10s: fact n: expected nothing, found 4'],
    ],
    [
      'a value out of bounds',
      {
        windows: [{ ...sound.windows[0], facts: { mean: { atLeast: 20, atMost: 24 }, n: { atLeast: 4, atMost: 4 } } }],
      },
      ['windows: mean of "d1" from 0s to 10s: fact mean: expected {"atLeast":20,"atMost":24}, found 25'],
    ],
    [
      'a window that closes later',
      { windows: [{ ...sound.windows[0], closed: '13s' }] },
      ['windows: mean of "d1" from 0s to 10s: closed: expected "13s", found "12s"'],
    ],
    [
      'another window',
      { windows: [{ ...sound.windows[0], to: '20s' }] },
      [
        'windows: mean of "d1" from 0s to 20s: expected, not found',
        'windows: mean of "d1" from 0s to 10s: not expected, found {"rule":"mean","key":"d1","from":"0s","to":"10s","closed":"12s","facts":{"mean":25,"n":4}}',
      ],
    ],
    [
      'an alert of another device',
      { alerts: [{ ...sound.alerts[0], key: 'd2' }] },
      [
        'alerts: hot of "d2" at 1s firing: expected, not found',
        expect.stringMatching(/^alerts: hot of "d1" at 1s firing: not expected, found \{/),
        expect.stringMatching(/^alerts: hot of "d1" at 3s resolved: not expected, found \{/),
      ],
    ],
    [
      'an alert too few',
      { alerts: [sound.alerts[0]] },
      [expect.stringMatching(/^alerts: hot of "d1" at 3s resolved: not expected/)],
    ],
    [
      'an alert too many',
      { alerts: [...sound.alerts, { rule: 'hot', at: '4s', to: 'firing' }] },
      ['alerts: hot of "d1" at 4s firing: expected, not found'],
    ],
    [
      'alerts in another order',
      { alerts: [...sound.alerts].reverse() },
      [
        expect.stringMatching(/^alerts: hot of "d1" at 1s firing: not expected/),
        'alerts: hot of "d1" at 1s firing: expected, not found',
      ],
    ],
    [
      'a fact of the alert, and since when',
      {
        alerts: [
          { ...sound.alerts[0], facts: { temp: 41, humidity: 1 } },
          { ...sound.alerts[1], since: '0s' },
        ],
      },
      [
        'alerts: hot of "d1" at 1s firing: fact temp: expected 41, found 40',
        'alerts: hot of "d1" at 1s firing: fact humidity: expected 1, found null',
        'alerts: hot of "d1" at 3s resolved: since: expected "0s", found "1s"',
      ],
    ],
    ['a late reading', { late: [{ at: '2s' }] }, ['late: d1 at 2s: expected, not found']],
    [
      'a rejection',
      { rejected: [{ at: '2s', reason: 'wrong-type' }] },
      ['rejected: wrong-type at 2s: expected, not found'],
    ],
    ['an event', { events: [] }, [expect.stringMatching(/^events: hot of "d1" at 1s firing/), expect.anything()]],
    ['a device', { devices: [] }, [expect.stringMatching(/^devices: d1 at 0s online: not expected/)]],
  ])('reports %s', (_what, changed, expected) => {
    expect(differences(changed)).toEqual(expected);
  });

  it('accepts values that differ only by the rounding of sums', () => {
    const facts = (mean: unknown) => ({ windows: [{ ...sound.windows[0], facts: { mean, n: 4 } }] });
    expect(differences(facts(25.000000001))).toEqual([]);
    expect(differences(facts(25.0000001))).toHaveLength(1);
    expect(differences(facts('25'))).toHaveLength(1);
    expect(differences(facts(null))).toHaveLength(1);
  });

  it.each([
    ['expects nothing', { windows: undefined, alerts: undefined, late: undefined, rejected: undefined }, /cannot fail/],
    ['misspells a field', { readings: [{ at: '0s', tempp: 1 }] }, /x\.json:\d+:\d+: error: .*"tempp".*\n.*"temp"/],
    ['misspells a part', { alerts: undefined, alert: [] }, /`alert`.*\n.*`alerts`/],
    ['names another rule', { alerts: [{ at: '1s', to: 'firing', rule: 'cold' }] }, /no rule "cold".*\n.*hot, mean/],
    ['does not name the rule of an expectation', { alerts: [{ at: '1s', to: 'firing' }] }, /does not name its rule/],
    [
      'has a rule with an error',
      { rules: [{ conditions: { all: [{ fact: 'tmp', operator: 'equal', value: 1 }] } }] },
      /"tmp"/,
    ],
    ['has a rule of the wrong shape', { rules: [{ silence: '10' }] }, /silence/],
    ['has lists of different length', { readings: [{ at: '0s', temp: [1, 2], humidity: [1] }] }, /differ in length/],
    [
      'mixes two kinds of step',
      { readings: [{ at: '0s', offline: 'd1', temp: 1 }] },
      /`temp` cannot be combined with `offline`/,
    ],
    ['has an invalid instant', { until: '10' }, /`cases\[0\]\.until`/],
    [
      'names another stream',
      { readings: [{ at: '0s', stream: 'sensor', temp: 1 }] },
      /no stream "sensor".*\n.*"sensors"/,
    ],
  ])('that %s is refused, with the place and the remedy', (_what, changed, expected) => {
    expect(errors(changed)[0]).toMatch(expected);
  });

  it('with errors does not prevent the others from running', () => {
    const { cases, problems } = read({ ...sound, readings: [{ at: '0s', tempp: 1 }] }, { ...sound, about: 'Another' });
    expect(cases.map(({ testCase }) => testCase.about)).toEqual(['Another']);
    expect(problems.filter(({ severity }) => severity === 'error')).toHaveLength(1);
  });
});

describe('the schema of cases', () => {
  const folder = new URL('../../language/', import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith('.json') && !name.endsWith('.schema.json'));
  const validator = new Validator(caseSchema as Schema, '7', true);

  it('accepts and rejects the same with another validator', () => {
    expect(files.length).toBeGreaterThan(30);
    for (const name of files) {
      expect(validator.validate(JSON.parse(readFileSync(new URL(name, folder), 'utf8'))).valid, name).toBe(true);
    }
    expect(validator.validate({ cases: [{ ...sound, alert: [] }] }).valid).toBe(false);
  });
});
