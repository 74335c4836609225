// `npm test`: everything that must hold before a change lands, and true counts at the end.
// Arguments are handed to Vitest; with any, only Vitest runs: `npm test -- test/decode`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureServers } from './servers.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const args = process.argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), 'weir-test-'));
const report = join(scratch, 'report.json');
/** Vitest colours what it prints even into a file. An empty NO_COLOR asks for nothing. */
const isPlain = Boolean(process.env.NO_COLOR) || (!process.stdout.isTTY && !process.env.FORCE_COLOR);
const env = isPlain ? { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined } : process.env;
let passed = 0;
let failed = 0;

function run(command, parameters, options = {}) {
  return spawnSync(command, parameters, { cwd: root, env, stdio: 'inherit', ...options });
}

function step(name, command, ...parameters) {
  console.log(`\n── ${name}`);
  count(run(command, parameters).status === 0, name);
}

function count(isGood, name) {
  if (isGood) passed += 1;
  else {
    failed += 1;
    console.error(`✗ ${name}`);
  }
}

function vitest() {
  console.log('\n── tests');
  const { status } = run('npx', [
    'vitest',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...args,
  ]);
  try {
    const { numPassedTests, numFailedTests, numFailedTestSuites } = JSON.parse(readFileSync(report, 'utf8'));
    passed += numPassedTests;
    failed += numFailedTests;
    // A file that cannot be loaded has no tests to count.
    if (status !== 0 && numFailedTests === 0) failed += Math.max(1, numFailedTestSuites);
  } catch (error) {
    console.error(`Vitest left no report: ${error.message}`);
    failed += 1;
  }
}

/** The main job, as a newcomer runs it, for a few seconds; what it prints must add up. */
function demo() {
  console.log('\n── demo');
  const cli = join(root, 'dist/engine/cli.js');
  const parameters = [cli, 'demo', '--for', '20s', '--json', '--dir', join(scratch, 'demo')];
  const { status, stdout } = run(process.execPath, parameters, {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  process.stdout.write(stdout ?? '');
  const line = (stdout ?? '').trim().split('\n').at(-1) ?? '';
  const result = line.startsWith('{') ? JSON.parse(line) : {};
  count(status === 0 && result.lost === 0, 'the demo loses nothing');
  count(result.published > 0 && result.rows === result.published - result.rejected, 'the demo stores every reading');
  count(result.alerts?.firing > 0, 'the demo fires an alert');
}

/** Things break while readings flow; each scenario counts. */
function faults() {
  console.log('\n── faults');
  const { status, stdout } = run('npx', ['tsx', 'test/faults/main.ts', '--short', '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  process.stdout.write(stdout ?? '');
  const results = (stdout ?? '').split('\n').filter((line) => line.startsWith('{'));
  for (const result of results.map((line) => JSON.parse(line))) count(result.kept, `faults: ${result.scenario}`);
  if (results.length === 0) count(status === 0, 'faults');
}

try {
  const missing = ensureServers();
  for (const line of missing) console.error(line);
  if (missing.length > 0) failed += 1;
  else if (args.length > 0) vitest();
  else {
    step('types', 'npx', 'tsc', '-p', 'tsconfig.json');
    step('format and lint', 'npx', 'biome', 'ci', '.');
    step('dead code', 'npx', 'knip');
    step('lock file', process.execPath, 'test/setup/complete-lock.mjs', '--check');
    vitest();
    demo();
    faults();
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
