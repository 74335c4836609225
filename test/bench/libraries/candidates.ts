import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A module that resolves packages from its own folder. Exports of CommonJS modules are available beside their default. */
const LOADER = `export const load = async (specifier) => {
  const module = await import(specifier);
  return { ...module.default, ...module, default: module.default ?? module };
};
`;

/** The packages that are compared with our own code, in the versions of the table in CONTRIBUTING.md, and the test suites. */
const VERSIONS = {
  '@cfworker/json-schema': '4.1.6',
  '@datadog/sketches-js': '2.1.1',
  '@date-fns/tz': '1.5.0',
  '@hyperjump/json-schema': '1.18.0',
  '@xterm/headless': '6.0.0',
  ajv: '8.20.0',
  'bloom-filters': '3.0.4',
  bytes: '3.1.2',
  citty: '0.2.2',
  cloudevents: '10.0.0',
  commander: '14.0.3',
  'csv-parse': '7.0.3',
  'csv-spectrum': '2.0.0',
  'damerau-levenshtein': '1.0.8',
  'date-fns': '4.4.0',
  'exponential-backoff': '3.1.3',
  'fastest-levenshtein': '1.0.16',
  ink: '6.8.0',
  'json-schema-test-suite': '0.0.10',
  'lines-and-columns': '2.0.4',
  'log-update': '7.2.0',
  luxon: '3.7.2',
  'mqtt-match': '3.0.0',
  'mqtt-packet': '9.0.2',
  'mqtt-pattern': '2.1.1',
  ms: '2.1.3',
  'p-throttle': '8.1.1',
  papaparse: '5.7.1',
  'parse-duration': '2.1.9',
  'proper-lockfile': '4.1.2',
  'pure-rand': '8.4.2',
  tdigest: '0.1.3',
  'temporal-polyfill': '1.0.8',
} as const;

/** The installed candidates. They are not in our own `node_modules`. */
export interface Candidates {
  readonly folder: string;
  /** The exports of a package or of one of its modules. The caller gives their type. */
  load<T>(specifier: string): Promise<T>;
  /** Bytes of a package with all its dependencies, and the number of packages; both are 0 for a part of the platform. */
  sizeOf(name: string): { readonly bytes: number; readonly packages: number };
}

/** Installs the candidates into a temporary folder, without their install scripts. The caller removes the folder. */
export async function installCandidates(): Promise<Candidates> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-libraries-'));
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, type: 'module', dependencies: VERSIONS }),
  );
  writeFileSync(join(folder, 'load.mjs'), LOADER);
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const { load } = (await import(pathToFileURL(join(folder, 'load.mjs')).href)) as Pick<Candidates, 'load'>;
  return {
    folder,
    load,
    sizeOf: (name) => {
      const found = new Map<string, number>();
      addPackage(name, folder, found);
      return { bytes: [...found.values()].reduce((sum, bytes) => sum + bytes, 0), packages: found.size };
    },
  };
}

function addPackage(name: string, from: string, found: Map<string, number>): void {
  let folder = from;
  while (!existsSync(join(folder, 'node_modules', name))) {
    // An optional dependency that is not installed.
    if (folder === dirname(folder)) return;
    folder = dirname(folder);
  }
  const path = join(folder, 'node_modules', name);
  if (found.has(path)) return;
  found.set(path, bytesIn(path));
  const { dependencies = {} } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>;
  };
  for (const each of Object.keys(dependencies)) addPackage(each, path, found);
}

function bytesIn(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) bytes += statSync(path).size;
    else if (entry.name !== 'node_modules') bytes += bytesIn(path);
  }
  return bytes;
}
