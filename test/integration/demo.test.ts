import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Figures } from '../../engine/commands/demo/verdict.ts';

const CLI = fileURLToPath(new URL('../../engine/cli.ts', import.meta.url));
const DEADLINE_MS = 60_000;

let dir: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'weir-demo-'));
});

afterEach(async () => {
  if (child?.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  // The test that left them has failed; the next one must not suffer.
  for (const left of offspring(dir)) process.kill(Number.parseInt(left, 10), 'SIGKILL');
  await rm(dir, { recursive: true, force: true, maxRetries: 5 });
});

/** Process id and arguments of everything alive that was started for a demo in this folder. */
function offspring(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const ours = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`WEIR_TEST_DEMO=${folder}`);
        return ours ? [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`] : [];
      } catch {
        // Gone by now, or somebody else's.
        return [];
      }
    });
}

async function until(holds: () => boolean, what: string): Promise<void> {
  const deadlineAt = performance.now() + DEADLINE_MS;
  while (!holds()) {
    if (performance.now() > deadlineAt) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
    await delay(50);
  }
}

/** Its children inherit the environment, by which they are found again. */
function startDemo(...args: string[]) {
  const demo = spawn(process.execPath, ['--import', 'tsx', CLI, 'demo', '--dir', join(dir, 'demo'), ...args], {
    env: { ...process.env, WEIR_TEST_DEMO: dir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child = demo;
  let heard = '';
  demo.stdout.on('data', (chunk) => (heard += chunk));
  return { demo, stdout: text(demo.stdout), stderr: text(demo.stderr), ended: once(demo, 'exit'), said: () => heard };
}

async function runDemo(...args: string[]): Promise<{ code: number; figures: Figures; lines: string[] }> {
  const { stdout, stderr, ended } = startDemo('--json', ...args);
  const [code] = await ended;
  const lines = (await stdout).trimEnd().split('\n');
  expect(await stderr).not.toContain('weir demo:');
  return { code, figures: JSON.parse(lines[0] ?? '') as Figures, lines };
}

test('nothing is lost between devices and tables, in a first run and in one that goes on with its data', async () => {
  const fleet = ['--devices', '20', '--every', '200ms', '--fault', 'garbage:1.0', '--fault', 'spikes:1.0'];
  const first = await runDemo(...fleet, '--for', '7s');
  expect(first.code).toBe(0);
  expect(first.lines).toHaveLength(1);
  expect(Object.keys(first.figures).join()).toBe(
    'published,journaled,rows,late,rejected,visiting,alerts,natsEvents,lost,durationMs',
  );
  const { rows, rejected, alerts, natsEvents } = first.figures;
  // 20 devices, 7 s, 5 messages per second; some devices' episodes of garbage and spikes begin after 5 s.
  expect(first.figures).toMatchObject({ published: 700, journaled: 700, lost: 0 });
  expect(rows + rejected).toBe(700);
  expect(rejected).toBeGreaterThan(0);
  expect(alerts.firing).toBeGreaterThan(0);
  expect(natsEvents).toBeGreaterThanOrEqual(alerts.firing + alerts.resolved + rejected);
  expect(offspring(dir)).toEqual([]);

  const second = await runDemo(...fleet, '--for', '2s');
  expect(second.code).toBe(0);
  expect(second.figures).toMatchObject({ published: 200, journaled: 200, rows: 200, rejected: 0, lost: 0 });
}, 90_000);

test('Ctrl-C waits for everything and ends everything', async () => {
  const { demo, stdout, ended } = startDemo('--json', '--every', '100ms');
  await until(() => hasJournaled(), 'readings flow');
  demo.kill('SIGINT');
  const [code] = await ended;
  expect(code).toBe(0);
  const figures = JSON.parse(await stdout) as Figures;
  expect(figures.published).toBeGreaterThan(0);
  expect(figures.lost).toBe(0);
  expect(offspring(dir)).toEqual([]);
}, 60_000);

test('a second Ctrl-C ends everything at once, and the next run goes on with the data', async () => {
  const { demo, ended } = startDemo('--json', '--every', '20ms');
  await until(() => hasJournaled(), 'readings flow');
  // Two that follow too closely are one to the system.
  await until(() => !demo.kill('SIGINT') || demo.exitCode !== null, 'a second one is heard');
  expect((await ended)[0]).toBe(130);
  await until(() => offspring(dir).length === 0, 'all its children are gone');
  // With its servers gone it could deliver nothing, and would try that for as long as a stop may take.
  expect(readFileSync(join(dir, 'demo', 'weir.log'), 'utf8')).not.toContain('"stopping"');
  const next = await runDemo('--every', '100ms', '--for', '2s');
  expect(next.code).toBe(0);
  const folder = join(dir, 'demo');
  for (const name of ['weir.log', 'weir-before.log']) {
    const log = readFileSync(join(folder, name));
    expect(log.includes(0), name).toBe(false);
    expect(log.toString()).toContain('running');
  }
}, 90_000);

test("a visitor's readings are welcome, and are counted apart", async () => {
  const { stdout, ended, said } = startDemo('--every', '100ms', '--for', '12s');
  await until(() => said().includes('publish yourself:'), 'it says how to publish');
  const command = /^publish yourself: {2}(.*)$/m.exec(said())![1]!;
  for (const shell of [command, command.replace('"battery":9', '"battery":"low"')]) {
    expect(spawnSync('sh', ['-c', shell]).status).toBe(0);
  }
  const [code] = await ended;
  const text = await stdout;
  expect(text).toMatch(/yours +2 {2}published by somebody else/);
  expect(text).toContain('Nothing lost');
  expect(code).toBe(0);
}, 60_000);

test('a demo that is killed leaves no process behind', async () => {
  const { demo, ended } = startDemo('--json', '--every', '100ms');
  await until(() => hasJournaled(), 'readings flow');
  expect(offspring(dir).length).toBeGreaterThanOrEqual(6);
  demo.kill('SIGKILL');
  await ended;
  await until(() => offspring(dir).length === 0, 'all its children are gone');
}, 60_000);

/** More than the marks and ticks of the beginning. */
function hasJournaled(): boolean {
  try {
    const folder = join(dir, 'demo', 'journal');
    return readdirSync(folder).some((name) => name.endsWith('.wal') && readFileSync(join(folder, name)).length > 5_000);
  } catch {
    // Not there yet.
    return false;
  }
}
