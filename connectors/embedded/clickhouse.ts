import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { get as httpGet } from 'node:http';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endWithin, freePort, killOnExit, scriptBeside, untilExit } from './child.ts';

const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 15_000;
/** A free port may be taken by another process before the server listens on it. */
const FREE_PORT_TRIES = 3;

/** Settings for a small server. Measured memory: 50 MB when idle, 170 MB at 70k rows/s, plus 230 MB for the pages of the library. */
const SERVER_SETTINGS: Readonly<Record<string, number>> = {
  max_server_memory_usage: 1_073_741_824,
  mark_cache_size: 67_108_864,
  index_mark_cache_size: 8_388_608,
  primary_index_cache_size: 67_108_864,
  point_in_polygon_cache_size: 1_048_576,
  background_pool_size: 2,
  background_move_pool_size: 1,
  background_fetches_pool_size: 1,
  background_common_pool_size: 2,
  // ClickHouse refuses such a small pool unless merges may use all of it.
  'merge_tree.number_of_free_entries_in_pool_to_execute_mutation': 1,
  'merge_tree.number_of_free_entries_in_pool_to_lower_max_size_of_merge': 1,
  'merge_tree.number_of_free_entries_in_pool_to_execute_optimize_entire_partition': 1,
};

/** A running ClickHouse server that belongs to this process. */
export interface EmbeddedClickHouse {
  /** `http://127.0.0.1:PORT`; user `default`, no password. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Resolves with the end of its stderr when the server has exited for any reason. Never rejects. */
  readonly exited: Promise<string>;
  /** Stops the server cleanly; kills it after 15 s. May be called more than once. */
  stop(): Promise<void>;
}

/**
 * Starts a real ClickHouse server on 127.0.0.1 from the optional packages `chdb` and `ffi-rs`, in a child process that ends with this
 * process. `dir` is created if it is missing and keeps the data between runs; it can be used by one server at a time. `port` 0, the
 * default, uses a free port. Rejects with what is missing, or with the end of the server's stderr.
 */
export async function startClickHouse(options: { dir: string; port?: number }): Promise<EmbeddedClickHouse> {
  const library = await findLibrary();
  const dir = resolve(options.dir);
  await mkdir(dir, { recursive: true });
  const wanted = options.port ?? 0;
  for (let attempt = 1; ; attempt++) {
    const port = wanted === 0 ? await freePort() : wanted;
    const server = launch(library, dir, port);
    try {
      await untilReady(server, dir);
      return server;
    } catch (error) {
      await server.stop();
      const portTaken = (await server.exited).includes('Address already in use');
      if (wanted !== 0 || !portTaken || attempt === FREE_PORT_TRIES) throw error;
    }
  }
}

async function findLibrary(): Promise<string> {
  const remedy = 'run `npm ci` without `--omit=optional`, or configure your own ClickHouse server';
  try {
    createRequire(import.meta.url).resolve('ffi-rs');
    const { libchdbPath } = await import('chdb/libchdb');
    return libchdbPath();
  } catch (cause) {
    const found = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw new Error(
      `The embedded ClickHouse is not available on ${process.platform}-${process.arch}: ${found}. ` +
        `It comes with the optional packages chdb and ffi-rs, for Linux (glibc) and macOS: ${remedy}.`,
      { cause },
    );
  }
}

function launch(library: string, dir: string, port: number): EmbeddedClickHouse {
  const settings = Object.entries(SERVER_SETTINGS).map(([name, value]) => `--${name}=${value}`);
  // The second statement waits for lines on stdin, which never come. When stdin closes, it ends, and the server with it.
  const query = `SYSTEM START LISTEN HTTP; SELECT count() FROM file('-', 'LineAsString')`;
  const listen = [`--path=${dir}`, `--http_port=${port}`, '--listen_host=127.0.0.1', `--query=${query}`];
  // The child gets its own process group, so that Ctrl-C reaches only this process, which stops the server at the right moment.
  const { execArgv, path } = scriptBeside('clickhouse-child', import.meta.url);
  const child = spawn(process.execPath, [...execArgv, path, library, ...listen, '--', ...settings], {
    cwd: dir,
    detached: true,
    stdio: 'pipe',
  });
  killOnExit(child, () => child.kill('SIGKILL'));
  const exited = untilExit(child);
  child.stdout.resume();
  // An error of writing to an exited child is ignored, because `exited` reports the exit.
  child.stdin.on('error', () => undefined);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    pid: child.pid ?? -1,
    exited,
    stop: async () => {
      child.stdin.end();
      await endWithin(STOP_DEADLINE_MS, exited, () => child.kill('SIGKILL'));
    },
  };
}

async function untilReady(server: EmbeddedClickHouse, dir: string): Promise<void> {
  const deadlineAt = performance.now() + START_DEADLINE_MS;
  let tail: string | undefined;
  server.exited.then((text) => {
    tail = text;
  });
  while (tail === undefined && performance.now() < deadlineAt) {
    if (await servesFrom(server.url, dir)) return;
    await delay(25);
  }
  if (tail === undefined) {
    throw new Error(
      `The embedded ClickHouse did not answer on ${server.url}/ping within ${START_DEADLINE_MS / 1000} s.`,
    );
  }
  throw new Error(`The embedded ClickHouse (port ${server.port}, directory ${dir}) did not start: ${tail}`);
}

/** Whether the server at `url` is ours. Another server may use the port before our child has failed to listen on it. */
async function servesFrom(url: string, dir: string): Promise<boolean> {
  const query = `SELECT value FROM system.server_settings WHERE name = 'path' FORMAT LineAsString`;
  try {
    if ((await get(`${url}/ping`)) !== 'Ok.') return false;
    return resolve(await get(`${url}/?query=${encodeURIComponent(query)}`)) === dir;
  } catch {
    // Not listening yet.
    return false;
  }
}

/** `fetch` is not used, because it keeps its connection open and the server would wait some seconds for it when it stops. */
function get(url: string): Promise<string> {
  return new Promise((done, fail) => {
    const request = httpGet(url, { agent: false, timeout: 5_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.once('error', fail).once('end', () => done(body.trim()));
    });
    request.once('timeout', () => request.destroy(new Error('no answer')));
    request.once('error', fail);
  });
}
