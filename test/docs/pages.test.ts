import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { COUNTERS } from '../../engine/telemetry.ts';
import { anchorOf, blocksOf, codeSpans, headingsOf, proseOf, ROOT, readPage } from './pages.ts';

const PAGES = [
  'README.md',
  'engine/README.md',
  'rules/README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'deploy/README.md',
];
const CLI = join(ROOT, 'dist/engine/cli.js');

function helpOf(...args: readonly string[]): string {
  return spawnSync(process.execPath, [CLI, ...args, '--help'], { encoding: 'utf8' }).stdout;
}

const commands = Array.from(helpOf().matchAll(/^ {2}(\w+) {2,}/gm), (match) => match[1]!);
const help = new Map(commands.map((name) => [name, helpOf(name)]));

/** What a page tells to type: code spans and shell blocks. */
function typed(page: string): string[] {
  return [...codeSpans(proseOf(page)), ...blocksOf(page, 'sh').flatMap(({ text }) => text.split('\n'))];
}

describe.each(PAGES)('%s', (path) => {
  const page = readPage(path);
  const exists = (target: string) => existsSync(join(ROOT, dirname(path), target)) || existsSync(join(ROOT, target));

  test('links to what exists', () => {
    const links = Array.from(proseOf(page).matchAll(/\]\(([^)\s]+)\)/g), (match) => match[1]!);
    const broken = links.filter((link) => {
      if (/^https?:/.test(link)) return false;
      const [file, anchor] = link.split('#') as [string, string | undefined];
      const target = file === '' ? path : join(dirname(path), file);
      if (!existsSync(join(ROOT, target))) return true;
      return anchor !== undefined && !headingsOf(readPage(target)).map(anchorOf).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  test('names files that exist', () => {
    const named = codeSpans(proseOf(page)).filter((span) =>
      /^(?:(?:engine|connectors|rules|test|deploy|commands|operators|journal|decode|windows|language|alerts|devices|delivery|model|simulator|aggregates|config)\/[\w./-]*|[\w-]+\.(?:ts|md))$/.test(
        span,
      ),
    );
    const isToBeMade = (name: string) => /NAME|NNNN/.test(name) || page.includes(`a new file \`${name}\``);
    expect(named.filter((name) => !isToBeMade(name) && !exists(name))).toEqual([]);
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
      ...Array.from(gauges.matchAll(/readonly (\w+):/g), (match) => `weir_${match[1]}`),
    ];
    const buckets = ['weir_alerts_open', 'weir_devices'];
    const uses = codeSpans(proseOf(page)).filter((span) => /^weir_\w+$/.test(span));
    expect(uses.filter((name) => !real.includes(name) && !buckets.includes(name))).toEqual([]);
  });
});

test('every command stands in the README', () => {
  expect(commands.length).toBeGreaterThanOrEqual(4);
  const spans = codeSpans(readPage('README.md'));
  expect(commands.filter((name) => !spans.includes(`weir ${name}`))).toEqual([]);
});
