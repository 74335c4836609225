import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { COUNTERS, TIMINGS } from '../../engine/telemetry.ts';
import { blocksOf, codeSpans, PAGES, proseOf, ROOT, readPage } from './pages.ts';

const CLI = join(ROOT, 'dist/engine/cli.js');

function helpOf(...args: readonly string[]): string {
  return spawnSync(process.execPath, [CLI, ...args, '--help'], { encoding: 'utf8' }).stdout;
}

const commands = Array.from(helpOf().matchAll(/^ {2}(\w+) {2,}/gm), (match) => match[1]!);
const help = new Map(commands.map((name) => [name, helpOf(name)]));

/** The commands of a page: code spans and shell blocks. */
function typed(page: string): string[] {
  return [...codeSpans(proseOf(page)), ...blocksOf(page, 'sh').flatMap(({ text }) => text.split('\n'))];
}

/** Whether a file name on a page in this folder is valid: relative to its folder, the root or the engine, or a bare name below its folder. */
function isNamedWell(folder: string, target: string): boolean {
  if ([folder, '', 'engine'].some((base) => existsSync(join(ROOT, base, target)))) return true;
  if (target.includes('/') || folder === '.') return false;
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).some(
    (file) => basename(file) === target,
  );
}

test('a file that does not exist is found', () => {
  expect(['engine/cli.ts', 'model/item/item.ts'].filter((name) => !isNamedWell('engine/language', name))).toEqual([]);
  expect(isNamedWell('connectors/nats', 'migrations.ts')).toBe(false);
  expect(isNamedWell('connectors', 'migrations.ts')).toBe(true);
  expect(isNamedWell('.', 'nothing.ts')).toBe(false);
});

describe.each(PAGES)('%s', (path) => {
  const page = readPage(path);

  test('names files that exist', () => {
    const named = codeSpans(proseOf(page)).filter((span) =>
      /^(?:(?:engine|connectors|rules|test|deploy|commands|operators|journal|decode|windows|language|alerts|devices|delivery|model|simulator|aggregates|config)\/[\w./-]*|[\w-]+\.(?:ts|md))$/.test(
        span,
      ),
    );
    const isToBeMade = (name: string) => /NAME|NNNN/.test(name) || page.includes(`a new file \`${name}\``);
    expect(named.filter((name) => !isToBeMade(name) && !isNamedWell(dirname(path), name))).toEqual([]);
  });

  test('names commands and options that exist', () => {
    const uses = typed(page).flatMap((line) =>
      Array.from(line.matchAll(/(?:^|npx |[`(])weir ([a-z]+)([^`#|&;]*)/g), (match) => [match[1]!, match[2]!] as const),
    );
    const wrong = uses.flatMap(([name, rest]) => {
      const text = help.get(name);
      if (text === undefined) return [`weir ${name}`];
      const options = rest.match(/--[a-z][a-z-]*/g) ?? [];
      return options
        .filter((option) => option !== '--help' && !text.split(/[^a-z-]+/).includes(option))
        .map((option) => `${name} ${option}`);
    });
    expect(wrong).toEqual([]);
  });

  test('names npm scripts that exist', () => {
    const { scripts } = JSON.parse(readPage('package.json')) as { scripts: Record<string, string> };
    const uses = typed(page).flatMap((line) =>
      Array.from(line.matchAll(/npm run (?:--silent )?([\w-]+)/g), (m) => m[1]!),
    );
    expect(uses.filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  test('names metrics that exist', () => {
    const gauges = /export interface Gauges \{([^}]*)\}/.exec(readPage('engine/runtime/status.ts'))![1]!;
    const real = [
      'weir_ready',
      ...Object.keys(COUNTERS).map((name) => `weir_${name}_total`),
      ...Object.keys(TIMINGS).map((name) => `weir_${name}_seconds`),
      ...Array.from(gauges.matchAll(/readonly (\w+):/g), (match) => `weir_${match[1]}`),
    ];
    const buckets = ['weir_alerts_open', 'weir_devices'];
    const uses = codeSpans(proseOf(page)).filter((span) => /^weir_\w+$/.test(span));
    expect(uses.filter((name) => !real.includes(name) && !buckets.includes(name))).toEqual([]);
  });
});

test('the README names every command', () => {
  expect(commands.length).toBeGreaterThanOrEqual(4);
  const spans = codeSpans(readPage('README.md'));
  expect(commands.filter((name) => !spans.includes(`weir ${name}`))).toEqual([]);
});
