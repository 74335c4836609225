import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { endWithin, freePort, killOnExit } from '../../../connectors/embedded/child.ts';
import { StartFailed } from './errors.ts';
import type { Servers } from './servers.ts';

/** The engine, started with `weir run` in a child process that ends when this process ends. */
export interface EngineProcess {
  /** Base URL of the engine's HTTP server: `/metrics`, `/readyz`. */
  readonly url: string;
  readonly pid: number;
  readonly configFile: string;
  readonly logFile: string;
  /** Resolves with a text that says how the process exited; never rejects. */
  readonly exited: Promise<string>;
  /** Stops the engine after it has delivered its data. Resolves with whether it exited by itself with exit code 0. */
  stop(): Promise<boolean>;
}

const READY_DEADLINE_MS = 30_000;
/** Longer than the engine itself waits for its sinks when it stops. */
const STOP_DEADLINE_MS = 15_000;
const POLL_MS = 40;
const LOG_TAIL_LINES = 5;

/**
 * Flags of Node: no code from strings, as in a deployment; and a small heap, because the machine also runs the servers. The heap is
 * about twice what the engine needs for this number of devices, measured at 1,000 devices.
 */
const engineFlags = (devices: number): readonly string[] => [
  '--disallow-code-generation-from-strings',
  '--max-semi-space-size=4',
  `--max-old-space-size=${Math.max(96, 64 + Math.ceil(devices / 32))}`,
];

const IS_TYPESCRIPT = import.meta.url.endsWith('.ts');
/** The root folder of the package. Compiled files are one level deeper, below `dist/`. */
const ROOT = new URL(IS_TYPESCRIPT ? '../../../' : '../../../../', import.meta.url);

/**
 * Writes the config and the log into `dir`, starts an engine with limits for this number of devices, and resolves once every part of it
 * is ready. Rejects with StartFailed.
 */
export async function startEngine(
  dir: string,
  servers: Servers,
  devices: number,
  signal: AbortSignal,
): Promise<EngineProcess> {
  const port = await freePort();
  const configFile = join(dir, 'weir.json');
  const logFile = join(dir, 'weir.log');
  await setAside(logFile);
  await writeFile(configFile, `${JSON.stringify(configOf(dir, servers, port, devices), undefined, 2)}\n`);
  const url = `http://127.0.0.1:${port}`;
  const engine: EngineProcess = { url, configFile, logFile, ...launch(configFile, logFile, devices) };
  try {
    await untilReady(engine, signal);
    return engine;
  } catch (error) {
    await engine.stop();
    throw error;
  }
}

/** Renames the log of the previous run, so that a process which still writes to it does not write into the new log. */
async function setAside(logFile: string): Promise<void> {
  await rename(logFile, logFile.replace(/\.log$/, '-before.log')).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

function configOf(dir: string, servers: Servers, port: number, devices: number): Record<string, unknown> {
  return {
    $schema: fileURLToPath(new URL('deploy/weir.schema.json', ROOT)),
    data: join(dir, 'journal'),
    rules: fileURLToPath(new URL('rules', ROOT)),
    mqtt: { url: servers.broker.url, clientId: 'weir-demo' },
    streams: {
      sensors: {
        topic: 'plant/{site}/{device}/data',
        format: 'json',
        time: { path: 'ts', unit: 'ms' },
        fields: {
          temp: { type: 'number', unit: '°C' },
          humidity: { type: 'number', unit: '%' },
          battery: { type: 'number', unit: '%' },
        },
        status: { topic: 'plant/{site}/{device}/status' },
        // The simulated devices, and room for devices that the user adds.
        limits: { devices: devices + 5_000, keys: 2_000 },
      },
    },
    nats: { servers: servers.nats.url },
    clickhouse: { url: servers.clickhouse.url, database: 'weir' },
    http: { host: '127.0.0.1', port },
  };
}

function launch(configFile: string, logFile: string, devices: number): Pick<EngineProcess, 'pid' | 'exited' | 'stop'> {
  const file = (name: string) => new URL(name.replace(/\.ts$/, IS_TYPESCRIPT ? '.ts' : '.js'), import.meta.url);
  const loader = IS_TYPESCRIPT ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href] : [];
  const exitWithParent = ['--import', file('./exit-with-parent.ts').href];
  const node = [...engineFlags(devices), ...loader, ...exitWithParent];
  const log = openSync(logFile, 'a');
  // The child gets its own process group, so that Ctrl-C reaches only this process, which stops the engine at the right moment.
  const child = spawn(process.execPath, [...node, fileURLToPath(file('../../cli.ts')), 'run', '--config', configFile], {
    detached: true,
    stdio: ['pipe', log, log],
  });
  closeSync(log);
  killOnExit(child, () => child.kill('SIGKILL'));
  child.stdin?.on('error', () => undefined);
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : signal));
  });
  return { pid: child.pid ?? -1, exited, stop: () => stop(child, exited) };
}

async function stop(child: ChildProcess, exited: Promise<string>): Promise<boolean> {
  child.kill('SIGTERM');
  const outcome = await endWithin(STOP_DEADLINE_MS, exited, () => child.kill('SIGKILL'));
  return outcome === 'exit code 0';
}

async function untilReady(engine: EngineProcess, signal: AbortSignal): Promise<void> {
  const deadlineAt = performance.now() + READY_DEADLINE_MS;
  let ended: string | undefined;
  let last = 'it did not answer';
  engine.exited.then((outcome) => {
    ended = outcome;
  });
  while (!signal.aborted && ended === undefined && performance.now() < deadlineAt) {
    try {
      const answer = await fetch(`${engine.url}/readyz`, { signal: AbortSignal.timeout(2_000) });
      last = (await answer.text()).trim();
      if (answer.ok) return;
    } catch {
      // Not listening yet.
    }
    await delay(POLL_MS);
  }
  if (signal.aborted) return;
  const why =
    ended === undefined ? `it was not ready within ${READY_DEADLINE_MS / 1000} s: ${last}` : `it exited: ${ended}`;
  throw new StartFailed(
    `The engine did not start: ${why}. Last lines of ${engine.logFile}:\n${await tailOf(engine.logFile)}`,
  );
}

/** The last 5 lines of a log file. */
export async function tailOf(file: string): Promise<string> {
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  return lines.slice(-LOG_TAIL_LINES).join('\n');
}
