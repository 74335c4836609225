import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';
import { freePort } from '../../connectors/embedded/child.ts';
import { natsServerFromPackage, natsServerOnPath } from '../../connectors/embedded/nats-binary.ts';
import { deployed, environmentOf, PASSWORDS, replaced, serviceOf } from './files.ts';

const DEADLINE_MS = 20_000;
/** The PATH with the folders of daemons, which an ordinary user's PATH lacks. */
const PATH = `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/usr/local/sbin`;

/** A server with files of deploy/, on 127.0.0.1 and in a temporary folder. It runs until the end of the running test. */
export interface Deployed {
  readonly port: number;
  readonly dir: string;
  /** All output of the server. */
  log(): string;
  /** Stops the server cleanly. May be called more than once. */
  halt(): Promise<void>;
}

/** Whether Mosquitto is installed. */
export const hasMosquitto = PATH.split(delimiter).some((folder) => existsSync(join(folder, 'mosquitto')));

/** All installed nats-servers. */
export const natsServers = Object.entries({
  installed: await natsServerOnPath(),
  npm: await natsServerFromPackage(),
}).flatMap(([name, binary]) => (binary === undefined ? [] : [{ name, binary }]));

/** The path of libchdb, which contains ClickHouse; undefined if the optional packages are not installed. */
export const libchdb = await findLibchdb();

async function findLibchdb(): Promise<string | undefined> {
  try {
    createRequire(import.meta.url).resolve('ffi-rs');
    return (await import('chdb/libchdb')).libchdbPath();
  } catch (error) {
    console.warn(`ClickHouse's files are not tested: ${(error as Error).message.split('\n')[0]}`);
    return undefined;
  }
}

/** Starts Mosquitto with the command, config and access list of the compose file; in the existing folder `dir` if it is given. */
export async function startMosquitto(options: { dir?: string } = {}): Promise<Deployed> {
  const dir = options.dir ?? (await temporaryFolder());
  const port = await freePort();
  for (const folder of ['data', 'run', 'config']) await mkdir(join(dir, folder), { recursive: true });
  const conf = replaced(deployed('mosquitto.conf'), [
    ['/mosquitto/data/', `${dir}/data/`],
    ['/run/mosquitto/', `${dir}/run/`],
    ['\nlistener 1883\n', `\nlistener ${port} 127.0.0.1\n`],
  ]);
  // If root starts it, Mosquitto changes to another user, who cannot write here.
  await writeFile(join(dir, 'config', 'mosquitto.conf'), `${conf}user ${userInfo().username}\n`);
  await writeFile(join(dir, 'config', 'mosquitto.acl'), deployed('mosquitto.acl'));
  const { entrypoint = [], command = [] } = serviceOf('mosquitto');
  const [shell = '', ...rest] = [...entrypoint, ...command].map(unescaped);
  const script = replaced(rest.pop() ?? '', [
    ['/run/mosquitto/', `${dir}/run/`],
    ['/mosquitto/config/', `${dir}/config/`],
  ]);
  return start(shell, [...rest, script], { dir, port, env: environmentOf('mosquitto', PASSWORDS) });
}

/** Runs the health check of the compose file against our Mosquitto. Returns whether it succeeds. */
export function checkMosquitto(port: number, password: string): boolean {
  const test = replaced(unescaped(String(serviceOf('mosquitto').healthcheck.test)), [
    ['-h 127.0.0.1', `-h 127.0.0.1 -p ${port}`],
  ]);
  try {
    execFileSync('/bin/sh', ['-c', test], { env: { PATH, WEIR_MQTT_PASSWORD: password }, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Starts a NATS server with nats.conf, changed by `changes`, and the environment of the compose file. `monitorPort` is the port of its
 * health check.
 */
export async function startNats(
  binary: string,
  changes: readonly (readonly [string, string])[] = [],
): Promise<Deployed & { readonly monitorPort: number }> {
  const dir = await temporaryFolder();
  const [port, monitorPort] = [await freePort(), await freePort()];
  const file = join(dir, 'nats.conf');
  await writeFile(file, replaced(natsConf(binary, dir, port, monitorPort), changes));
  const env = environmentOf('nats', PASSWORDS);
  return { ...(await start(binary, ['--config', file], { dir, port, env })), monitorPort };
}

function natsConf(binary: string, dir: string, port: number, monitorPort: number): string {
  const conf = replaced(deployed('nats.conf'), [
    ['listen: 0.0.0.0:4222', `listen: 127.0.0.1:${port}`],
    ['http: 127.0.0.1:8222', `http: 127.0.0.1:${monitorPort}`],
    ['store_dir: /data', `store_dir: ${JSON.stringify(join(dir, 'data'))}`],
  ]);
  const minor = Number(/v2\.(\d+)/.exec(execFileSync(binary, ['--version'], { encoding: 'utf8' }))?.[1]);
  // The only setting that the oldest server in distributions does not have.
  return minor >= 10 ? conf : replaced(conf, [['sync_interval: always', '']]);
}

/** Starts ClickHouse with config.xml and users.xml of deploy/ in addition to the files of its image. */
export async function startClickHouse(library: string): Promise<Deployed> {
  const dir = await temporaryFolder();
  const port = await freePort();
  for (const folder of ['data', 'config.d', 'users.d']) await mkdir(join(dir, folder), { recursive: true });
  await writeFile(join(dir, 'config.xml'), serverConfig(dir, port));
  await writeFile(join(dir, 'users.xml'), IMAGE_USERS);
  await writeFile(join(dir, 'config.d', 'weir.xml'), deployed('clickhouse/config.xml'));
  await writeFile(join(dir, 'users.d', 'weir.xml'), deployed('clickhouse/users.xml'));
  const child = fileURLToPath(new URL('../../connectors/embedded/clickhouse-child.ts', import.meta.url));
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const query = `SYSTEM START LISTEN HTTP; SELECT count() FROM file('-', 'LineAsString')`;
  const args = ['--import', loader, child, library, `--config-file=${dir}/config.xml`, `--query=${query}`];
  return start(process.execPath, args, { dir, port, env: environmentOf('clickhouse', PASSWORDS), endsWithStdin: true });
}

/** The parts of the image's config that concern users, such as the access to system tables. */
const serverConfig = (dir: string, port: number) => `<clickhouse>
  <http_port>${port}</http_port>
  <listen_host>127.0.0.1</listen_host>
  <path>${dir}/data/</path>
  <users_config>${dir}/users.xml</users_config>
  <max_server_memory_usage>1073741824</max_server_memory_usage>
  <mark_cache_size>67108864</mark_cache_size>
  <access_control_improvements>
    <on_cluster_queries_require_cluster_grant>true</on_cluster_queries_require_cluster_grant>
    <select_from_system_db_requires_grant>true</select_from_system_db_requires_grant>
    <select_from_information_schema_requires_grant>true</select_from_information_schema_requires_grant>
  </access_control_improvements>
</clickhouse>
`;
const IMAGE_USERS = `<clickhouse>
  <profiles><default></default></profiles>
  <quotas><default></default></quotas>
  <users>
    <default><password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota></default>
  </users>
</clickhouse>
`;

interface StartOptions {
  readonly dir: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  /** Whether closing stdin stops it, instead of SIGTERM. */
  readonly endsWithStdin?: boolean;
}

async function start(program: string, args: readonly string[], options: StartOptions): Promise<Deployed> {
  const { dir, port, env, endsWithStdin = false } = options;
  const child = spawn(program, args, { cwd: projectOr(dir, endsWithStdin), env: { ...env, PATH }, stdio: 'pipe' });
  const halt = () => end(child, endsWithStdin);
  onTestFinished(halt);
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (log += text));
  child.stdin.on('error', () => undefined);
  child.once('error', (error) => (log += error.message));
  const deadlineAt = performance.now() + DEADLINE_MS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || performance.now() > deadlineAt) throw new Error(`${program} did not start: ${log}`);
    await delay(10);
  }
  return { port, dir, log: () => log, halt };
}

/** tsx reads its settings from the current folder. */
function projectOr(dir: string, isOurs: boolean): string {
  return isOurs ? fileURLToPath(new URL('../..', import.meta.url)) : dir;
}

async function end(child: ChildProcess, endsWithStdin: boolean): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise((resolve) => child.once('close', resolve));
  if (endsWithStdin) child.stdin?.end();
  else child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
  await gone;
  clearTimeout(force);
}

/** A folder that is removed at the end of the running test. */
export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-deploy-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true, maxRetries: 3 }));
  return dir;
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

/** In a compose file, a dollar sign is written twice. */
function unescaped(text: string): string {
  return text.replaceAll('$$', '$');
}
