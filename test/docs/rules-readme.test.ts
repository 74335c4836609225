import { describe, expect, test } from 'vitest';
import { aggregates } from '../../engine/aggregates/registry.ts';
import { parseConfig } from '../../engine/config/parse.ts';
import { detectors } from '../../engine/detectors/registry.ts';
import type { Document } from '../../engine/document/document.ts';
import { formatProblem, type Problem } from '../../engine/document/problem.ts';
import { OPERATION_NAMES } from '../../engine/language/calculations/operations.ts';
import { parseRuleFile } from '../../engine/language/check/rule-file.ts';
import { compilePlan } from '../../engine/language/compile/compile-plan.ts';
import { DECORATOR_NAMES } from '../../engine/language/conditions/conditions.ts';
import { ALL_OPERATOR_NAMES } from '../../engine/language/conditions/resolve-operator.ts';
import { usesOfRule } from '../../engine/language/conditions/uses.ts';
import { ruleSchema } from '../../engine/language/schema/rule-schema.ts';
import { findUnused, parseSharedFile } from '../../engine/language/shared-file.ts';
import type { JsonSchema } from '../../engine/model/json-schema.ts';
import type { RuleFile } from '../../engine/model/rule.ts';
import { windows } from '../../engine/windows/registry.ts';
import { anchorOf, blocksOf, codeRows, headingsOf, readPage, sectionOf } from './pages.ts';
import { wordsOf } from './rule-words.ts';

const page = readPage('rules/reference.md');
const isView = (text: string) => !text.includes('"event"') && text.includes('"facts"');
const isRule = (text: string) =>
  text.includes('"stream"') && (text.includes('"event"') || isView(text)) && !text.includes('"specversion"');
const PAGES = ['rules/reference.md', 'rules/README.md', 'README.md'];
const rules = PAGES.flatMap((path) =>
  blocksOf(readPage(path), 'json')
    .filter(({ text }) => isRule(text))
    .map((block) => ({ ...block, page: path })),
);
/** Streams of the examples that the sample config does not have. */
const isConfig = (text: string) => text.includes('"topic"');
const [sharedBlock, ...otherBlocks] = PAGES.flatMap((path) => blocksOf(readPage(path), 'json')).filter(
  ({ text }) => !isRule(text) && !isConfig(text),
);
const added = blocksOf(page, 'json').flatMap(({ text }) => (isConfig(text) ? [JSON.parse(text).streams] : []));
const { shared, problems: sharedProblems } = parseSharedFile('conditions.json', sharedBlock?.text ?? '');

/** Every problem that `weir check` would report for a rule, with the sample config, the page's extra streams and its shared conditions. */
function check(text: string): Problem[] {
  const sample = JSON.parse(readPage('deploy/weir.json'));
  const file = { ...sample, streams: Object.assign({}, sample.streams, ...added) };
  const { config, problems } = parseConfig('deploy/weir.json', JSON.stringify(file), '/deploy');
  if (config === undefined) throw new Error(problems.map(formatProblem).join('\n'));
  const { rule, document, problems: found } = parseRuleFile('example.rule.json', text);
  if (rule === undefined) return found;
  // A rule may use a view that is in another example.
  const views = rules
    .filter((other) => isView(other.text) && other.text !== text)
    .map((other) => parseRuleFile('view.rule.json', other.text) as { rule: RuleFile; document: Document });
  const { problems: compiled } = compilePlan(config.streams, [...views, { rule, document }], shared, {
    attributes: true,
  });
  return [...found, ...compiled.filter(({ file }) => file === document.file)];
}

describe('every example of the pages', () => {
  test('exists', () => {
    expect(rules.length).toBeGreaterThanOrEqual(56);
    expect(otherBlocks).toEqual([]);
  });

  test.each(rules)('$page:$line is valid, without a warning', ({ text }) => {
    expect(check(text).map(formatProblem)).toEqual([]);
  });

  test('would fail if it were wrong', () => {
    const wrong = rules[0]!.text.replace('"meanTemp", "operator"', '"meanTmp", "operator"');
    expect(check(wrong).map(({ code }) => code)).toEqual(['unknown-fact']);
  });

  test('has a unique name', () => {
    const names = rules.map(({ text }) => (JSON.parse(text) as { name: string }).name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });
});

test('the shared conditions and lists are valid, and each is used by an example', () => {
  const uses = rules.map(({ text }) => usesOfRule(parseRuleFile('example.rule.json', text).rule!, shared!.conditions));
  // A list that only a shared condition uses counts as used.
  expect([...sharedProblems, ...findUnused(shared!, uses)].map(formatProblem)).toEqual([]);
});

/** Every word of the language, by kind. */
const language: Readonly<Record<string, readonly string[]>> = {
  key: Object.keys(ruleSchema.properties ?? {}),
  // Only inside the engine is a sequence a kind of window.
  window: Object.keys(windows).filter((name) => name !== 'sequence'),
  aggregate: Object.keys(aggregates),
  'running fact': Object.keys(detectors),
  calculation: OPERATION_NAMES,
  group: ['all', 'any', 'not', 'condition'],
  operator: ALL_OPERATOR_NAMES,
  decorator: DECORATOR_NAMES,
};

describe('the table at the end', () => {
  const rows = codeRows(sectionOf(page, 'Everything at a glance'));

  test.each(Object.keys(language))('names every %s, and no other', (kind) => {
    const named = rows.filter(([, is]) => is === kind).map(([word]) => word!);
    expect(named.sort()).toEqual([...language[kind]!].sort());
  });

  test('has no other kind of word', () => {
    expect([...new Set(rows.map(([, kind]) => kind))].sort()).toEqual(Object.keys(language).sort());
  });

  test.each(rows)('links `%s` (%s) to an example that uses it', (word, kind, means, example) => {
    expect(means).not.toBe('');
    const [, file, anchor] = /\]\((README\.md)?#([\w-]+)\)$/.exec(example!) ?? [];
    const target = file === undefined ? page : readPage(`rules/${file}`);
    const heading = headingsOf(target).find((each) => anchorOf(each) === anchor);
    expect(heading, example).toBeDefined();
    const examples = blocksOf(sectionOf(target, heading!), 'json').filter(({ text }) => isRule(text));
    const shown = examples.flatMap(({ text }) => [...wordsOf(JSON.parse(text))]);
    expect(shown).toContain(`${kind} ${word}`);
  });
});

/** Every key of the schema, at any depth. */
function keysOf(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { properties, examples: _examples, ...rest } = schema as JsonSchema;
  const own = Object.entries(properties ?? {}).flatMap(([key, part]) => [key, ...keysOf(part)]);
  return [...own, ...Object.values(rest).flatMap(keysOf)];
}

test('every key of the schema is in an example', () => {
  const keys = [...new Set(keysOf(ruleSchema))];
  expect(keys.length).toBeGreaterThan(80);
  // `path` is a key of json-rules-engine without a meaning here.
  const missing = keys.filter((key) => key !== 'path' && !rules.some(({ text }) => text.includes(`"${key}":`)));
  expect(missing).toEqual([]);
});

describe('the reference explains', () => {
  const namesIn = (heading: string) => codeRows(sectionOf(page, heading)).map(([name]) => name);

  test.each([
    ['Aggregates', 'aggregate'],
    ['Running facts', 'running fact'],
    ['Calculations', 'calculation'],
    ['Operators', 'operator'],
    ['Decorators', 'decorator'],
  ])('in "%s" every %s', (heading, kind) => expect(namesIn(heading)).toEqual(language[kind]));

  test('every window', () => {
    const forms = namesIn('Windows').map((form) => /"(\w+)"/.exec(form!)?.[1]);
    expect(forms).toEqual(language.window);
  });

  test.each(codeRows(sectionOf(page, 'Aggregates')))('the aggregate %s takes: %s', (name, shown) => {
    const { source, accepts } = aggregates[name as keyof typeof aggregates];
    expect(shown).toBe(wordFor(source ?? 'field', accepts));
  });

  test.each(codeRows(sectionOf(page, 'Running facts')))('the running fact %s takes: %s', (name, shown) => {
    const { source, accepts } = detectors[name as keyof typeof detectors];
    expect(shown).toBe(wordFor(source ?? 'field', accepts));
  });
});

function wordFor(source: 'field' | 'name' | 'condition' | 'time', accepts: readonly string[]): string {
  if (source === 'condition') return 'condition';
  if (source === 'time') return '`true`';
  if (source === 'name') return 'field, label or `device`';
  if (accepts.includes('none')) return 'any field, or `true`';
  return accepts.includes('string') ? 'any field' : 'number';
}

describe('the traps', () => {
  test.each(codeRows(sectionOf(page, 'Traps')))('%s gives the warning %s', (comparison, warning) => {
    const rule = { name: 'trap', stream: 'sensors', event: { type: 'trap' } };
    const text = JSON.stringify({ ...rule, conditions: { all: [JSON.parse(comparison!)] } });
    expect(check(text).map(({ code, severity }) => [`\`${code}\``, severity])).toEqual([[warning, 'warning']]);
  });
});
