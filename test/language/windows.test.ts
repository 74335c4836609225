import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../engine/config/parse.ts';
import { formatProblem } from '../../engine/document/problem.ts';
import { parseRuleFile } from '../../engine/language/check/rule-file.ts';
import { compilePlan } from '../../engine/language/compile/compile-plan.ts';
import type { WindowRule } from '../../engine/model/plan/rule-plan.ts';
import type { WindowPlan } from '../../engine/model/plan/window-plan.ts';

const deploy = new URL('../../deploy/weir.json', import.meta.url);
const { config } = parseConfig('weir.json', readFileSync(deploy, 'utf8'), '/etc/weir');
const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });

/** Compiles a rule with this window: its plan, and its problems as they are printed. */
function compile(
  window: object,
  more: object = {},
  streams = config!.streams,
): { window: WindowPlan | undefined; problems: string[] } {
  const rule = {
    name: 'hot',
    stream: 'sensors',
    window,
    facts: { n: { count: true } },
    conditions: above('n', 3),
    event: { type: 'hot' },
    ...more,
  };
  const parsed = parseRuleFile('hot.rule.json', JSON.stringify(rule));
  expect(parsed.problems).toEqual([]);
  const { plan, problems } = compilePlan(streams, [{ rule: parsed.rule!, document: parsed.document }]);
  const compiled = plan.rules[0] as WindowRule | undefined;
  return { window: compiled?.window, problems: problems.map(formatProblem) };
}

describe('a window', () => {
  it.each<[object, object]>([
    [{ tumbling: '10s' }, { kind: 'tumbling', sizeMs: 10_000, latenessMs: 0 }],
    [
      { hopping: '1m', every: '10s', lateness: '5s' },
      { kind: 'hopping', sizeMs: 60_000, everyMs: 10_000, latenessMs: 5_000 },
    ],
    [
      { hopping: '1h', every: '1s' },
      { kind: 'hopping', sizeMs: 3_600_000, everyMs: 1_000 },
    ],
    [
      { sliding: '1m', lateness: '1h' },
      { kind: 'sliding', sizeMs: 60_000, latenessMs: 3_600_000 },
    ],
    [{ session: '30s' }, { kind: 'session', gapMs: 30_000, maxMs: Number.POSITIVE_INFINITY }],
    [
      { session: '30s', max: '30s' },
      { kind: 'session', gapMs: 30_000, maxMs: 30_000 },
    ],
    [{ count: 100 }, { kind: 'count', size: 100, every: 100, paneSize: 100, byArrival: false }],
    [
      { count: 100, every: 30 },
      { kind: 'count', size: 100, every: 30, paneSize: 10 },
    ],
    [
      { count: 100_000, every: 1_000 },
      { kind: 'count', size: 100_000, every: 1_000, paneSize: 1_000 },
    ],
    [
      { state: { from: above('temp', 80), until: { not: above('temp', 60) } } },
      { kind: 'state', maxMs: Number.POSITIVE_INFINITY },
    ],
  ])('%j is planned', (window, expected) => {
    const { window: plan, problems } = compile(window);
    expect(problems).toEqual([]);
    expect(plan).toMatchObject(expected);
    expect(plan!.aggregates).toHaveLength(1);
  });

  it.each([
    [{ count: 10 }, ['device'], false],
    [{ count: 10 }, ['site'], true],
    [{ count: 10 }, [], true],
    [{ state: { from: above('temp', 80), until: above('temp', 60) } }, ['site', 'device'], true],
  ])('%j per %j takes readings in the order of their arrival: %s', (window, per, byArrival) => {
    const { window: plan, problems } = compile(window, { per });
    expect(problems).toEqual([]);
    expect(plan).toMatchObject({ byArrival });
  });

  it('that takes readings in the order of their arrival cannot have a lateness', () => {
    const { window, problems } = compile({ count: 10, lateness: '5s' }, { per: ['site'] });
    expect(window).toBeUndefined();
    expect(problems).toEqual([
      expect.stringContaining('A `count` window over several devices takes readings in the order of their arrival'),
    ]);
    expect(problems[0]).toContain('[bad-window]');
    expect(compile({ sliding: '10s', lateness: '5s' }, { per: ['site'] }).problems).toEqual([]);
    expect(compile({ session: '10s', lateness: '5s' }, { per: [] }).problems).toEqual([]);
  });

  it('must have a lateness shorter than `retain` of its stream', () => {
    const brief = config!.streams.map((stream) => ({ ...stream, ttlDays: 1 }));
    const problemsOf = (lateness: string) => compile({ tumbling: '1h', lateness }, {}, brief).problems;
    expect(problemsOf('23h')).toEqual([]);
    expect(problemsOf('1d')).toEqual([expect.stringContaining('the stream keeps rows for 1d. [bad-window]')]);
    expect(compile({ tumbling: '1h', lateness: '1d' }).problems).toEqual([]);
  });

  it('has its conditions over single readings checked, at their position', () => {
    const from = { all: [{ fact: 'tmp', operator: 'greaterThan', value: 80 }] };
    const until = {
      any: [
        { fact: 'temp', operator: 'lesThan', value: 60 },
        { fact: 'n', operator: 'equal', value: 1 },
      ],
    };
    const { window, problems } = compile({ state: { from, until } });
    expect(window).toBeUndefined();
    expect(problems).toHaveLength(3);
    expect(problems[0]).toContain('"tmp"');
    expect(problems[0]).toContain('Did you mean "temp"?');
    expect(problems[1]).toContain('lesThan');
    // A fact of the window does not exist before the window closes.
    expect(problems[2]).toContain('"n"');
  });
});
