import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../../dist/engine/cli.js', import.meta.url));
const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 30_000;

/** The exit of a process. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One line of the engine's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly level: number; readonly msg: string };

/** The answer of `/readyz`. */
export interface Readiness {
  readonly status: number;
  readonly ready: boolean;
  readonly parts: readonly { readonly name: string; readonly ready: boolean; readonly reason?: string }[];
  /** The unparsed answer. */
  readonly text: string;
}

/** The engine in the form that users run: a separate process, from `dist/`. */
export interface Engine {
  readonly pid: number;
  /** The URL of its HTTP server; throws before it runs. */
  url(): string;
  readonly exited: Promise<Exit>;
  stdout(): string;
  stderr(): string;
  log(): LogLine[];
  /** Waits until its HTTP server runs. Rejects with its output if it exits before. */
  running(): Promise<void>;
  readiness(): Promise<Readiness>;
  /** The samples of `/metrics` by name, with the labels as printed. */
  metrics(): Promise<Readonly<Record<string, number>>>;
  get(path: string): Promise<string>;
  /** Stops it with SIGTERM; kills it after 30 s. */
  stop(): Promise<Exit>;
  kill(): Promise<Exit>;
}

/** Runs `weir ARGS…` with only PATH and `env` in its environment. It ends with this process at the latest. */
export function spawnWeir(args: readonly string[], env: Readonly<Record<string, string>> = {}, cli = CLI): Engine {
  const child = spawn(process.execPath, ['--disallow-code-generation-from-strings', cli, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '', ...env },
  });
  const reap = () => child.kill('SIGKILL');
  process.once('exit', reap);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  let exit: Exit | undefined;
  const exited = new Promise<Exit>((resolve) => {
    // `close` is used and not `exit`, because at `close` its last output has been read.
    child.once('close', (code, signal) => {
      process.removeListener('exit', reap);
      resolve((exit = { code, signal }));
    });
  });
  const log = () => parseLog(stdout);
  const url = () => {
    const line = log().find(({ msg }) => msg === 'running');
    if (line === undefined) throw new Error(`the engine does not run yet: ${stdout}${stderr}`);
    return String(line.http);
  };
  const request = async (path: string) => fetch(`${url()}${path}`, { signal: AbortSignal.timeout(10_000) });
  const engine: Engine = {
    pid: child.pid ?? -1,
    exited,
    url,
    log,
    stdout: () => stdout,
    stderr: () => stderr,
    running: async () => {
      const deadlineAt = performance.now() + START_DEADLINE_MS;
      while (!log().some(({ msg }) => msg === 'running')) {
        if (exit !== undefined || performance.now() > deadlineAt) {
          throw new Error(`the engine did not start (${JSON.stringify(exit)}): ${stdout}${stderr}`);
        }
        await delay(10);
      }
    },
    get: async (path) => (await request(path)).text(),
    readiness: async () => {
      const answer = await request('/readyz');
      const text = await answer.text();
      return { ...(JSON.parse(text) as Omit<Readiness, 'status' | 'text'>), status: answer.status, text };
    },
    metrics: async () => parseMetrics(await (await request('/metrics')).text()),
    stop: () => end(child, exited, 'SIGTERM'),
    kill: () => end(child, exited, 'SIGKILL'),
  };
  return engine;
}

async function end(child: ChildProcess, exited: Promise<Exit>, signal: NodeJS.Signals): Promise<Exit> {
  child.kill(signal);
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
  const exit = await exited;
  clearTimeout(force);
  return exit;
}

/** Parses complete lines only, because the last one may be incomplete. */
function parseLog(text: string): LogLine[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as LogLine);
}

function parseMetrics(text: string): Record<string, number> {
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    samples.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}
