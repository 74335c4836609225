import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { endWithin, endWithUs, freePort } from '../../../connectors/embedded/child.ts';
import { CannotStart } from './failure.ts';
import type { Servers } from './servers.ts';

/** The engine as `weir run` starts it, in a process of its own that ends with this one. */
export interface EngineProcess {
  /** Of its own door: `/metrics`, `/readyz`. */
  readonly url: string;
  readonly pid: number;
  readonly configFile: string;
  readonly logFile: string;
  /** Resolves with how it ended, in words; never rejects. */
  readonly exited: Promise<string>;
  /** Lets it finish what is under way. Resolves with whether it ended by itself and in good order. */
  stop(): Promise<boolean>;
}

const READY_DEADLINE_MS = 30_000;
/** Longer than the engine's own patience with its sinks. */
const STOP_DEADLINE_MS = 15_000;
const POLL_MS = 40;
const LOG_TAIL_LINES = 5;

/**
 * No code from strings, as deployed; and a heap that grows reluctantly, as suits a machine that has more to run than this: about twice
 * what the engine needs for so many devices, measured at 1,000.
 */
const engineFlags = (devices: number): readonly string[] => [
  '--disallow-code-generation-from-strings',
  '--max-semi-space-size=4',
  `--max-old-space-size=${Math.max(96, 64 + Math.ceil(devices / 32))}`,
];

const IS_TYPESCRIPT = import.meta.url.endsWith('.ts');
/** The package's own folder: `dist/` stands between it and the compiled files. */
const ROOT = new URL(IS_TYPESCRIPT ? '../../../' : '../../../../', import.meta.url);

/** Writes config and log into `dir`, starts an engine for so many devices, and resolves once every part of it is ready. Rejects with CannotStart. */
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

/** Keeps the log of the run before under another name. Whoever still writes to it goes on there, and not in the middle of the new one. */
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
        // Those of the demo, and room for a visitor's own.
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
  const leash = ['--import', file('./leash.ts').href];
  const node = [...engineFlags(devices), ...loader, ...leash];
  const log = openSync(logFile, 'a');
  // In a process group of its own, so that Ctrl-C reaches only us and we stop it when its time has come.
  const child = spawn(process.execPath, [...node, fileURLToPath(file('../../cli.ts')), 'run', '--config', configFile], {
    detached: true,
    stdio: ['pipe', log, log],
  });
  closeSync(log);
  endWithUs(child, () => child.kill('SIGKILL'));
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
    ended === undefined ? `it was not ready within ${READY_DEADLINE_MS / 1000} s: ${last}` : `it ended: ${ended}`;
  throw new CannotStart(
    `The engine did not start: ${why}. The end of ${engine.logFile}:\n${await tailOf(engine.logFile)}`,
  );
}

/** The last lines of a log. */
export async function tailOf(file: string): Promise<string> {
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  return lines.slice(-LOG_TAIL_LINES).join('\n');
}
