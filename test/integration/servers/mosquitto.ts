import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../../connectors/embedded/child.ts';

/** A real Mosquitto for a test. */
export interface Mosquitto {
  /** `mqtt://127.0.0.1:PORT`, or `mqtts:` if the config has a certificate. */
  readonly url: string;
  readonly port: number;
  /** The process id, which changes with every restart. */
  readonly pid: number;
  /** The folder of configuration, database and log. `stop` removes it unless it was given. */
  readonly dir: string;
  /** The output of Mosquitto in all its runs. */
  log(): string;
  /** Stops it cleanly, with saved sessions and messages, and keeps the directory for `restart`. */
  halt(): Promise<void>;
  /** Kills it with SIGKILL: unsaved data are lost. */
  kill(): Promise<void>;
  /** Starts it again with the same port and directory; stops it first if it still runs. */
  restart(): Promise<void>;
  /** Stops it and removes the directory. May be called more than once. */
  stop(): Promise<void>;
}

const BINARY = '/usr/sbin/mosquitto';
const DEADLINE_MS = 10_000;

/**
 * Starts Mosquitto 2.0 on 127.0.0.1 with persistence and without limits on queued and in-flight messages.
 * `config` has further lines; those about passwords and TLS apply to the one listener. Anonymous clients are allowed unless `config`
 * forbids it. It ends with this process at the latest.
 */
export async function startMosquitto(
  options: { config?: readonly string[]; dir?: string; port?: number } = {},
): Promise<Mosquitto> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'weir-mosquitto-')));
  await mkdir(dir, { recursive: true });
  const port = options.port ?? (await freePort());
  const config = options.config ?? [];
  const file = join(dir, 'mosquitto.conf');
  await writeFile(file, configLines(dir, port, config).join('\n'));
  let log = '';
  const start = () => launch(file, port, (text) => (log += text));
  let child = await start();
  const end = (signal: NodeJS.Signals) => endChild(child, signal);
  const scheme = config.some((line) => line.startsWith('certfile ')) ? 'mqtts' : 'mqtt';
  return {
    url: `${scheme}://127.0.0.1:${port}`,
    port,
    get pid() {
      return child.pid as number;
    },
    dir,
    log: () => log,
    halt: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGTERM');
      child = await start();
    },
    stop: async () => {
      await end('SIGTERM');
      if (options.dir === undefined) await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Writes a password file for `password_file`, and returns its path. */
export function writePasswords(dir: string, passwords: Readonly<Record<string, string>>): string {
  const file = join(dir, 'passwords');
  for (const [index, [user, password]] of Object.entries(passwords).entries()) {
    execFileSync('mosquitto_passwd', [...(index === 0 ? ['-c'] : []), '-b', file, user, password], { stdio: 'ignore' });
  }
  return file;
}

/** A self-signed certificate for 127.0.0.1 and localhost; undefined if `openssl` is not on the PATH. */
export function makeCertificate(dir: string): { certFile: string; keyFile: string } | undefined {
  const certFile = join(dir, 'server.crt');
  const keyFile = join(dir, 'server.key');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  try {
    execFileSync('openssl', ['req', '-x509', ...key, '-out', certFile, '-days', '2', ...names], { stdio: 'ignore' });
    return { certFile, keyFile };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function configLines(dir: string, port: number, config: readonly string[]): readonly string[] {
  return [
    // If root starts it, Mosquitto changes to another user, who cannot write here.
    `user ${userInfo().username}`,
    'persistence true',
    `persistence_location ${dir}/`,
    'max_queued_messages 0',
    'max_inflight_messages 0',
    'log_dest stderr',
    ...(config.some((line) => line.startsWith('log_type ')) ? [] : ['log_type all']),
    `listener ${port} 127.0.0.1`,
    ...(config.some((line) => line.startsWith('allow_anonymous ')) ? [] : ['allow_anonymous true']),
    ...config,
    '',
  ];
}

async function launch(file: string, port: number, onLog: (text: string) => void): Promise<ChildProcess> {
  const child = spawn(BINARY, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  const reap = () => child.kill('SIGKILL');
  process.once('exit', reap);
  child.once('exit', () => process.removeListener('exit', reap));
  let tail = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-2_000);
    onLog(text);
  });
  let ended: string | undefined;
  child.once('error', (error) => {
    ended = error.message;
  });
  child.once('exit', (code, signal) => {
    ended ??= `it ended with ${signal ?? `code ${code}`}`;
  });
  const deadlineAt = performance.now() + DEADLINE_MS;
  while (!(await accepts(port))) {
    if (ended !== undefined || performance.now() > deadlineAt) {
      child.kill('SIGKILL');
      throw new Error(`Mosquitto did not start on port ${port}: ${ended ?? 'no answer'}. ${tail}`);
    }
    await delay(5);
  }
  return child;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function endChild(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  const force = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
  await exited;
  clearTimeout(force);
}
