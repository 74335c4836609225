import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRuleFile } from '../../engine/language/check/rule-file.ts';
import { compilePlan, type ParsedRule } from '../../engine/language/compile/compile-plan.ts';
import { nextRule, selectRules } from '../../engine/language/rule-index/rule-index.ts';
import { parseSharedFile } from '../../engine/language/shared-file.ts';
import type { FieldValue } from '../../engine/model/field.ts';
import type { RuleIndex } from '../../engine/model/plan/index-plan.ts';
import type { Plan } from '../../engine/model/plan/plan.ts';
import type { Reading } from '../../engine/model/reading.ts';
import { SHARED } from './condition-samples.ts';
import { type Script, type Setup, startFold } from './kit.ts';
import { createBusySetup, scripts } from './samples.ts';

const { config } = createBusySetup();
const { shared } = parseSharedFile('conditions.json', JSON.stringify(SHARED));

/** Rules with warnings, such as comparisons that never hold, are among those that count; rules with errors are left out. */
function compile(rules: readonly object[]): Plan {
  const parsed = rules.flatMap((content, i): ParsedRule[] => {
    const named = { name: `r${i}`, stream: 'sensors', event: { type: 'r' }, ...content };
    const { rule, document } = parseRuleFile(`r${i}.rule.json`, JSON.stringify(named));
    return rule === undefined ? [] : [{ rule, document }];
  });
  return compilePlan(config.streams, parsed, shared).plan;
}

/** The same rules, all of which are asked about every reading. */
function withoutIndex(plan: Plan): Plan {
  const streams = plan.streams.map((stream) => ({ ...stream, readingIndex: undefined, windowIndex: undefined }));
  return { ...plan, streams };
}

const scalar = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -3, max: 11 }) },
  { weight: 3, arbitrary: fc.constantFrom<FieldValue>('d1', 'd2', 'a', 'b', 'on', 'off', true, false) },
  { weight: 1, arbitrary: fc.constantFrom<FieldValue>('', '4', '4.5', ' 6x', -0, 0.5) },
);
const fact = fc.constantFrom('temp', 'temp', 'temp', 'door', 'mode', 'site', 'device');
const comparison = fc.constantFrom('greaterThan', 'greaterThanInclusive', 'lessThan', 'lessThanInclusive');

const leaf: fc.Arbitrary<object> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ fact, operator: fc.constantFrom('equal', 'equal', 'notEqual'), value: scalar }) },
  { weight: 6, arbitrary: fc.record({ fact, operator: comparison, value: scalar }) },
  {
    weight: 2,
    arbitrary: fc.record({ fact, operator: fc.constantFrom('in', 'notIn'), value: fc.array(scalar, { maxLength: 4 }) }),
  },
  { weight: 1, arbitrary: fc.record({ fact, operator: fc.constant('in'), value: fc.constantFrom('onoff', '45', '') }) },
  {
    weight: 2,
    arbitrary: fc.record({
      fact: fc.constant('temp'),
      operator: fc.constantFrom('between', 'not:between'),
      value: fc.tuple(fc.integer({ min: -3, max: 11 }), fc.integer({ min: -3, max: 11 })),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ fact, operator: fc.constantFrom('not:equal', 'swap:lessThan'), value: scalar }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ fact, operator: fc.constantFrom('inList', 'notInList'), value: fc.constant('watched') }),
  },
  { weight: 1, arbitrary: fc.record({ fact, operator: comparison, value: fc.constant({ fact: 'temp' }) }) },
  { weight: 1, arbitrary: fc.constantFrom({ condition: 'isHot' }, { condition: 'isWatched' }) },
);

const group: fc.Arbitrary<object> = fc.letrec<{ node: object; group: object }>((tie) => ({
  node: fc.oneof({ maxDepth: 3 }, { weight: 5, arbitrary: leaf }, { weight: 1, arbitrary: tie('group') }),
  group: fc.oneof(
    { weight: 6, arbitrary: fc.record({ all: fc.array(tie('node'), { maxLength: 3 }) }) },
    { weight: 3, arbitrary: fc.record({ any: fc.array(tie('node'), { maxLength: 3 }) }) },
    { weight: 1, arbitrary: fc.record({ not: tie('node') }) },
  ),
})).group;

const where = fc.option(group, { nil: undefined });
const per = fc.constantFrom(undefined, undefined, ['site'], []);
const priority = fc.constantFrom(undefined, undefined, 2, 5);
const hold = fc.constantFrom(undefined, undefined, undefined, '2s', { matches: 2, of: 3 });
const common = {
  where,
  per,
  priority,
  for: hold,
  clear: fc.option(group, { nil: undefined }),
  keepFiring: fc.constantFrom(undefined, undefined, '1s'),
  resolveAfter: fc.constantFrom(undefined, undefined, '4s'),
  repeat: fc.constantFrom(undefined, undefined, '2s'),
};
const changed = { any: [{ fact: 'mode', operator: 'changed', value: true }] };

const reading = fc.record({ ...common, conditions: group });
const ladder = fc.record({
  ...common,
  clear: fc.constant(undefined),
  levels: fc.tuple(group, group).map(([info, critical]) => [
    { severity: 'info', conditions: info },
    { severity: 'critical', conditions: critical },
  ]),
});
const remembering = fc.record({ ...common, conditions: group.map((each) => ({ all: [each, changed] })) });
const derived = fc.record({
  ...common,
  facts: fc.constantFrom(
    { twice: { multiply: ['temp', 2] } },
    { rise: { delta: 'temp' } },
    { before: { previous: 'mode' } },
  ),
  conditions: group,
});
const windowed = fc.record({
  ...common,
  clear: fc.constant(undefined),
  window: fc.constantFrom<object>(
    { tumbling: '3s' },
    { tumbling: '2s', lateness: '1s' },
    { count: 3 },
    { session: '2s' },
  ),
  facts: fc.constant({ n: { count: true }, peak: { max: 'temp' } }),
  conditions: fc.constantFrom(
    { all: [{ fact: 'n', operator: 'greaterThan', value: 1 }] },
    { all: [{ fact: 'peak', operator: 'greaterThan', value: 4 }] },
  ),
});

const sequenced = fc
  .record({ ...common, first: group, second: group, third: group, lateness: fc.constantFrom(undefined, '1s') })
  .map(({ for: _for, clear: _clear, first, second, third, ...parts }) => ({
    ...parts,
    // biome-ignore lint/suspicious/noThenProperty: the word that authors of rules write.
    sequence: [first, { then: second, within: '4s' }, { not: third }],
  }));

/** JSON leaves out what is undefined. */
const rules = fc
  .tuple(
    fc.array(
      fc.oneof(
        { weight: 5, arbitrary: reading },
        { weight: 1, arbitrary: ladder },
        { weight: 1, arbitrary: remembering },
        { weight: 2, arbitrary: derived },
      ),
      { minLength: 30, maxLength: 60, size: 'max' },
    ),
    fc.array(fc.oneof({ weight: 4, arbitrary: windowed }, { weight: 1, arbitrary: sequenced }), {
      minLength: 20,
      maxLength: 50,
      size: 'max',
    }),
  )
  .map((kinds) => kinds.flat());

function run(plan: Plan, { records }: Script) {
  const setup: Setup = { config, plan };
  const fold = startFold(setup);
  const middle = records.findIndex((record) => record.kind === 'mark' && record.mark === 'cut') + 1;
  fold.feed(records.slice(0, middle));
  const outputs = [...fold.outputs];
  const restored = startFold(setup, fold.checkpoint());
  restored.feed(...records.slice(middle).map((record) => [record]));
  fold.feed(records.slice(middle));
  const counters = { ...fold.counters };
  return {
    outputs: fold.outputs,
    restored: [...outputs, ...restored.outputs],
    state: [fold.checkpoint(), restored.checkpoint()],
    counters,
  };
}

describe('an index of rules', () => {
  it('changes nothing: same outputs in the same order, same state, also behind a checkpoint', () => {
    let changes = 0;
    fc.assert(
      fc.property(rules, scripts, (rules, script) => {
        const plan = compile(rules);
        const [{ readingIndex, windowIndex } = { readingIndex: undefined, windowIndex: undefined }] = plan.streams;
        fc.pre(readingIndex !== undefined || windowIndex !== undefined);
        const asked = run(withoutIndex(plan), script);
        const looked = run(plan, script);
        expect(looked).toEqual(asked);
        expect(looked.restored).toEqual(looked.outputs);
        changes += looked.counters.transitions;
      }),
      { numRuns: 20 },
    );
    expect(changes).toBeGreaterThan(100);
  });

  it('finds every rule that holds for a reading, whatever its fields are', () => {
    const value = fc.oneof(fc.constant(undefined), scalar, fc.constantFrom(Number.NaN, Infinity, -Infinity));
    const readings = fc
      .tuple(value, value, value, fc.constantFrom('a', 'b', '4'), fc.constantFrom('d1', 'd2', '6'))
      .map(([temp, door, mode, site, device]) => readingOf(device, [site], [temp, door, mode]));
    const seen = { holds: 0, leftOut: 0 };
    fc.assert(
      fc.property(rules, fc.array(readings, { minLength: 5, maxLength: 20 }), (rules, readings) => {
        const { readingRules, readingIndex } = compile(rules).streams[0]!;
        fc.pre(readingIndex !== undefined);
        for (const reading of readings) {
          const found = select(readingIndex!, reading);
          readingRules.forEach((rule, position) => {
            if (!found.includes(position)) seen.leftOut += 1;
            if (rule.kind !== 'reading' || rule.where?.(reading) === false || !rule.conditions.holds(reading)) return;
            seen.holds += 1;
            if (!found.includes(position)) throw new Error(`the rule ${rule.name} holds, but was left out`);
          });
        }
      }),
      { numRuns: 50 },
    );
    expect(seen.holds).toBeGreaterThan(100);
    expect(seen.leftOut).toBeGreaterThan(100);
  });
});

function select(index: RuleIndex, reading: Reading): number[] {
  const bits = new Int32Array(index.always.length);
  const found: number[] = [];
  selectRules(index, reading, bits);
  for (let i = nextRule(bits, 0); i >= 0; i = nextRule(bits, i + 1)) found.push(i);
  return found;
}

function readingOf(device: string, labels: readonly string[], values: Reading['values']): Reading {
  const at = { time: 0, receivedAt: 0, connection: 0, offset: 0, idHigh: 0, idLow: 0, liveMs: 0 };
  const rest = { attributes: undefined, extra: undefined, clamped: false, late: false };
  return { kind: 'reading', stream: 0, device, labels, values, ...at, ...rest };
}

/** Names of the rules that are looked at, of 20 like it for other values and the given one. */
function lookedAt(rule: object, others: (i: number) => object, reading: Reading): string[] {
  const plan = compile([...Array.from({ length: 40 }, (_, i) => others(i)), { ...rule, name: 'it' }]);
  const { readingRules, readingIndex, windowRules, windowIndex } = plan.streams[0]!;
  const of = readingIndex === undefined ? windowRules : readingRules;
  return select((readingIndex ?? windowIndex)!, reading).map((position) => of[position]!.name);
}

const only = (fact: string, operator: string, value: unknown) => ({ all: [{ fact, operator, value }] });
const HOT = only('temp', 'greaterThan', 5);

describe('a rule is looked at only for readings that', () => {
  const reading = readingOf('d1', ['north'], [7, true, 'on']);

  it.each<[string, object, (i: number) => object]>([
    [
      'are of its device, by `where`',
      { where: only('device', 'equal', 'd1'), conditions: HOT },
      (i) => ({ where: only('device', 'equal', `x${i}`), conditions: HOT }),
    ],
    [
      'have its label, by a list',
      { conditions: only('site', 'in', ['south', 'north']) },
      (i) => ({ conditions: only('site', 'in', [`x${i}`, `y${i}`]) }),
    ],
    [
      'pass its lower bound',
      { conditions: only('temp', 'greaterThanInclusive', 7) },
      (i) => ({ conditions: only('temp', 'greaterThan', 8 + i) }),
    ],
    [
      'pass its upper bound',
      { conditions: only('temp', 'lessThanInclusive', 7) },
      (i) => ({ conditions: only('temp', 'lessThan', 6 - i) }),
    ],
    [
      'lie between its bounds',
      { conditions: only('temp', 'between', [7, 7]) },
      (i) => ({ conditions: only('temp', 'between', i % 2 === 0 ? [i + 8, i + 9] : [i - 60, i - 59]) }),
    ],
    [
      'lie between bounds that are far apart',
      { conditions: { all: [...HOT.all, ...only('temp', 'lessThan', 9).all] } },
      (i) => ({ conditions: { all: [...HOT.all, { all: only('temp', 'lessThan', 5.5 + i / 40).all }] } }),
    ],
    [
      'have a value of one of its groups',
      { conditions: { any: [{ all: [...only('mode', 'equal', 'on').all] }, ...only('temp', 'equal', 1).all] } },
      (i) => ({ conditions: { any: [...only('mode', 'equal', `m${i}`).all, ...only('temp', 'equal', 100 + i).all] } }),
    ],
    ['pass the bound of one of its levels', { levels: ladderOf(6, 60) }, (i) => ({ levels: ladderOf(8 + i, 60 + i) })],
    [
      'its `where` lets through, where it remembers',
      { where: only('mode', 'equal', 'on'), facts: { rise: { delta: 'temp' } }, conditions: only('temp', 'equal', 0) },
      (i) => ({
        where: only('mode', 'equal', `m${i}`),
        facts: { rise: { delta: 'temp' } },
        conditions: only('temp', 'equal', 7),
      }),
    ],
    [
      'its `where` lets through, for a window',
      {
        where: only('mode', 'equal', 'on'),
        window: { tumbling: '1s' },
        facts: { n: { count: true } },
        conditions: only('n', 'equal', 0),
      },
      (i) => ({
        where: only('mode', 'equal', `m${i}`),
        window: { tumbling: '1s' },
        facts: { n: { count: true } },
        conditions: only('n', 'equal', 0),
      }),
    ],
  ])('%s', (_, rule, others) => {
    expect(lookedAt(rule, others, reading)).toEqual(['it']);
  });
});

function ladderOf(...bounds: readonly number[]) {
  const severities = ['info', 'critical'];
  return bounds.map((bound, i) => ({ severity: severities[i], conditions: only('temp', 'greaterThan', bound) }));
}
