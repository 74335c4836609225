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
import type { Figures } from '../../engine/commands/demo/result.ts';

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
  // A test that leaves processes behind has failed; they must not affect the next test.
  for (const left of offspring(dir)) process.kill(Number.parseInt(left, 10), 'SIGKILL');
  await rm(dir, { recursive: true, force: true, maxRetries: 5 });
});

/** Process id and arguments of each running process that was started for a demo in this folder. */
function offspring(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const ours = readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`WEIR_TEST_DEMO=${folder}`);
        return ours ? [`${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')}`] : [];
      } catch {
        // The process has exited, or belongs to another user.
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

/** Starts a demo. Its child processes inherit the environment variable by which `offspring` finds them. */
function startDemo(...args: string[]) {
  const demo = spawn(process.execPath, ['--import', 'tsx', CLI, 'demo', '--dir', join(dir, 'demo'), ...args], {
    env: { ...process.env, WEIR_TEST_DEMO: dir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child = demo;
  let output = '';
  demo.stdout.on('data', (chunk) => (output += chunk));
  return {
    demo,
    stdout: text(demo.stdout),
    stderr: text(demo.stderr),
    ended: once(demo, 'exit'),
    output: () => output,
  };
}

async function runDemo(...args: string[]): Promise<{ code: number; figures: Figures; lines: string[] }> {
  const { stdout, stderr, ended } = startDemo('--json', ...args);
  const [code] = await ended;
  const lines = (await stdout).trimEnd().split('\n');
  expect(await stderr).not.toContain('weir demo:');
  return { code, figures: JSON.parse(lines[0] ?? '') as Figures, lines };
}

test('nothing is lost between devices and tables, in a first run and in a second one with its data', async () => {
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

test('Ctrl-C waits for everything and stops everything', async () => {
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

test('a second Ctrl-C stops everything at once, and the next run continues with the data', async () => {
  const { demo, ended } = startDemo('--json', '--every', '20ms');
  await until(() => hasJournaled(), 'readings flow');
  // The system merges two signals that follow too closely.
  await until(() => !demo.kill('SIGINT') || demo.exitCode !== null, 'the second signal is handled');
  expect((await ended)[0]).toBe(130);
  await until(() => offspring(dir).length === 0, 'all its child processes have exited');
  // Without its servers the engine could deliver nothing, so it must not try a graceful stop.
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

test('readings of other publishers are accepted and counted separately', async () => {
  const { stdout, ended, output } = startDemo('--every', '100ms', '--for', '20s');
  await until(() => output().includes('publish a reading:'), 'it prints the command that publishes');
  const command = /^publish a reading: {2}(.*)$/m.exec(output())![1]!;
  for (const shell of [command, command.replace('"battery":9', '"battery":"low"')]) {
    expect(spawnSync('sh', ['-c', shell]).status).toBe(0);
  }
  const [code] = await ended;
  const text = await stdout;
  expect(text).toMatch(/yours +2 {2}from other publishers/);
  expect(text).toContain('Nothing lost');
  expect(code).toBe(0);
}, 60_000);

test('a demo that is killed leaves no process behind', async () => {
  const { demo, ended } = startDemo('--json', '--every', '100ms');
  await until(() => hasJournaled(), 'readings flow');
  expect(offspring(dir).length).toBeGreaterThanOrEqual(6);
  demo.kill('SIGKILL');
  await ended;
  await until(() => offspring(dir).length === 0, 'all its child processes have exited');
}, 60_000);

/** Whether the journal has more than the marks and ticks of the start. */
function hasJournaled(): boolean {
  try {
    const folder = join(dir, 'demo', 'journal');
    return readdirSync(folder).some((name) => name.endsWith('.wal') && readFileSync(join(folder, name)).length > 5_000);
  } catch {
    // The folder does not exist yet.
    return false;
  }
}
