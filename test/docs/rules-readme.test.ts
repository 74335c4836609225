import { describe, expect, test } from 'vitest';
import { aggregates } from '../../engine/aggregates/registry.ts';
import { parseConfig } from '../../engine/config/parse.ts';
import { compilePlan } from '../../engine/language/compile.ts';
import { DECORATOR_NAMES, OPERATOR_NAMES } from '../../engine/language/conditions.ts';
import { ruleSchema } from '../../engine/language/schema.ts';
import { parseRuleFile } from '../../engine/language/shape.ts';
import { formatProblem, type Problem } from '../../engine/model/problem.ts';
import { blocksOf, codeRows, readPage, sectionOf } from './pages.ts';

const page = readPage('rules/README.md');
const rules = [
  ...blocksOf(page, 'json').map((block) => ({ ...block, page: 'rules/README.md' })),
  ...blocksOf(readPage('README.md'), 'json')
    .filter(({ text }) => text.includes('"stream"') && text.includes('"event"') && !text.includes('"specversion"'))
    .map((block) => ({ ...block, page: 'README.md' })),
];

/** Everything that `weir check` would say of a rule beside the sample config. */
function check(text: string): Problem[] {
  const { config, problems } = parseConfig('deploy/weir.json', readPage('deploy/weir.json'), '/deploy');
  if (config === undefined) throw new Error(problems.map(formatProblem).join('\n'));
  const { rule, document, problems: found } = parseRuleFile('example.rule.json', text);
  if (rule === undefined) return found;
  return [...found, ...compilePlan(config.streams, [{ rule, document }]).problems];
}

describe('every example of the guide', () => {
  test('is there', () => expect(rules.length).toBeGreaterThanOrEqual(7));

  test.each(rules)('$page:$line is sound, without a warning', ({ text }) => {
    expect(check(text).map(formatProblem)).toEqual([]);
  });

  test('would be found out if it were wrong', () => {
    const wrong = rules[0]!.text.replace('"meanTemp", "operator"', '"meanTmp", "operator"');
    expect(check(wrong).map(({ code }) => code)).toEqual(['unknown-fact']);
  });
});

describe('the guide names', () => {
  const namesIn = (heading: string) => codeRows(sectionOf(page, heading)).map(([name]) => name);

  test('every aggregate', () => expect(namesIn('Facts')).toEqual(Object.keys(aggregates)));

  test('every field type that an aggregate takes', () => {
    const told = codeRows(sectionOf(page, 'Facts')).map(([name, fields]) => [name, fields]);
    const real = Object.entries(aggregates).map(([name, { accepts }]) => [
      name,
      (accepts as readonly string[]).includes('string') ? 'any' : 'number',
    ]);
    expect(told).toEqual(real);
  });

  test('every operator and decorator', () => {
    const rows = codeRows(sectionOf(page, 'Conditions')).map(([name]) => name);
    const traps = codeRows(sectionOf(page, 'Traps')).length;
    expect(rows.slice(0, rows.length - traps)).toEqual([...OPERATOR_NAMES, ...DECORATOR_NAMES]);
  });

  test('every key of a rule', () => {
    const told = codeRows(sectionOf(page, 'A rule in full')).flatMap(([name]) =>
      name === 'window' ? ['window', 'facts'] : [name],
    );
    const real = Object.keys(ruleSchema.properties ?? {}).filter((key) => key !== '$schema');
    expect(told.sort()).toEqual(real.sort());
  });
});

describe('the traps', () => {
  test.each(codeRows(sectionOf(page, 'Traps')))('%s brings the warning %s', (comparison, warning) => {
    const rule = { name: 'trap', stream: 'sensors', event: { type: 'trap' } };
    const text = JSON.stringify({ ...rule, conditions: { all: [JSON.parse(comparison!)] } });
    expect(check(text).map(({ code, severity }) => [`\`${code}\``, severity])).toEqual([[warning, 'warning']]);
  });
});
