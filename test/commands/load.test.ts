import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../engine/commands/load.ts';
import { InvalidInput, type Problem } from '../../engine/document/problem.ts';

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const CONFIG = {
  data: 'data',
  rules: 'my-rules',
  mqtt: { url: 'mqtt://localhost:1883', clientId: 'weir' },
  streams: { sensors: { topic: 'plant/{device}', format: 'json', fields: { temp: 'number' } } },
  nats: { servers: 'nats://localhost:4222' },
  clickhouse: { url: 'http://localhost:8123', database: 'weir' },
};
const HOT = {
  name: 'hot',
  stream: 'sensors',
  conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: 50 }] },
  event: { type: 'hot' },
};

/** Writes a folder with a config and rules. Returns the path of the config. */
function write(config: object | string, rules: Readonly<Record<string, object | string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'weir-load-'));
  folders.push(folder);
  const text = (content: object | string) => (typeof content === 'string' ? content : JSON.stringify(content, null, 2));
  writeFileSync(join(folder, 'weir.json'), text(config));
  mkdirSync(join(folder, 'my-rules'));
  for (const [name, content] of Object.entries(rules)) writeFileSync(join(folder, 'my-rules', name), text(content));
  return join(folder, 'weir.json');
}

function problemsOf(file: string): readonly Problem[] {
  try {
    loadConfig(file);
  } catch (error) {
    if (error instanceof InvalidInput) return error.problems;
    throw error;
  }
  throw new Error('the config was loaded without problems');
}

describe('loading a config', () => {
  it('reads the rule files of its folder in the order of their names, and no other files', () => {
    const file = write(CONFIG, {
      'b.rule.json': { ...HOT, name: 'second' },
      'a.rule.json': HOT,
      'a.test.json': 'no rule',
      'README.md': 'no rule',
    });
    const { config, plan, warnings } = loadConfig(file);
    expect(config.rules).toBe(join(file, '..', 'my-rules'));
    expect(config.data).toBe(join(file, '..', 'data'));
    expect(plan.rules.map(({ name }) => name)).toEqual(['hot', 'second']);
    expect(warnings).toEqual([]);
  });

  it('reports all problems of all rules, with paths as the user would write them', () => {
    const file = write(CONFIG, {
      'a.rule.json': '{ "name": ',
      'b.rule.json': { ...HOT, name: 'b', stream: 'sensor' },
      'c.rule.json': { ...HOT, name: 'c', conditions: { all: [{ fact: 'tmp', operator: 'greaterThan', value: 1 }] } },
      'd.rule.json': HOT,
    });
    const folder = relative(process.cwd(), join(file, '..', 'my-rules'));
    const problems = problemsOf(file);
    expect([...new Set(problems.map(({ file }) => file))]).toEqual(
      ['a', 'b', 'c'].map((name) => join(folder, `${name}.rule.json`)),
    );
    expect(problems.every(({ line }) => line > 0)).toBe(true);
  });

  it('returns warnings', () => {
    const event = { type: 'hot', params: { messag: 'typo' } };
    const { warnings, plan } = loadConfig(write(CONFIG, { 'a.rule.json': { ...HOT, event } }));
    expect(warnings).toMatchObject([{ code: 'near-miss', severity: 'warning' }]);
    expect(plan.rules).toHaveLength(1);
  });

  it('does not read rules if the config itself has errors', () => {
    const problems = problemsOf(write({ ...CONFIG, mqtt: 5 }, { 'a.rule.json': '{' }));
    expect(problems.every(({ file }) => file.endsWith('weir.json'))).toBe(true);
  });

  it('reports a file or folder that cannot be read', () => {
    expect(problemsOf('/nowhere/weir.json')).toMatchObject([
      { code: 'unreadable', message: expect.stringContaining('ENOENT'), remedy: expect.stringContaining('--config') },
    ]);
    const file = write({ ...CONFIG, rules: 'gone' }, {});
    expect(problemsOf(file)).toMatchObject([
      { code: 'unreadable', remedy: 'Create it, or correct "rules" in the config.' },
    ]);
    const folder = write(CONFIG, {});
    mkdirSync(join(folder, '..', 'my-rules', 'x.rule.json'));
    expect(problemsOf(folder)).toMatchObject([{ code: 'unreadable', file: expect.stringContaining('x.rule.json') }]);
  });
});
