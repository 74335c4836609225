import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchCase, CLI, MIB } from './bench.ts';

const DEVICES = 1_000;
const SECONDS = 40;

/**
 * The engine's highest resident memory in the demo, in MiB. The baseline is an idle Node that has loaded the same client libraries, on the
 * same machine in the same run.
 */
export const memory: BenchCase = {
  name: 'memory',
  summary: `engine RSS in the demo with ${DEVICES} devices, against a bare Node with the same client libraries`,
  async run() {
    const dir = mkdtempSync(join(tmpdir(), 'weir-bench-'));
    const args = ['demo', '--devices', String(DEVICES), '--for', `${SECONDS}s`, '--json', '--dir', dir];
    const demo = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    try {
      const highest = await watchRss(demo, dir);
      const baseline = await bareRss();
      return [
        {
          case: 'memory',
          value: Math.round(highest / MIB),
          baseline: Math.round(baseline / MIB),
          ratio: highest / baseline,
          unit: 'MiB',
        },
      ];
    } finally {
      demo.kill('SIGINT');
      rmSync(dir, { recursive: true, force: true });
    }
  },
};

async function watchRss(demo: ChildProcess, dir: string): Promise<number> {
  const ended = once(demo, 'exit');
  let highest = 0;
  while (demo.exitCode === null) {
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 500))]);
    highest = Math.max(highest, await engineRss(dir));
  }
  if (demo.exitCode !== 0) throw new Error(`the demo ended with ${demo.exitCode}`);
  return highest;
}

/** The resident memory from the metrics; 0 while the engine does not answer. */
async function engineRss(dir: string): Promise<number> {
  try {
    const { http } = JSON.parse(readFileSync(join(dir, 'weir.json'), 'utf8')) as { http: { port: number } };
    const text = await (await fetch(`http://127.0.0.1:${http.port}/metrics`)).text();
    return Number(/^process_resident_memory_bytes (.*)$/m.exec(text)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

async function bareRss(): Promise<number> {
  const script = `await Promise.all(['mqtt', 'nats', '@clickhouse/client', 'rxjs'].map((name) => import(name)));
    console.log(process.memoryUsage().rss);`;
  const bare = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  bare.stdout.on('data', (text) => {
    output += text;
  });
  await once(bare, 'exit');
  return Number(output);
}
