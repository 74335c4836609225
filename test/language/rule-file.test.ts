import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../engine/document/problem.ts';
import { parseRuleFile } from '../../engine/language/check/rule-file.ts';
import { choiceFrom, mutate } from '../config/mutate.ts';
import { overheating } from './sample.ts';

const folder = new URL('./bad/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.bad'));
const read = (name: string) => parseRuleFile(name, readFileSync(new URL(name, folder), 'utf8'));
const check = (rule: object) => parseRuleFile('test.rule.json', JSON.stringify(rule));

describe('a faulty rule file', () => {
  it.each(names)('%s: gives the problems in the file beside it', async (name) => {
    const text = read(name).problems.map(formatProblem).join('\n');
    await expect(`${text}\n`).toMatchFileSnapshot(`./bad/${name.replace(/\.bad$/, '.txt')}`);
  });

  it.each(names)('%s: gives no rule', (name) => {
    expect(read(name).rule).toBeUndefined();
  });
});

describe('a sound rule file', () => {
  const {
    window: _window,
    facts: _facts,
    where: _where,
    conditions: _conditions,
    clear: _clear,
    ...bare
  } = overheating;
  const all = { all: [{ fact: 'temp', operator: 'greaterThan', value: 45 }] };

  it.each([
    ['with everything', overheating],
    ['over single readings', { ...bare, conditions: all }],
    ['of silence', { ...bare, silence: '60s' }],
    ['with a hopping window', { ...overheating, window: { hopping: '1m', every: '20s', lateness: '0s' } }],
    ['over the whole stream', { ...overheating, per: [] }],
    ['with an any and a not', { ...bare, conditions: { any: [{ not: all }, { all: [all, all] }] } }],
    ['with more params', { ...overheating, event: { type: 'hot', params: { team: 'cooling', page: [1, 2] } } }],
  ])('%s is returned unchanged', (_name, rule) => {
    const { rule: parsed, problems } = check(rule);
    expect(problems).toEqual([]);
    expect(parsed).toEqual(rule);
  });

  it('with a mistyped param is accepted, with a warning', () => {
    const { rule, problems } = check({ ...overheating, event: { type: 'hot', params: { mesage: 'hot' } } });
    expect(rule).toBeDefined();
    expect(problems).toMatchObject([{ severity: 'warning', remedy: 'Did you mean `message`?' }]);
  });
});

describe('any rule file', () => {
  it('with mutations gives a rule or an error, never an exception', () => {
    const results = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(
        fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
        fc.integer({ min: 1, max: 4 }),
        (tape, times) => {
          const choose = choiceFrom(tape);
          let value: unknown = overheating;
          for (let round = 0; round < times; round++) value = mutate(value, choose);
          const { rule, problems } = parseRuleFile('test.rule.json', JSON.stringify(value));
          const failed = problems.some(({ severity }) => severity === 'error');
          results[failed ? 'refused' : 'accepted']++;
          expect(rule === undefined).toBe(failed);
        },
      ),
      { numRuns: 2_000 },
    );
    expect(Math.min(results.accepted, results.refused)).toBeGreaterThan(100);
  });
});
