import { describe, expect, it } from 'vitest';
import { parseRuleFile } from '../../engine/language/check/rule-file.ts';
import { compilePlan } from '../../engine/language/compile/compile-plan.ts';
import type { FieldConfig, StreamConfig } from '../../engine/model/config.ts';

function stream(name: string, labels: readonly string[], fields: readonly string[]): StreamConfig {
  return {
    name,
    topic: `${name}/{device}`,
    qos: 1,
    format: 'json',
    device: { topic: 'device' },
    labels: labels.map((label) => ({ name: label, place: { path: label } })),
    fields: fields.map((field): FieldConfig => ({ name: field, type: 'number', path: field, unit: `u-${field}` })),
    undeclared: 'keep',
    coerce: false,
    forgetMs: 2_592_000_000,
    limits: { bytes: 1e6, depth: 8, fields: 100, readings: 100, devices: 50_000, keys: 50_000 },
  };
}

const STREAMS = [
  stream('sensors', ['site', 'line'], ['temp']),
  stream('doors', ['floor', 'site'], ['level', 'width']),
  stream('device', ['site'], ['level']),
];

const above = (fact: string) => ({ all: [{ fact, operator: 'greaterThan', value: 1 }] });
const rule = (name: string, more: object = {}) => ({
  name,
  stream: 'sensors',
  with: { stream: 'doors', last: '10m' },
  conditions: above('doors.level'),
  event: { type: 'x' },
  ...more,
});
const VIEW = {
  name: 'mean-level',
  stream: 'doors',
  per: ['site'],
  window: { tumbling: '1m', lateness: '5s' },
  facts: { level: { mean: 'level' } },
};

function compile(...rules: readonly object[]) {
  return compileOver(STREAMS, ...rules);
}

function compileOver(streams: readonly StreamConfig[], ...rules: readonly object[]) {
  const parsed = rules.map((content) => {
    const { rule, document, problems } = parseRuleFile('a.rule.json', JSON.stringify(content, null, 2));
    if (rule === undefined) throw new Error(JSON.stringify(problems));
    return { rule, document };
  });
  const { plan, problems } = compilePlan(streams, parsed, undefined, { attributes: true });
  return {
    plan,
    reported: problems.map(
      ({ line, column, code, message, remedy }) => `${line}:${column} ${code} ${message} | ${remedy}`,
    ),
  };
}

/** Compiles rules without problems. */
function planOf(...rules: readonly object[]) {
  const { plan, reported } = compile(...rules);
  expect(reported).toEqual([]);
  return plan;
}

describe('a correlation of two streams', () => {
  it('has the labels of the first, and the fields of both', () => {
    const { streams, levels } = planOf(rule('r'));
    expect(levels).toBe(2);
    const { name, level, origin, config, keyings } = streams[3]!;
    expect(name).toBe('sensors with doors (last 10m per device)');
    expect(level).toBe(1);
    expect(config.labels.map((label) => label.name)).toEqual(['site', 'line']);
    expect(config.fields.map((field) => [field.name, field.unit])).toEqual([
      ['temp', 'u-temp'],
      ['doors.level', 'u-level'],
      ['doors.width', 'u-width'],
    ]);
    expect(keyings).toEqual([{ index: 0, per: ['device'], parts: [-1], byDevice: true }]);
    const join = { kind: 'last', lastMs: 600_000, parts: [-1], otherParts: [-1], version: '' };
    expect(origin).toEqual({ kind: 'correlation', of: 0, with: 1, hasDevice: true, join });
  });

  it('finds the parts of a key in each of them', () => {
    const { streams } = planOf(rule('r', { per: ['site', 'device'] }));
    expect(streams[3]!.origin).toMatchObject({ join: { parts: [0, -1], otherParts: [1, -1] } });
  });

  it('finds the labels in readings of the other stream, in a window', () => {
    const facts = { n: { count: 'doors.level' } };
    const { streams } = planOf(
      rule('r', { with: { stream: 'doors' }, window: { count: 5 }, facts, conditions: above('n') }),
    );
    expect(streams[3]).toMatchObject({
      name: 'sensors with doors',
      origin: { join: { kind: 'window', labels: [1, undefined], device: -1 } },
    });
  });

  it('is shared by rules for which it is the same', () => {
    const { streams, rules } = planOf(
      rule('a'),
      rule('b', { with: { stream: 'doors', last: '600s' }, facts: { sum: { add: ['temp', 'doors.level'] } } }),
      rule('c', { with: { stream: 'doors', last: '5m' } }),
      rule('d', { per: ['site'] }),
      rule('e', { per: ['site', 'device'] }),
      rule('f', { per: [] }),
    );
    expect(streams.slice(3).map(({ name }) => name)).toEqual([
      'sensors with doors (last 10m per device)',
      'sensors with doors (last 5m per device)',
      'sensors with doors (last 10m per site)',
      'sensors with doors (last 10m per site, device)',
      'sensors with doors (last 10m)',
    ]);
    expect(rules.map((each) => each.stream)).toEqual([3, 3, 4, 5, 6, 7]);
    // Each has its own keyings, so those of the sensors do not change.
    expect(streams[0]!.keyings).toHaveLength(1);
    expect(streams[3]!.readingRules.map(({ name, slot }) => [name, slot])).toEqual([
      ['a', 0],
      ['b', 1],
    ]);
  });

  it('has a level above both, and the longer grace period of the two', () => {
    const { streams, levels } = planOf(
      rule('over-both', {
        with: { stream: 'mean-level', last: '10m' },
        per: ['site'],
        conditions: above('mean-level.level'),
      }),
      VIEW,
    );
    expect(levels).toBe(3);
    expect(streams[4]).toMatchObject({ level: 2, graceMs: 65_000 });
  });

  it('keeps its rows for the shorter of the two periods', () => {
    const joined = rule('r', {
      with: { stream: 'doors' },
      window: { tumbling: '2h', lateness: '1d' },
      facts: { n: { count: 'doors.level' } },
      conditions: above('n'),
    });
    expect(compile(joined).reported).toEqual([]);
    const streams = STREAMS.map((each) => (each.name === 'doors' ? { ...each, ttlDays: 1 } : { ...each, ttlDays: 9 }));
    expect(compileOver(streams, joined).reported).toEqual([expect.stringContaining('the stream keeps rows for 1d.')]);
  });

  it('may have a view as its first stream, whose keys are its devices', () => {
    const { streams } = planOf(
      VIEW,
      rule('r', { stream: 'mean-level', with: { stream: 'sensors', last: '1m' }, conditions: above('sensors.temp') }),
    );
    expect(streams[4]!.keyings).toEqual([{ index: 0, per: ['site'], parts: [0], byDevice: true }]);
    expect(streams[4]!.origin).toMatchObject({ hasDevice: false, join: { parts: [0], otherParts: [0] } });
  });

  it('has another version if a view in it has one', () => {
    const over = rule('r', {
      per: ['site'],
      with: { stream: 'mean-level', last: '1m' },
      conditions: above('mean-level.level'),
    });
    const versions = [VIEW, { ...VIEW, facts: { level: { max: 'level' } } }].map((view) => {
      const { streams, rules } = planOf(view, over);
      return [streams[4]!.name, JSON.stringify(streams[4]!.origin), rules.find(({ name }) => name === 'r')!.version];
    });
    const [before, after] = versions as [string[], string[]];
    expect(after[0]).toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
    expect(after[2]).not.toBe(before[2]);
  });

  it('has attributes of the devices of its readings, if a rule over it uses them', () => {
    const { streams } = planOf(rule('r', { conditions: above('device.limit') }));
    expect(streams.map(({ usesAttributes }) => usesAttributes)).toEqual([true, true, false, true]);
    expect(planOf(rule('r')).streams.map(({ usesAttributes }) => usesAttributes)).toEqual([false, false, false, false]);
  });

  it('does not exist if all rules over it have errors', () => {
    const { plan, reported } = compile(
      rule('r', { conditions: above('doors.levl') }),
      rule('s', { with: { stream: 'doors', last: '1m' } }),
    );
    expect(reported).toHaveLength(1);
    expect(plan.streams.slice(3).map(({ name }) => name)).toEqual(['sensors with doors (last 1m per device)']);
  });
});

describe('a rule over two streams that does not fit', () => {
  it.each<[string, object, string[]]>([
    [
      'with a misspelt stream',
      { with: { stream: 'door', last: '1m' } },
      ['5:15 unknown-stream There is no stream "door". | Did you mean "doors"?'],
    ],
    [
      'of two that do not exist',
      { stream: 'x', with: { stream: 'y', last: '1m' } },
      [
        '3:13 unknown-stream There is no stream "x". | Known streams: sensors, doors, device.',
        '5:15 unknown-stream There is no stream "y". | Known streams: sensors, doors, device.',
      ],
    ],
    [
      'over the name of such a stream',
      { stream: 'sensors with doors (last 10m per device)' },
      [
        '3:13 unknown-stream There is no stream "sensors with doors (last 10m per device)". | Known streams: sensors, doors, device.',
      ],
    ],
    [
      'whose key the other does not have',
      { per: ['device', 'line'] },
      [
        '22:5 not-in-both Readings are matched by "line", but stream "doors" has no "line". | Both streams have: "device", "site".',
      ],
    ],
    [
      'whose key is one of the other alone',
      { per: ['floor'] },
      [
        '21:5 unknown-label Stream "sensors with doors (last 10m per floor)" has no label "floor". | The stream has: device, site, line.',
      ],
    ],
    [
      'of which the other has no devices',
      { with: { stream: 'mean-level', last: '1m' }, conditions: above('mean-level.level') },
      [
        '5:15 not-in-both Readings are matched by "device", but stream "mean-level" has no "device". | Name the labels to match by in "per". Both streams have: "site".',
      ],
    ],
    [
      'with a stream whose fields would be attributes',
      { with: { stream: 'device', last: '1m' }, conditions: above('temp') },
      [
        '5:15 reserved-name The fields of stream "device" would have the names of attributes, such as "device.temp". | Use "device" as the `stream` of the rule and the other stream in `with`, or rename "device".',
      ],
    ],
    [
      'with a misspelt field of the other',
      { conditions: above('doors.levl') },
      ['11:17 unknown-fact There is no fact "doors.levl". | Did you mean "doors.level"?'],
    ],
    [
      'with a field of the other without its name',
      { facts: { rise: { delta: 'level' } }, conditions: above('rise') },
      [expect.stringContaining('has no field "level". | Did you mean "doors.level"?') as unknown as string],
    ],
    [
      'that asks for the attributes of a view',
      { stream: 'mean-level', with: { stream: 'sensors', last: '1m' }, conditions: above('device.limit') },
      [expect.stringContaining('no-device "device.limit" is an attribute of a device') as unknown as string],
    ],
  ])('%s is reported with position, message and remedy', (_, more, expected) => {
    expect(compile(VIEW, rule('r', more)).reported).toEqual(
      expected.map((each) => (typeof each === 'string' ? withView(each) : each)),
    );
  });

  it('gets all problems at once', () => {
    const { reported } = compile(rule('r', { per: ['line'], conditions: above('doors.levl') }));
    expect(reported.map((each) => each.split(' ')[1])).toEqual(['unknown-fact', 'not-in-both']);
  });

  it('gets a problem for a circle through the other stream, where it closes', () => {
    const view = (name: string, stream: string, other?: string) => ({
      name,
      stream,
      ...(other !== undefined && { with: { stream: other, last: '1m' } }),
      facts: { twice: { multiply: [stream === 'sensors' ? 'temp' : 'twice', 2] } },
    });
    const { reported } = compile(view('a', 'sensors', 'b'), view('b', 'a'), view('c', 'sensors', 'c'));
    expect(reported.map((each) => each.split(' | ')[0])).toEqual([
      '5:15 view-circle These views use each other in a circle: a → b → a.',
      '3:13 view-circle These views use each other in a circle: b → a → b.',
      '5:15 view-circle The view uses itself as its stream: c → c.',
    ]);
  });

  it('gets no problem for a broken view on either side', () => {
    const broken = { ...VIEW, facts: { level: { mean: 'levl' } } };
    const { reported } = compile(broken, rule('r', { with: { stream: 'mean-level', last: '1m' }, per: ['site'] }));
    expect(reported).toHaveLength(1);
  });
});

/** The view next to the rule is a stream too, if all streams are listed. */
function withView(text: string): string {
  return text.replace('doors, device.', 'doors, device, mean-level.');
}
