import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../engine/config/parse.ts';
import { formatProblem } from '../../engine/document/problem.ts';
import { parseRuleFile } from '../../engine/language/check/rule-file.ts';
import { compilePlan } from '../../engine/language/compile/compile-plan.ts';
import type { RulePlan } from '../../engine/model/plan/rule-plan.ts';

const deploy = new URL('../../deploy/weir.json', import.meta.url);
const { config } = parseConfig('weir.json', readFileSync(deploy, 'utf8'), '/etc/weir');
const above = (fact: string, value: number) => ({ all: [{ fact, operator: 'greaterThan', value }] });
const conditions = above('temp', 45);

/** Compiles a rule with these keys: its plan, and its problems as they are printed. */
function compile(parts: object): { rule: RulePlan | undefined; problems: string[] } {
  const text = JSON.stringify({ name: 'hot', stream: 'sensors', event: { type: 'hot' }, ...parts }, null, 1);
  const parsed = parseRuleFile('hot.rule.json', text);
  if (parsed.rule === undefined) return { rule: undefined, problems: parsed.problems.map(formatProblem) };
  const { plan, problems } = compilePlan(config!.streams, [{ rule: parsed.rule, document: parsed.document }]);
  return { rule: plan.rules[0], problems: [...parsed.problems, ...problems].map(formatProblem) };
}

const PLAIN = {
  levels: [{ severity: 'warning', hold: { forMs: 0 } }],
  keepFiringMs: 0,
  resolveAfterMs: 0,
  repeatMs: 0,
  flapping: undefined,
  limit: undefined,
  active: [],
};
const EVERY_DAY = [true, true, true, true, true, true, true];

describe('the lifecycle of a rule', () => {
  it.each<[string, object, object]>([
    ['that says nothing', { conditions }, PLAIN],
    [
      'that waits',
      { conditions, for: '30s', keepFiring: '1m' },
      { ...PLAIN, levels: [{ severity: 'warning', hold: { forMs: 30_000 } }], keepFiringMs: 60_000 },
    ],
    [
      'that counts',
      { conditions, for: { matches: 3, of: 5 }, event: { type: 'hot', params: { severity: 'info' } } },
      { ...PLAIN, levels: [{ severity: 'info', hold: { matches: 3, of: 5 } }] },
    ],
    [
      'that says everything',
      {
        conditions,
        resolveAfter: '10m',
        repeat: '1h',
        flapping: { changes: 6, within: '10m' },
        limit: { alerts: 10, per: '1m' },
        active: { days: ['mon', 'sun'], from: '08:30', to: '18:00', timeZone: 'Europe/Berlin' },
      },
      {
        ...PLAIN,
        resolveAfterMs: 600_000,
        repeatMs: 3_600_000,
        flapping: { changes: 6, withinMs: 600_000 },
        limit: { alerts: 10, perMs: 60_000 },
        active: [
          { days: [true, true, false, false, false, false, false], from: 510, to: 1_080, timeZone: 'Europe/Berlin' },
        ],
      },
    ],
    [
      'with several hours',
      { conditions, active: [{ timeZone: 'UTC' }, { from: '22:00', to: '06:00', timeZone: 'Asia/Tokyo' }] },
      {
        ...PLAIN,
        active: [
          { days: EVERY_DAY, from: 0, to: 1_440, timeZone: 'UTC' },
          { days: EVERY_DAY, from: 1_320, to: 360, timeZone: 'Asia/Tokyo' },
        ],
      },
    ],
    [
      'with levels',
      {
        levels: [
          { severity: 'info', conditions, for: { matches: 1, of: 2 } },
          { severity: 'critical', conditions: above('temp', 60) },
        ],
        for: '10s',
      },
      {
        ...PLAIN,
        levels: [
          { severity: 'info', hold: { matches: 1, of: 2 } },
          { severity: 'critical', hold: { forMs: 10_000 } },
        ],
      },
    ],
    [
      'of silence, which is that much longer',
      { silence: '1m', for: '30s', repeat: '1h' },
      { ...PLAIN, repeatMs: 3_600_000 },
    ],
  ])('%s', (_, parts, lifecycle) => {
    const { rule, problems } = compile(parts);
    expect(problems).toEqual([]);
    expect(rule?.lifecycle).toEqual(lifecycle);
    if (rule?.kind === 'silence') expect(rule.silenceMs).toBe(90_000);
  });

  it('has the lowest severity of its levels, and any of them holds', () => {
    const levels = [
      { severity: 'info', conditions: above('temp', 10) },
      {
        severity: 'critical',
        conditions: above('humidity', 90),
        clear: { all: [{ fact: 'humidity', operator: 'lessThan', value: 80 }] },
      },
    ];
    const { rule } = compile({
      levels,
      window: { tumbling: '10s' },
      facts: { temp: { max: 'temp' }, humidity: { max: 'humidity' } },
    });
    if (rule?.kind !== 'window') throw new Error('not a window rule');
    expect(rule.severity).toBe('info');
    const { holds, ladder, facts } = rule.conditions;
    const judged = [
      [5, 50],
      [11, 50],
      [5, 95],
      [5, 85],
    ].map((values) => {
      const closed = { kind: 'closed', facts: values, key: { text: 'd', parts: ['d'] } } as never;
      const reached = ladder!.reached(closed);
      expect(holds(closed)).toBe(reached > 0);
      expect(facts(closed)).toMatchObject({ temp: values[0], humidity: values[1] });
      return [reached, ladder!.clearing(closed, reached, ladder!.possible(closed))];
    });
    expect(judged).toEqual([
      [0, 3],
      [1, 2],
      [2, 0],
      [0, 1],
    ]);
  });
});

describe('a faulty lifecycle', () => {
  it('is reported at its position in the conditions of a level', () => {
    const levels = [
      { severity: 'info', conditions: above('tmep', 10) },
      { severity: 'critical', conditions, clear: above('humidty', 90) },
    ];
    const { rule, problems } = compile({ levels });
    expect(rule).toBeUndefined();
    expect(problems).toHaveLength(2);
    expect(problems[0]).toMatch(/^hot\.rule\.json:13:15: error: .*tmep.*\n.*temp/);
    expect(problems[1]).toMatch(/^hot\.rule\.json:\d+:15: error: .*humidty.*\n.*humidity/);
  });

  it('gets a warning if resolveAfter is shorter than the interval of the windows', () => {
    const window = { hopping: '5m', every: '1m' };
    const facts = { n: { count: true } };
    const { rule, problems } = compile({ window, facts, conditions: above('n', 1), resolveAfter: '60s' });
    expect(rule).toBeDefined();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/warning: Windows close every 1m.*\n.*Make it longer than 1m\./);
    expect(compile({ window, facts, conditions: above('n', 1), resolveAfter: '61s' }).problems).toEqual([]);
  });

  it.each(['Europe/Berlin', 'UTC', 'Etc/GMT+5', 'America/Argentina/Buenos_Aires'])(
    'knows the time zone %s',
    (timeZone) => {
      expect(compile({ conditions, active: { from: '08:00', timeZone } }).problems).toEqual([]);
    },
  );

  it('does not know the time zone Middle-earth/Shire', () => {
    const { problems } = compile({ conditions, active: { timeZone: 'Middle-earth/Shire' } });
    expect(problems[0]).toContain('There is no time zone "Middle-earth/Shire"');
  });

  it.each([
    ['neither conditions nor levels nor silence', {}, 'does not say when to raise it'],
    ['an empty ladder', { levels: [] }, '`levels` is empty'],
  ])('is refused: %s', (_, parts, message) => {
    expect(compile(parts).problems.join()).toContain(message);
  });
});
