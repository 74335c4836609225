import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../engine/config/parse.ts';
import { formatProblem } from '../../engine/document/problem.ts';
import { parseRuleFile } from '../../engine/language/check/rule-file.ts';
import { compilePlan } from '../../engine/language/compile/compile-plan.ts';
import type { Closed } from '../../engine/model/item/window-result.ts';
import type { WindowRule } from '../../engine/model/plan/rule-plan.ts';
import type { SequencePlan } from '../../engine/model/plan/window-plan.ts';
import { choiceFrom, mutate } from '../config/mutate.ts';

const deploy = new URL('../../deploy/weir.json', import.meta.url);
const { config } = parseConfig('weir.json', readFileSync(deploy, 'utf8'), '/etc/weir');
const above = (value: number) => ({ all: [{ fact: 'temp', operator: 'greaterThan', value }] });
// biome-ignore lint/suspicious/noThenProperty: the key that authors of rules write.
const then = (condition: object, within?: string) => ({ then: condition, ...(within !== undefined && { within }) });
const not = (condition: object, within?: string) => ({ not: condition, ...(within !== undefined && { within }) });

/** Compiles a rule over a sequence: its plan, and its problems as they are printed. */
function compile(sequence: readonly object[], more: object = {}) {
  const content = { name: 'steps', stream: 'sensors', sequence, event: { type: 'steps' }, ...more };
  const parsed = parseRuleFile('steps.rule.json', JSON.stringify(content));
  if (parsed.rule === undefined) return { rule: undefined, problems: parsed.problems.map(formatProblem) };
  const { plan, problems } = compilePlan(config!.streams, [{ rule: parsed.rule, document: parsed.document }]);
  const rule = plan.rules[0] as WindowRule | undefined;
  return { rule, problems: [...parsed.problems, ...problems].map(formatProblem) };
}

function planOf(sequence: readonly object[], more: object = {}): SequencePlan {
  const { rule, problems } = compile(sequence, more);
  expect(problems).toEqual([]);
  return rule!.window as SequencePlan;
}

const FOREVER = Number.POSITIVE_INFINITY;
const MINUTE = 60_000;

describe('a sequence is planned', () => {
  it('with the times of its steps', () => {
    const plan = planOf([above(1), then(above(2)), then(above(3), '5m')], { lateness: '5s' });
    expect(plan).toMatchObject({ kind: 'sequence', latenessMs: 5_000, aggregates: [], closing: [], clearingMs: 0 });
    expect(plan.conditions).toHaveLength(3);
    expect(plan.steps).toEqual([
      { flag: 1, withinMs: FOREVER, breaks: 0 },
      { flag: 2, withinMs: FOREVER, breaks: 0 },
      { flag: 4, withinMs: 5 * MINUTE, breaks: 0 },
    ]);
  });

  it('with absences between its steps', () => {
    const plan = planOf([above(1), not(above(2)), not(above(3)), then(above(4)), not(above(5)), then(above(6))]);
    expect(plan.steps).toEqual([
      { flag: 1, withinMs: FOREVER, breaks: 6 },
      { flag: 8, withinMs: FOREVER, breaks: 16 },
      { flag: 32, withinMs: FOREVER, breaks: 0 },
    ]);
  });

  it.each<[string, object[], SequencePlan['closing']]>([
    ['of its own', [above(1), then(above(2)), not(above(3), '5m')], [{ flag: 4, since: 1, withinMs: 5 * MINUTE }]],
    [
      'of the last step',
      [above(1), then(above(2), '5m'), not(above(3))],
      [{ flag: 4, since: 0, withinMs: 5 * MINUTE }],
    ],
    [
      'of an earlier step',
      [above(1), then(above(2)), then(above(3), '2m'), then(above(4)), not(above(5))],
      [{ flag: 16, since: 1, withinMs: 2 * MINUTE }],
    ],
    [
      'of the absence before it',
      [above(1), then(above(2), '5m'), not(above(3), '1m'), not(above(4))],
      [
        { flag: 4, since: 1, withinMs: MINUTE },
        { flag: 8, since: 1, withinMs: MINUTE },
      ],
    ],
    [
      'each',
      [above(1), not(above(2)), then(above(3), '5m'), not(above(4)), not(above(5), '1m')],
      [
        { flag: 8, since: 0, withinMs: 5 * MINUTE },
        { flag: 16, since: 1, withinMs: MINUTE },
      ],
    ],
  ])('with a closing absence whose deadline is that %s', (_whose, sequence, closing) => {
    expect(planOf(sequence).closing).toEqual(closing);
  });

  it('with results for as long as its alert may last', () => {
    const sequence = [above(1), then(above(2))];
    expect(planOf(sequence, { keepFiring: '1m' }).clearingMs).toBe(MINUTE);
    expect(planOf(sequence, { keepFiring: '1m', active: { to: '08:00', timeZone: 'UTC' } }).clearingMs).toBe(FOREVER);
  });

  it('with thirty steps at most, each with a bit of its own', () => {
    const steps = (count: number) => [above(0), ...Array.from({ length: count - 1 }, (_, i) => then(above(i + 1)))];
    const { steps: planned } = planOf(steps(30));
    expect(new Set(planned.map(({ flag }) => flag)).size).toBe(30);
    expect(planned.every(({ flag }) => flag > 0)).toBe(true);
    expect(compile(steps(31)).problems).toEqual([
      expect.stringContaining('`sequence` has 31 entries; the maximum is 30.'),
    ]);
  });
});

describe('the alert of a sequence', () => {
  const sequence = [above(1), not(above(9)), then(above(2), '5m'), not(above(3), '1m')];
  const { rule } = compile(sequence, { per: ['site'] });
  const at = Date.UTC(2026, 0, 31, 12);
  const closedOf = (match: NonNullable<Closed['match']>): Closed => ({
    ...{ kind: 'closed', offset: 0, receivedAt: 0, connection: 0, liveMs: 0, rule: 0, facts: [] },
    key: { text: 'north', parts: ['north'] },
    ...{ start: at, end: at, inclusive: true, match },
  });

  it('shows every step with its condition, and when it was met', () => {
    const closed = closedOf({ metAt: [at, at + 1_500], tookMs: 61_500 });
    const { conditions } = rule!;
    expect(conditions.holds(closed)).toBe(true);
    expect(conditions.facts(closed)).toEqual({ site: 'north', duration: 61.5 });
    expect(conditions.outcomes(closed, false)).toEqual([
      {
        fact: 'sequence[0]',
        operator: 'first',
        value: sequence[0],
        factValue: '2026-01-31T12:00:00.000Z',
        result: true,
      },
      { fact: 'sequence[1]', operator: 'not', value: sequence[1], factValue: null, result: true },
      {
        fact: 'sequence[2]',
        operator: 'then',
        value: sequence[2],
        factValue: '2026-01-31T12:00:01.500Z',
        result: true,
      },
      { fact: 'sequence[3]', operator: 'not', value: sequence[3], factValue: null, result: true },
    ]);
  });

  it('shows no step as met if nothing was completed, and how long the last match took', () => {
    const closed = closedOf({ metAt: [], tookMs: 61_500 });
    const { conditions } = rule!;
    expect(conditions.holds(closed)).toBe(false);
    expect(conditions.facts(closed)).toEqual({ site: 'north', duration: 61.5 });
    const outcomes = conditions.outcomes(closed, true);
    expect(outcomes.map(({ factValue, result }) => ({ factValue, result }))).toEqual(
      Array.from({ length: 4 }, () => ({ factValue: null, result: false })),
    );
  });

  it('has the unit of its duration', () => {
    expect(rule!.units).toEqual({ duration: 's' });
  });
});

describe('any sequence', () => {
  const sound = {
    name: 'steps',
    stream: 'sensors',
    lateness: '5s',
    sequence: [above(1), not(above(9)), then(above(2), '5m'), not({ fact: 'temp', operator: 'equal', value: 1 }, '1m')],
    event: { type: 'steps' },
  };

  it('with mutations gives a plan or an error, never an exception', () => {
    const verdicts = { taken: 0, refused: 0 };
    fc.assert(
      fc.property(
        fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
        fc.integer({ min: 1, max: 4 }),
        (tape, times) => {
          const choose = choiceFrom(tape);
          let { sequence } = sound as { sequence: unknown };
          for (let round = 0; round < times; round++) sequence = mutate(sequence, choose);
          const { rule, problems } = compile(sequence as readonly object[]);
          const failed = problems.some((problem) => problem.includes(': error: '));
          verdicts[failed ? 'refused' : 'taken']++;
          expect(rule === undefined).toBe(failed);
        },
      ),
      { numRuns: 2_000 },
    );
    expect(Math.min(verdicts.taken, verdicts.refused)).toBeGreaterThan(50);
  });
});
