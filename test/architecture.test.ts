import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { inspect, type Sources } from './architecture.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

function readSources(): Sources {
  const paths = ['engine', 'connectors'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => `${folder}/${name}`),
  );
  return new Map(paths.sort().map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]));
}

describe('the house', () => {
  const sources = readSources();
  const { breaches, imports } = inspect(sources);

  it('keeps its rules', () => {
    expect(breaches).toEqual([]);
  });

  it('was seen: as many imports as it must have, of every kind', () => {
    expect(imports.length).toBeGreaterThan(400);
    expect(imports).toContain('engine/pipeline.ts engine/operators/decode.ts');
    expect(imports).toContain('engine/pipeline.ts rxjs');
    expect(imports).toContain('engine/aggregates/range.ts engine/aggregates/max.ts');
    expect(imports).toContain('engine/commands/connect.ts connectors/nats/nats.ts');
    expect(imports).toContain('connectors/clickhouse/clickhouse.ts @clickhouse/client');
    expect(imports).toContain('connectors/embedded/mqtt-child.ts aedes');
    expect(imports).toContain('engine/journal/lock.ts node:fs');
    const rooms = new Set([...sources.keys()].map((path) => path.split('/').slice(0, 2).join('/')));
    // Every room imports something, but for one that needs nobody.
    const importing = new Set(imports.map((line) => line.split('/').slice(0, 2).join('/').split(' ')[0]));
    expect([...rooms].filter((room) => !importing.has(room))).toEqual(['engine/telemetry.ts']);
  });
});

/** What is found in a single file. */
function breachesOf(path: string, text: string): readonly string[] {
  return inspect(new Map([[path, text]])).breaches;
}

describe('a breach of the rules is caught:', () => {
  it.each([
    [
      'upward',
      'engine/windows/a.ts',
      "import { b } from '../operators/lift.ts';",
      'engine/operators/lift.ts, which is on floor 6',
    ],
    [
      'upward, of a type',
      'engine/model/a.ts',
      "import type { B } from '../ports.ts';",
      'engine/ports.ts, which is on floor 5',
    ],
    [
      'upward, from the types to what uses them',
      'engine/model/a.ts',
      "import type { A } from '../aggregates/registry.ts';",
      'on floor 3',
    ],
    ['upward, by a re-export', 'engine/alerts/a.ts', "export { b } from '../state/state.ts';", 'engine/state/state.ts'],
    [
      'upward, by a re-export of everything',
      'engine/alerts/a.ts',
      "export * from '../state/state.ts';",
      'engine/state/state.ts',
    ],
    [
      'upward, when it is called',
      'engine/journal/a.ts',
      "const b = await import('../pipeline.ts');",
      'engine/pipeline.ts',
    ],
    [
      'upward, over several lines',
      'engine/journal/a.ts',
      "import {\n  a,\n  b,\n} from '../pipeline.ts';",
      'engine/pipeline.ts',
    ],
    ['upward, without a name', 'engine/journal/a.ts', "import '../pipeline.ts';", 'engine/pipeline.ts'],
    [
      'upward, behind a comment',
      'engine/journal/a.ts',
      "/* 'x */ import { a } from '../pipeline.ts';",
      'engine/pipeline.ts',
    ],
    [
      'upward, from a folder in a room',
      'engine/journal/deep/a.ts',
      "import '../../commands/run.ts';",
      'engine/commands/run.ts',
    ],
    ['sideways on floor 4', 'engine/windows/a.ts', "import { b } from '../alerts/b.ts';", 'another room of its floor'],
    [
      'sideways on floor 6',
      'engine/operators/a.ts',
      "import { b } from '../journal/b.ts';",
      'another room of its floor',
    ],
    ['commands by the pipeline', 'engine/pipeline.ts', "import { b } from './commands/b.ts';", 'engine/commands/b.ts'],
    ['a room that nobody knows', 'engine/utils/a.ts', "import { b } from '../model/b.ts';", 'no floor'],
    [
      'commands by the running engine',
      'engine/runtime/a.ts',
      "import { b } from '../commands/load.ts';",
      'engine/commands/load.ts',
    ],
    [
      'connectors by the running engine',
      'engine/runtime/a.ts',
      "import { b } from '../../connectors/nats/nats.ts';",
      'commands/ only',
    ],
    [
      'connectors outside of commands',
      'engine/operators/a.ts',
      "import { b } from '../../connectors/nats/nats.ts';",
      'commands/ only',
    ],
    [
      'connectors by the command line',
      'engine/cli.ts',
      "import { b } from '../connectors/nats/nats.ts';",
      'commands/ only',
    ],
    ['tests', 'engine/model/a.ts', "import { b } from '../../test/pipeline/kit.ts';", 'outside of engine/'],
    ['rxjs on floor 4', 'engine/delivery/a.ts', "import { map } from 'rxjs';", 'imports rxjs'],
    ['rxjs in the journal', 'engine/journal/a.ts', "import { map } from 'rxjs/operators';", 'imports rxjs'],
    ['rxjs on floor 5', 'engine/state/state.ts', "import type { Observable } from 'rxjs';", 'imports rxjs'],
    [
      'a client library in the engine',
      'engine/commands/a.ts',
      "import { connect } from 'nats';",
      'belongs to connectors/',
    ],
    ['files on floor 4', 'engine/config/a.ts', "import { readFileSync } from 'node:fs';", 'imports node:fs'],
    [
      'files on floor 4, with a promise',
      'engine/config/a.ts',
      "import { open } from 'node:fs/promises';",
      'imports node:fs/promises',
    ],
    ['sockets on floor 5', 'engine/state/snapshot.ts', "import net from 'node:net';", 'imports node:net'],
    [
      'files in operators',
      'engine/operators/a.ts',
      "import { open } from 'node:fs/promises';",
      'imports node:fs/promises',
    ],
    ['random numbers', 'engine/delivery/a.ts', "import { createHash, randomUUID } from 'node:crypto';", 'createHash'],
    ['all of node:crypto', 'engine/delivery/a.ts', "import * as crypto from 'node:crypto';", 'createHash'],
    [
      'a timer of Node in operators',
      'engine/operators/a.ts',
      "import { scheduler } from 'node:timers/promises';",
      'node:timers/promises',
    ],
    ['the clock', 'engine/windows/a.ts', 'export const a = () => Date.now();', 'uses Date.now'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is source text.
    ['the clock, in a template', 'engine/windows/a.ts', 'export const a = () => `at ${Date.now()}`;', 'uses Date.now'],
    ['the clock, as a date', 'engine/state/state.ts', 'export const a = new Date();', 'uses new Date()'],
    ['chance', 'engine/simulator/a.ts', 'export const a = Math.random();', 'uses Math.random'],
    ['waiting', 'engine/alerts/a.ts', 'setTimeout(() => undefined, 5);', 'uses setTimeout'],
    [
      'waiting in operators, but through RxJS',
      'engine/operators/a.ts',
      'setInterval(() => undefined, 5);',
      'uses setInterval',
    ],
    ['chance in operators', 'engine/operators/a.ts', 'export const a = Math.random;', 'uses Math.random'],
    ['the environment', 'engine/config/a.ts', 'export const a = process.env.HOME;', 'uses process.'],
    ['code made of text', 'engine/commands/a.ts', "export const a = new Function('return 1');", 'makes code of text'],
    ['code made of text, in a connector', 'connectors/mqtt/a.ts', "eval('1');", 'makes code of text'],
    ['another connector', 'connectors/mqtt/a.ts', "import { b } from '../nats/nats.ts';", 'another connector'],
    [
      'a connector by the embedded servers',
      'connectors/embedded/a.ts',
      "import { b } from '../nats/nats.ts';",
      'another connector',
    ],
    [
      'what drives a connector',
      'connectors/mqtt/a.ts',
      "import { b } from '../../engine/journal/journal.ts';",
      'above the ports',
    ],
    [
      'commands by a connector',
      'connectors/http/a.ts',
      "import { b } from '../../engine/commands/run.ts';",
      'above the ports',
    ],
  ])('%s', (_, path, text, expected) => {
    expect(breachesOf(path, text)).toEqual([expect.stringContaining(expected)]);
  });

  it('a circle of imports in a room, also of types, once', () => {
    const sources = new Map([
      ['engine/alerts/a.ts', "import type { B } from './b.ts';"],
      ['engine/alerts/b.ts', "import { c } from './c.ts';"],
      ['engine/alerts/c.ts', "import { a } from './a.ts';\nimport type { D } from './d.ts';"],
      ['engine/alerts/d.ts', "import type { E } from '../model/e.ts';"],
    ]);
    expect(inspect(sources).breaches).toEqual([
      'circle of imports: engine/alerts/a.ts → engine/alerts/b.ts → engine/alerts/c.ts → engine/alerts/a.ts',
    ]);
  });

  it('a long file without a reason', () => {
    const code = '// a\n'.repeat(251);
    expect(breachesOf('engine/model/a.ts', code)).toEqual([
      'engine/model/a.ts: has 251 lines, and its first line does not say why',
    ]);
    expect(breachesOf('engine/model/a.ts', `// Longer than most: a table.\n${code}`)).toEqual([]);
    expect(breachesOf('engine/model/a.ts', '// a\n'.repeat(250))).toEqual([]);
  });

  it('a second client library in a room, in whichever of its files', () => {
    const sources = new Map([
      ['connectors/mqtt/a.ts', "import mqtt from 'mqtt';"],
      ['connectors/mqtt/b.ts', "import { connect } from 'nats';"],
    ]);
    expect(inspect(sources).breaches).toEqual([expect.stringContaining('connectors/mqtt: imports mqtt and nats')]);
  });
});

describe('what the rules allow is let through:', () => {
  it.each([
    [
      'its own room and lower floors',
      'engine/operators/a.ts',
      "import { b } from './lift.ts';\nimport { c } from '../windows/panes.ts';\nimport { d } from '../ports.ts';\nimport { map } from 'rxjs';",
    ],
    ['files of one room among themselves', 'engine/state/snapshot.ts', "import { a } from './state.ts';"],
    [
      'what only computes',
      'engine/config/a.ts',
      "import { join } from 'node:path';\nimport { createHash } from 'node:crypto';\nimport { Buffer } from 'node:buffer';\nimport { parse } from 'jsonc-parser';",
    ],
    [
      'files in the journal',
      'engine/journal/a.ts',
      "import { open } from 'node:fs/promises';\nsetTimeout(() => undefined, 1);",
    ],
    [
      'connectors in commands, deeper down too',
      'engine/commands/demo/a.ts',
      "import { b } from '../../../connectors/nats/nats.ts';",
    ],
    [
      'the words in comments and texts',
      'engine/windows/a.ts',
      "// Date.now() and import { a } from '../pipeline.ts'\n/** Math.random */\nexport const a = 'new Date() setTimeout(';",
    ],
    ['dates that are given', 'engine/model/a.ts', 'export const a = (ms: number) => new Date(ms).toISOString();'],
    [
      'ports and pure parts in connectors',
      'connectors/mqtt/a.ts',
      "import mqtt from 'mqtt';\nimport { b } from '../../engine/ports.ts';\nimport { c } from '../../engine/delivery/backoff.ts';\nimport net from 'node:net';",
    ],
    [
      'several servers among the embedded ones',
      'connectors/embedded/a.ts',
      "import { A } from 'aedes';\nimport { B } from 'ffi-rs';",
    ],
  ])('%s', (_, path, text) => {
    expect(breachesOf(path, text)).toEqual([]);
  });
});
