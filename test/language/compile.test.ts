import { describe, expect, it } from 'vitest';
import { parseRuleFile } from '../../engine/language/check/rule-file.ts';
import { compilePlan, type ParsedRule } from '../../engine/language/compile/compile-plan.ts';
import type { StreamConfig } from '../../engine/model/config.ts';
import type { Closed } from '../../engine/model/item/window-result.ts';
import type { ReadingRule, RulePlan, SilenceRule, WindowRule } from '../../engine/model/plan/rule-plan.ts';
import type { Reading } from '../../engine/model/reading.ts';

const SENSORS: StreamConfig = {
  name: 'sensors',
  topic: 'plant/{site}/{device}',
  qos: 1,
  format: 'json',
  device: { topic: 'device' },
  labels: [
    { name: 'site', place: { topic: 'site' } },
    { name: 'line', place: { path: 'line' } },
  ],
  fields: [
    { name: 'temp', type: 'number', path: 'temp' },
    { name: 'door', type: 'boolean', path: 'door' },
    { name: 'mode', type: 'string', path: 'mode' },
  ],
  undeclared: 'keep',
  coerce: false,
  forgetMs: 2_592_000_000,
  limits: { bytes: 1e6, depth: 8, fields: 100, readings: 100, devices: 50_000, keys: 50_000 },
};
const STREAMS = [{ ...SENSORS, name: 'meters' }, SENSORS];

const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });
const HOT = { name: 'hot', stream: 'sensors', conditions: above('temp', 50), event: { type: 'hot' } };
const MEAN = {
  ...HOT,
  name: 'mean',
  window: { hopping: '30s', every: '10s', lateness: '2s' },
  facts: { mean: { mean: 'temp' }, mode: { last: 'mode' }, n: { count: true } },
  conditions: above('mean', 40),
};

function parse(content: object): ParsedRule {
  const { rule, document, problems } = parseRuleFile('rules/a.rule.json', JSON.stringify(content, null, 2));
  if (rule === undefined) throw new Error(JSON.stringify(problems));
  return { rule, document };
}

function compile(...rules: readonly object[]) {
  return compilePlan(STREAMS, rules.map(parse));
}

function one<K extends RulePlan['kind']>(content: object, kind: K): Extract<RulePlan, { kind: K }> {
  const { plan, problems } = compile(content);
  expect(problems).toEqual([]);
  expect(plan.rules).toMatchObject([{ kind }]);
  return plan.rules[0] as Extract<RulePlan, { kind: K }>;
}

function readingOf(values: Reading['values'], labels: readonly string[] = ['north', 'l1']): Reading {
  const rest = { attributes: undefined, extra: undefined, clamped: false, liveMs: 0, late: false };
  const ids = { offset: 0, idHigh: 0, idLow: 0, connection: 0, receivedAt: 0 };
  return { kind: 'reading', stream: 1, device: 'd1', labels, time: 0, values, ...ids, ...rest };
}

describe('a plan', () => {
  it('has the rules by stream and kind, with shared keyings', () => {
    const silence = { name: 'silent', stream: 'sensors', silence: '60s', event: { type: 'offline' } };
    const { plan, problems } = compile(
      HOT,
      MEAN,
      silence,
      { ...HOT, name: 'site', per: ['site'] },
      { ...MEAN, name: 'site-mean', per: ['site'] },
      { ...silence, name: 'all-silent', per: [] },
      { ...HOT, name: 'both', per: ['line', 'device'] },
      { ...HOT, name: 'other', stream: 'meters', per: ['site'] },
    );
    expect(problems).toEqual([]);
    const [meters, sensors] = plan.streams;
    expect(plan.rules.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(sensors!.keyings).toEqual([
      { index: 0, per: ['device'], parts: [-1], byDevice: true },
      { index: 1, per: ['site'], parts: [0], byDevice: false },
      { index: 2, per: [], parts: [], byDevice: false },
      { index: 3, per: ['line', 'device'], parts: [1, -1], byDevice: false },
    ]);
    expect(plan.rules.map(({ keying, slot }) => `${keying.index}/${slot}`)).toEqual([
      '0/0',
      '0/1',
      '0/2',
      '1/0',
      '1/1',
      '2/0',
      '3/0',
      '1/0',
    ]);
    for (const rule of plan.rules) expect(plan.streams[rule.stream]!.keyings).toContain(rule.keying);
    const names = (rules: readonly RulePlan[]) => rules.map(({ name }) => name);
    expect(names(sensors!.readingRules)).toEqual(['hot', 'site', 'both']);
    expect(names(sensors!.windowRules)).toEqual(['mean', 'site-mean']);
    expect(sensors!.silenceRules.map(names)).toEqual([['silent'], [], ['all-silent'], []]);
    expect([sensors!.hasSilence, meters!.hasSilence]).toEqual([true, false]);
    expect(names(meters!.readingRules)).toEqual(['other']);
    expect(meters!.keyings).toHaveLength(2);
  });

  it('has rules of a higher priority first, and numbers them in that order', () => {
    const { plan } = compile(
      { ...HOT, name: 'a' },
      { ...HOT, name: 'b', priority: 9 },
      { ...HOT, name: 'c', priority: 1 },
    );
    expect(plan.rules.map(({ name, index, slot }) => [name, index, slot])).toEqual([
      ['b', 0, 0],
      ['a', 1, 1],
      ['c', 2, 2],
    ]);
  });

  it('has the rules without errors, even if others have errors', () => {
    const { plan, problems } = compile({ ...HOT, stream: 'nowhere' }, { ...HOT, name: 'sound' });
    expect(plan.rules.map(({ name }) => name)).toEqual(['sound']);
    expect(problems).toHaveLength(1);
  });
});

describe('a window', () => {
  it.each<[object, object]>([
    [{ tumbling: '10s' }, { kind: 'tumbling', sizeMs: 10_000, latenessMs: 0 }],
    [
      { tumbling: '1.001s', lateness: '500ms' },
      { kind: 'tumbling', sizeMs: 1_001, latenessMs: 500 },
    ],
    [
      { hopping: '30s', every: '10s', lateness: '2s' },
      { kind: 'hopping', sizeMs: 30_000, everyMs: 10_000, latenessMs: 2_000 },
    ],
    [
      { hopping: '3.003s', every: '1.001s' },
      { kind: 'hopping', sizeMs: 3_003, everyMs: 1_001, latenessMs: 0 },
    ],
  ])('%j is %j', (window, expected) => {
    expect(one({ ...MEAN, window }, 'window').window).toMatchObject(expected);
  });

  it('has its aggregates on the indexes of fields, in the order of the facts', () => {
    const { window } = one(MEAN, 'window') as WindowRule;
    expect(window.aggregates.map(({ field }) => field)).toEqual([0, 2, -1]);
  });

  it('is evaluated with its facts and the parts of its key', () => {
    const rule = one({ ...MEAN, per: ['site', 'line'], clear: above('n', 3) }, 'window') as WindowRule;
    const closed = (mean: number | undefined, n: number): Closed => {
      const key = { text: 'north|l1', parts: ['north', 'l1'] };
      return {
        kind: 'closed',
        connection: 0,
        liveMs: 0,
        offset: 0,
        receivedAt: 0,
        rule: 0,
        key,
        start: 0,
        end: 1,
        inclusive: false,
        facts: [mean, undefined, n],
      };
    };
    const { holds, clear, facts, outcomes } = rule.conditions;
    expect([holds(closed(41, 1)), holds(closed(40, 1)), holds(closed(undefined, 1))]).toEqual([true, false, false]);
    expect([clear!.holds(closed(1, 4)), clear!.holds(closed(1, 3))]).toEqual([true, false]);
    expect(facts(closed(41, 1))).toEqual({ site: 'north', line: 'l1', mean: 41, mode: null, n: 1 });
    expect(outcomes(closed(41, 1), false)).toEqual([
      { fact: 'mean', operator: 'greaterThan', value: 40, factValue: 41, result: true },
    ]);
    expect(outcomes(closed(41, 1), true)).toHaveLength(2);
  });
});

describe('a rule over readings', () => {
  it('can use fields, labels and the device; a field hides a label of its name', () => {
    const rule = one(HOT, 'reading') as ReadingRule;
    expect(rule.conditions.facts(readingOf([51, undefined, 'on']))).toEqual({
      device: 'd1',
      site: 'north',
      line: 'l1',
      temp: 51,
      door: null,
      mode: 'on',
    });
    expect(rule.conditions.clear).toBeUndefined();
    const streams = [{ ...SENSORS, fields: [{ name: 'site', type: 'number' as const, path: 'site' }] }];
    const { plan } = compilePlan(streams, [parse({ ...HOT, conditions: above('site', 1) })]);
    expect((plan.rules[0] as ReadingRule).conditions.holds(readingOf([2]))).toBe(true);
  });

  it('is filtered by its `where`', () => {
    const rule = one({ ...HOT, where: above('temp', 60) }, 'reading') as ReadingRule;
    expect([rule.where!(readingOf([61])), rule.where!(readingOf([60])), rule.where!(readingOf([undefined]))]).toEqual([
      true,
      false,
      false,
    ]);
    expect((one(HOT, 'reading') as ReadingRule).where).toBeUndefined();
  });
});

describe('the event of a rule', () => {
  it('has defaults', () => {
    expect(one(HOT, 'reading')).toMatchObject({
      severity: 'warning',
      type: 'hot',
      params: {},
      lifecycle: { levels: [{ severity: 'warning', hold: { forMs: 0 } }], keepFiringMs: 0 },
    });
    expect(one(HOT, 'reading').message((name) => (name === 'key' ? 'd1' : undefined))).toBe('hot: d1');
  });

  it('is taken from its file', () => {
    const params = { severity: 'info', message: '{{temp}} at {{device}}', runbook: 'r1' };
    const rule = one({ ...HOT, for: '1.5m', keepFiring: '250ms', event: { type: 'x', params } }, 'reading');
    expect(rule).toMatchObject({
      severity: 'info',
      params,
      lifecycle: { levels: [{ severity: 'info', hold: { forMs: 90_000 } }], keepFiringMs: 250 },
    });
    expect(rule.message((name) => ({ temp: 5, device: 'd1' })[name])).toBe('5 at d1');
  });

  it('adds `for` to `silence`', () => {
    const silent = { name: 's', stream: 'sensors', silence: '60s', for: '30s', keepFiring: '5s', event: { type: 'x' } };
    const rule = one(silent, 'silence') as SilenceRule;
    expect(rule.silenceMs).toBe(90_000);
    expect(rule.lifecycle).toMatchObject({ levels: [{ hold: { forMs: 0 } }], keepFiringMs: 5_000 });
  });
});

describe('the version of a rule', () => {
  const version = (content: object) => compile(content).plan.rules[0]!.version;

  it('does not depend on description and schema', () => {
    const same = [
      HOT,
      { ...HOT, description: 'Hot.' },
      { $schema: './rule.schema.json', ...HOT },
      Object.fromEntries(Object.entries(HOT).reverse()),
      { ...HOT, conditions: { all: [{ value: 50, operator: 'greaterThan', fact: 'temp' }] } },
    ];
    expect(new Set(same.map(version)).size).toBe(1);
    expect(version(HOT)).toMatch(/^[0-9a-f]{12}$/);
  });

  it('changes with everything that has a meaning', () => {
    const different = [
      HOT,
      { ...HOT, name: 'hotter' },
      { ...HOT, conditions: above('temp', 51) },
      { ...HOT, for: '1s' },
      { ...HOT, per: ['site'] },
      { ...HOT, stream: 'meters' },
      { ...HOT, event: { type: 'cold' } },
      { ...HOT, where: above('temp', 1) },
      { ...HOT, clear: above('temp', 1) },
      MEAN,
      { ...MEAN, window: { tumbling: '30s' } },
      { ...MEAN, facts: { ...MEAN.facts, n: { count: 'temp' } } },
    ];
    expect(new Set(different.map(version)).size).toBe(different.length);
  });
});

describe('a rule that does not fit the config', () => {
  it.each<[string, object, string]>([
    [
      'of an unknown stream',
      { ...HOT, stream: 'sensor' },
      '3:13 unknown-stream There is no stream "sensor". | Did you mean "sensors"?',
    ],
    [
      'of a stream unlike any',
      { ...HOT, stream: 'x' },
      '3:13 unknown-stream There is no stream "x". | Known streams: meters, sensors.',
    ],
    [
      'of an unknown label',
      { ...HOT, per: ['sit'] },
      'unknown-label Stream "sensors" has no label "sit". | Did you mean "site"?',
    ],
    [
      'over an unknown field',
      { ...MEAN, facts: { mean: { mean: 'tmp' } } },
      'unknown-field Stream "sensors" has no field "tmp". | Did you mean "temp"?',
    ],
    [
      'over a field of another type',
      { ...MEAN, facts: { mean: { mean: 'mode' } } },
      'wrong-type "mean" cannot be used with "mode", which is a string. | Use a field of type number.',
    ],
    [
      'whose message uses what it does not know',
      { ...HOT, event: { type: 'x', params: { message: '{{tmp}}' } } },
      'unknown-name The message uses {{tmp}}, but there is no such name in this rule. | Did you mean {{temp}}?',
    ],
    [
      'over windows, whose message uses a field',
      { ...MEAN, event: { type: 'x', params: { message: '{{door}}' } } },
      'unknown-name The message uses {{door}}, but there is no such name in this rule. | Known names: key, device, mean, mode, n.',
    ],
  ])('%s is reported with position, message and remedy', (_, content, expected) => {
    const { plan, problems } = compile(content);
    expect(plan.rules).toEqual([]);
    const reported = problems.map(
      ({ line, column, code, message, remedy }) => `${line}:${column} ${code} ${message} | ${remedy}`,
    );
    expect(reported).toEqual([expect.stringContaining(expected)]);
  });

  it('gets all problems at once', () => {
    const { problems } = compile({
      ...MEAN,
      per: ['sit'],
      where: above('tmp', 1),
      facts: { mean: { mean: 'mod' } },
      conditions: above('man', 1),
      event: { type: 'x', params: { message: '{{men}}' } },
    });
    expect(problems.map(({ code }) => code).sort()).toEqual([
      'unknown-fact',
      'unknown-fact',
      'unknown-field',
      'unknown-label',
      'unknown-name',
    ]);
  });

  it('may not have the name of another rule', () => {
    const { plan, problems } = compile(HOT, HOT);
    expect(plan.rules).toHaveLength(1);
    expect(problems).toMatchObject([
      { code: 'duplicate-name', message: 'The rule in rules/a.rule.json has the name "hot" too.', line: 2 },
    ]);
  });
});
