// `npm test`: all checks before a change is merged, with the counts at the end.
// Arguments are passed to Vitest; with arguments, only Vitest runs: `npm test -- test/decode`.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import mqtt from 'mqtt';
import { ensureServers } from './servers.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const args = process.argv.slice(2);
const scratch = mkdtempSync(join(tmpdir(), 'weir-test-'));
const report = join(scratch, 'report.json');
/** Vitest prints colours also into a file. An empty NO_COLOR has no effect. */
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
    // A file that cannot be loaded counts as a failure, because it has no tests.
    if (status !== 0 && numFailedTests === 0) failed += Math.max(1, numFailedTestSuites);
  } catch (error) {
    console.error(`Vitest left no report: ${error.message}`);
    failed += 1;
  }
}

/** Runs the demo for some seconds, publishes readings of another device, and checks the printed counts. */
async function demo() {
  console.log('\n── demo');
  const cli = join(root, 'dist/engine/cli.js');
  const dir = join(scratch, 'demo');
  const parameters = [cli, 'demo', '--for', '20s', '--json', '--dir', dir];
  const child = spawn(process.execPath, parameters, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new AbortController();
  const ended = once(child, 'exit').finally(() => exited.abort());
  const published = publishToDemo(dir, exited.signal).catch((error) =>
    console.error(`the readings could not be published to the demo: ${error.message}`),
  );
  const [stdout, [status]] = await Promise.all([text(child.stdout), ended, published]);
  process.stdout.write(stdout);
  const line = stdout.trim().split('\n').at(-1) ?? '';
  const result = line.startsWith('{') ? JSON.parse(line) : {};
  count(status === 0 && result.lost === 0, 'the demo loses nothing');
  count(result.published > 0 && result.rows === result.published - result.rejected, 'the demo stores every reading');
  count(result.alerts?.firing > 1, 'the demo fires alerts of its own devices, and one of the other device');
  count(result.visiting === 2, 'the demo counts readings of other publishers separately');
  // The alerts of its own devices last longer than the run.
  count(result.alerts?.resolved > 0, 'the demo resolves the alert of the other device');
}

/** Publishes a low battery and then a full one, so that an alert of an example rule fires and is resolved. */
async function publishToDemo(dir, signal) {
  const config = await untilReady(join(dir, 'weir.json'), signal);
  const client = await mqtt.connectAsync(config.mqtt.url);
  try {
    for (const battery of [9, 90]) {
      const reading = { ts: Date.now(), temp: 21, humidity: 50, battery };
      await client.publishAsync('plant/visitors/visitor-1/data', JSON.stringify(reading), { qos: 1 });
    }
  } finally {
    await client.endAsync();
  }
}

/** Resolves with the config of the demo once its engine is ready. Rejects if the demo has exited before. */
async function untilReady(file, signal) {
  for (;;) {
    try {
      const config = JSON.parse(readFileSync(file, 'utf8'));
      const { ok } = await fetch(`http://${config.http.host}:${config.http.port}/readyz`, { signal });
      if (ok) return config;
    } catch {
      // The engine is not ready yet.
    }
    await delay(100, undefined, { signal });
  }
}

/** Runs the fault scenarios; each counts as one test. */
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
    await demo();
    faults();
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
