import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../engine/config/parse.ts';
import { formatProblem, type Problem } from '../../engine/document/problem.ts';
import { parseRuleFile } from '../../engine/language/check/rule-file.ts';
import { compilePlan } from '../../engine/language/compile/compile-plan.ts';
import { usesOfRule } from '../../engine/language/conditions/uses.ts';
import { findUnused, parseSharedFile } from '../../engine/language/shared-file.ts';

const CONFIG = {
  data: 'data',
  rules: 'rules',
  mqtt: { url: 'mqtt://localhost', clientId: 'weir-1' },
  streams: {
    sensors: { topic: 'plant/{site}/{device}/data', format: 'json', fields: { temp: 'number', mode: 'string' } },
    brief: { topic: 'brief/{device}', format: 'json', fields: { temp: 'number' }, retain: '1d' },
  },
  nats: { servers: 'nats://localhost' },
  clickhouse: { url: 'http://localhost:8123', database: 'weir' },
};
const { config } = parseConfig('weir.json', JSON.stringify(CONFIG), '/etc/weir');

const hot = { all: [{ fact: 'temp', operator: 'greaterThan', value: 45 }] };
const FILE = {
  conditions: {
    isHot: hot,
    isCritical: { all: [{ fact: 'device', operator: 'inList', value: 'criticalDevices' }] },
    alarming: { all: [{ condition: 'isHot' }, { not: { condition: 'isCritical' } }] },
    opened: { all: [{ fact: 'door', operator: 'equal', value: true }] },
    isHumid: { all: [{ fact: 'humidity', operator: 'matches', value: '(a)\\1' }] },
    never: {
      all: [
        { fact: 'temp', operator: 'equal', value: 'x' },
        { fact: 'temp', operator: 'equal', value: null },
      ],
    },
  },
  lists: { criticalDevices: ['press-1', 'press-2'], modes: ['on', 'off'] },
};
const sharedOf = (file: object) => parseSharedFile('rules/conditions.json', JSON.stringify(file, null, 1));

function compile(parts: object, file: object = FILE) {
  const rule = { name: 'r', stream: 'sensors', conditions: { condition: 'isHot' }, event: { type: 'r' }, ...parts };
  const parsed = parseRuleFile('r.rule.json', JSON.stringify(rule, null, 1));
  expect(parsed.problems).toEqual([]);
  const { shared } = sharedOf(file);
  const own = [{ rule: parsed.rule!, document: parsed.document }];
  return { ...compilePlan(config!.streams, own, shared), shared: shared!, rule: parsed.rule! };
}
const versionOf = (parts: object, file?: object) => compile(parts, file).plan.rules[0]!.version;

const filesIn = (folder: URL) => readdirSync(folder).filter((name) => name.endsWith('.bad'));
const show = (problems: readonly Problem[]) => `${problems.map(formatProblem).join('\n')}\n`;

describe('a faulty file of shared conditions', () => {
  const folder = new URL('./bad/shared/', import.meta.url);
  it.each(filesIn(folder))('%s: gives the problems in the file beside it', async (name) => {
    const { problems } = parseSharedFile(name, readFileSync(new URL(name, folder), 'utf8'));
    expect(problems.some(({ severity }) => severity === 'error')).toBe(true);
    await expect(show(problems)).toMatchFileSnapshot(`./bad/shared/${name.replace(/\.bad$/, '.txt')}`);
  });

  it('of more than a mebibyte is not read', () => {
    const { shared, problems } = sharedOf({ lists: { long: Array(1_000).fill('é'.repeat(600)) } });
    expect(shared).toBeUndefined();
    expect(problems).toMatchObject([{ code: 'too-large', severity: 'error', file: 'rules/conditions.json' }]);
  });
});

describe('a rule that cannot be compiled', () => {
  const folder = new URL('./bad/compiled/', import.meta.url);
  it.each(filesIn(folder))('%s: gives the problems in the file beside it', async (name) => {
    const { rule, document, problems } = parseRuleFile(name, readFileSync(new URL(name, folder), 'utf8'));
    expect(problems).toEqual([]);
    const compiled = compilePlan(config!.streams, [{ rule: rule!, document }], sharedOf(FILE).shared);
    await expect(show(compiled.problems)).toMatchFileSnapshot(`./bad/compiled/${name.replace(/\.bad$/, '.txt')}`);
  });
});

describe('a shared condition', () => {
  it('can be referred to wherever a condition is allowed', () => {
    const { isHumid: _isHumid, ...conditions } = FILE.conditions;
    const sound = { ...FILE, conditions };
    for (const parts of [
      { conditions: { all: [{ condition: 'isHot' }, { condition: 'isCritical' }] } },
      { where: { condition: 'isCritical' }, clear: { not: { condition: 'isHot' } } },
      { window: { tumbling: '10s' }, facts: { temp: { mean: 'temp' }, share: { share: { condition: 'isHot' } } } },
      { facts: { row: { inARow: { condition: 'alarming' } } } },
      { window: { state: { from: { condition: 'isHot' }, until: hot } }, facts: { temp: { max: 'temp' } } },
    ]) {
      expect(compile(parts, sound).problems).toEqual([]);
    }
    const levels = [{ severity: 'info', conditions: { condition: 'isHot' }, clear: { not: { condition: 'isHot' } } }];
    const rule = { name: 'r', stream: 'sensors', levels, event: { type: 'r' } };
    const { rule: parsed, document } = parseRuleFile('r.rule.json', JSON.stringify(rule));
    expect(compilePlan(config!.streams, [{ rule: parsed!, document }], sharedOf(sound).shared).problems).toEqual([]);
  });

  it('has the meaning that it would have if it were written there', () => {
    const reading = { device: 'press-9', labels: ['north'], values: [50, 'on'] };
    const test = (parts: object, change: object = {}) => {
      const [rule] = compile(parts).plan.rules;
      return rule?.kind === 'reading' && rule.conditions.holds({ ...reading, ...change } as never);
    };
    expect(test({ conditions: { condition: 'alarming' } })).toBe(true);
    expect(test({ conditions: { condition: 'alarming' } }, { device: 'press-1' })).toBe(false);
    expect(test({ conditions: { condition: 'alarming' } }, { values: [40, 'on'] })).toBe(false);
  });

  it('is reported as unused if no rule refers to it, directly or through another', () => {
    const { shared, rule } = compile({ conditions: { condition: 'alarming' } });
    const unused = findUnused(shared, [usesOfRule(rule, shared.conditions)]);
    expect(unused.map(({ file, message }) => `${file} ${message}`)).toEqual([
      'rules/conditions.json No rule uses the condition `opened`.',
      'rules/conditions.json No rule uses the condition `isHumid`.',
      'rules/conditions.json No rule uses the condition `never`.',
      'rules/conditions.json No rule uses the list `modes`.',
    ]);
    expect(unused.every(({ severity, line, code }) => severity === 'warning' && line > 1 && code === 'unused')).toBe(
      true,
    );
  });
});

describe('the version of a rule', () => {
  const change = (conditions: object, lists: object = {}) => ({
    conditions: { ...FILE.conditions, ...conditions },
    lists: { ...FILE.lists, ...lists },
  });
  const warmer = { all: [{ fact: 'temp', operator: 'greaterThan', value: 46 }] };

  it('changes with the definitions it refers to, also through others, and with nothing else', () => {
    const alarming = { conditions: { condition: 'alarming' } };
    expect(versionOf(alarming, change({ isHot: warmer }))).not.toBe(versionOf(alarming));
    expect(versionOf(alarming, change({}, { criticalDevices: ['press-1'] }))).not.toBe(versionOf(alarming));
    expect(versionOf(alarming, change({ opened: hot }, { modes: [] }))).toBe(versionOf(alarming));
    const listed = { conditions: { all: [{ fact: 'mode', operator: 'not:someValue:inList', value: ['modes'] }] } };
    expect(versionOf(listed, change({}, { modes: ['on'] }))).not.toBe(versionOf(listed));
    expect(versionOf(listed, change({ isHot: warmer }))).toBe(versionOf(listed));
  });

  it('does not change with the mere presence of shared conditions', () => {
    expect(versionOf({ conditions: hot }, {})).toBe(versionOf({ conditions: hot }));
  });
});
