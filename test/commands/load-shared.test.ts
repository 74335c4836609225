import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
const HOT = { name: 'hot', stream: 'sensors', conditions: { condition: 'isHot' }, event: { type: 'hot' } };
const isHot = { all: [{ fact: 'temp', operator: 'greaterThan', value: 50 }] };

/** Loads a config with these files in its folder of rules. Returns the problems as `FILE: SEVERITY CODE`, and the names of the rules. */
function load(files: Readonly<Record<string, object | string>>): { problems: string[]; rules: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'weir-load-'));
  folders.push(folder);
  mkdirSync(join(folder, 'my-rules'));
  writeFileSync(join(folder, 'weir.json'), JSON.stringify(CONFIG));
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, 'my-rules', name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  const texts = (found: readonly Problem[]) =>
    found.map(({ file, severity, code }) => `${file.split('/').at(-1)}: ${severity} ${code}`);
  try {
    const { plan, warnings } = loadConfig(join(folder, 'weir.json'));
    return { problems: texts(warnings), rules: plan.rules.map(({ name }) => name) };
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    return { problems: texts(error.problems), rules: [] };
  }
}

describe('the conditions.json of a folder of rules', () => {
  it('has the conditions that rules refer to', () => {
    const files = { 'hot.rule.json': HOT, 'conditions.json': { conditions: { isHot } } };
    expect(load(files)).toEqual({ problems: [], rules: ['hot'] });
  });

  it('is optional, unless a rule refers to it', () => {
    expect(load({ 'hot.rule.json': { ...HOT, conditions: isHot } })).toEqual({ problems: [], rules: ['hot'] });
    expect(load({ 'hot.rule.json': HOT }).problems).toEqual(['hot.rule.json: error unknown-condition']);
  });

  it('is reported once, at the place of its fault, even if several rules use it', () => {
    const wrong = { all: [{ fact: 'temp', operator: 'above', value: 50 }] };
    const files = {
      'a.rule.json': HOT,
      'b.rule.json': { ...HOT, name: 'b' },
      'conditions.json': { conditions: { isHot: wrong } },
    };
    expect(load(files).problems).toEqual(['conditions.json: error unknown-operator']);
  });

  it('that cannot be read causes no errors of rules', () => {
    const files = { 'a.rule.json': HOT, 'conditions.json': '{' };
    expect(load(files).problems).toEqual(['conditions.json: error syntax']);
    expect(load({ ...files, 'conditions.json': { conditions: { isHot: [] } } }).problems).toEqual([
      'conditions.json: error wrong-type',
    ]);
  });

  it('has a warning for what no rule uses, unless a rule could not be read', () => {
    const files = { 'hot.rule.json': HOT, 'conditions.json': { conditions: { isHot }, lists: { critical: [] } } };
    expect(load(files)).toEqual({ problems: ['conditions.json: warning unused'], rules: ['hot'] });
    expect(load({ ...files, 'b.rule.json': '{' }).problems).toEqual(['b.rule.json: error syntax']);
  });
});
