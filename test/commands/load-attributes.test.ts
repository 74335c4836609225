import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { loadConfig } from '../../engine/commands/load.ts';
import { InvalidInput } from '../../engine/document/problem.ts';

const CONFIG = {
  data: 'data',
  rules: 'rules',
  mqtt: { url: 'mqtt://localhost:1883', clientId: 'weir' },
  streams: { sensors: { topic: 'plant/{device}', format: 'json', fields: { temp: 'number' } } },
  nats: { servers: 'nats://localhost:4222' },
  clickhouse: { url: 'http://localhost:8123', database: 'weir' },
};
const RULE = {
  name: 'hot',
  stream: 'sensors',
  conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: { fact: 'device.limit' } }] },
  event: { type: 'hot' },
};

/** Writes a folder with a config, a rule that uses attributes, and these files. Returns the path of the config. */
function write(attributes: object | undefined, files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'weir-load-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'rules'));
  writeFileSync(join(folder, 'weir.json'), JSON.stringify({ ...CONFIG, attributes }));
  writeFileSync(join(folder, 'rules/hot.rule.json'), JSON.stringify(RULE));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return join(folder, 'weir.json');
}

function problemsOf(file: string): readonly string[] {
  try {
    loadConfig(file);
  } catch (error) {
    if (!(error instanceof InvalidInput)) throw error;
    return error.problems.map(({ file, line, column, code }) => `${file.split('/').at(-1)}:${line}:${column} ${code}`);
  }
  return [];
}

it('a config with attributes accepts a rule that uses them', () => {
  expect(problemsOf(write({ bucket: 'weir_attributes' }))).toEqual([]);
  expect(problemsOf(write({ file: './devices.csv' }, { 'devices.csv': 'device,limit\nd1,5\n' }))).toEqual([]);
});

it('a config without attributes does not', () => {
  expect(problemsOf(write(undefined))).toEqual([expect.stringMatching(/^hot\.rule\.json:1:\d+ no-attributes$/)]);
});

it('a fault in the file of attributes is a problem of the config, with its place', () => {
  const problems = problemsOf(write({ file: './devices.json' }, { 'devices.json': '{\n  "d1": 5\n}' }));
  expect(problems).toEqual(['devices.json:2:3 not-an-object']);
});

it('a missing file of attributes is a problem of the config', () => {
  expect(problemsOf(write({ file: './devices.json' }))).toEqual(['devices.json:0:0 unreadable']);
});
