import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { NewRecord } from '../../engine/model/record.ts';
import { append, message, open } from '../journal/folder.ts';

vi.setConfig({ testTimeout: 60_000 });

const CLI = fileURLToPath(new URL('../../dist/engine/cli.js', import.meta.url));
const DEADLINE = { timeout: 30_000, interval: 25 };

type Out = 'pipe' | number;

function weir(args: readonly string[], stdout: Out = 'pipe', stderr: Out = 'pipe'): ChildProcess {
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', stdout, stderr] });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

/** The output of a command, and its exit. */
async function ended(child: ChildProcess): Promise<{ code: number; stdout: string; stderr: string }> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [code] = (await once(child, 'close')) as [number];
  return { code, stdout, stderr };
}

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'weir-output-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function full(): number {
  const fd = openSync('/dev/full', 'w');
  onTestFinished(() => closeSync(fd));
  return fd;
}

/** A full pipe. */
function fullPipe(): number {
  const path = join(folder(), 'pipe');
  execFileSync('mkfifo', [path]);
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  onTestFinished(() => closeSync(fd));
  for (const bytes of [4_096, 1]) {
    try {
      while (writeSync(fd, Buffer.alloc(bytes)) > 0);
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('EAGAIN');
    }
  }
  return fd;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A config with missing servers, so that the engine logs warnings. */
async function makeConfig(changes: object = {}): Promise<{ file: string; url: string }> {
  const dir = folder();
  const file = join(dir, 'weir.json');
  const port = await freePort();
  const config = {
    mqtt: { url: 'mqtt://127.0.0.1:1' },
    nats: { servers: 'nats://127.0.0.1:1' },
    clickhouse: { url: 'http://127.0.0.1:1' },
    streams: { sensors: { topic: 'plant/{device}/data', format: 'json', fields: { temp: 'number' } } },
    http: { port },
    rules: '.',
    ...changes,
  };
  writeFileSync(file, JSON.stringify(config));
  return { file, url: `http://127.0.0.1:${port}` };
}

describe('an engine whose log cannot be written', () => {
  test.each(['a full device', 'a closed pipe'])('runs and stops normally: %s', async (kind) => {
    const { file, url } = await makeConfig();
    const child = weir(['run', '--config', file], kind === 'a full device' ? full() : 'pipe', full());
    child.stdout?.destroy();
    await vi.waitFor(async () => {
      expect((await fetch(`${url}/healthz`)).status).toBe(200);
      const dropped = /^weir_log_lines_dropped_total (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text());
      expect(Number(dropped?.[1])).toBeGreaterThan(3);
    }, DEADLINE);
    child.kill('SIGTERM');
    const [code, signal] = await once(child, 'exit');
    expect({ code, signal }).toEqual({ code: 0, signal: null });
  });

  test('runs and stops normally: a pipe without a reader', async () => {
    const { file, url } = await makeConfig();
    const child = weir(['run', '--config', file], fullPipe());
    await vi.waitFor(async () => expect((await fetch(`${url}/healthz`)).status).toBe(200), DEADLINE);
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
  });
});

describe('a command whose output cannot be written', () => {
  async function makeJournal(): Promise<string> {
    const dir = folder();
    const journal = await open(dir);
    await append(
      journal,
      Array.from({ length: 20_000 }, (_, i) => message(`payload ${i}`)),
    );
    await journal.close();
    return dir;
  }

  test('ends without an error if its reader has exited', async () => {
    const child = weir(['journal', 'dump', '--data', await makeJournal()]);
    child.stdout!.once('data', () => child.stdout!.destroy());
    let stderr = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const [code, signal] = await once(child, 'exit');
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  });

  test('reports a full disk', async () => {
    const { code, stderr } = await ended(weir(['journal', 'dump', '--data', await makeJournal()], full()));
    expect(stderr).toMatch(/^weir: the output cannot be written: ENOSPC[^\n]*\n$/);
    expect(code).toBe(1);
  });

  test('has the right exit code even if nothing can be written', async () => {
    const { file } = await makeConfig({ streems: {} });
    expect((await ended(weir(['check', '--config', file], full(), full()))).code).toBe(2);
  });

  test('prints all of a long output', async () => {
    const { stdout, code } = await ended(weir(['journal', 'dump', '--data', await makeJournal()]));
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(20_000);
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ payload: 'payload 19999' });
    expect(code).toBe(0);
  });
});

describe('text from outside', () => {
  const NASTY = '\u0007\u001b]0;x\u007f\u009b31m\u009d\u202e\u2066\u2028\ufeff';
  const raw = /(?!\n)\p{Cc}|[\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]/u;

  test('does not control the terminal: weir journal dump', async () => {
    const dir = folder();
    const journal = await open(dir);
    await append(journal, [{ ...message(NASTY), topic: `a${NASTY}` } as NewRecord]);
    await journal.close();
    const { stdout } = await ended(weir(['journal', 'dump', '--data', dir]));
    expect(stdout).not.toMatch(raw);
    expect(JSON.parse(stdout)).toMatchObject({ topic: `a${NASTY}`, payload: NASTY });
  });

  test('does not control the terminal: weir check, and weir run', async () => {
    const { file } = await makeConfig({ [`x${NASTY}`]: 1, log: { level: NASTY } });
    const checked = await ended(weir(['check', '--config', file]));
    expect(checked.stdout).toContain('\\u001b]0;x\\u007f\\u009b31m\\u009d\\u202e\\u2066\\u2028\\ufeff');
    expect(checked.stdout).not.toMatch(raw);
    const ran = await ended(weir(['run', '--config', file]));
    expect(ran.stderr).toContain('\\u009b31m');
    expect(ran.stderr).not.toMatch(raw);
  });

  test.each([
    ['an unknown command', [`x${NASTY}`]],
    ['an unknown option', ['check', `--x${NASTY}`]],
    ['a missing file', ['check', '--config', `x${NASTY}.json`]],
    ['an argument', ['simulate', '--broker', `x${NASTY}`]],
    ['a filter', ['deadletters', 'show', `x${NASTY}`]],
    ['a folder', ['journal', 'verify', '--data', `x${NASTY}`]],
  ])('does not steer the terminal: %s', async (_name, args) => {
    const { code, stdout, stderr } = await ended(weir(args));
    expect(stdout + stderr).not.toMatch(raw);
    expect(stdout + stderr).toContain('\\u001b');
    expect(code).toBe(2);
  });
});

test('only their user can read the files of an engine and its commands', async () => {
  const { file, url } = await makeConfig({ data: './made/data' });
  const data = join(file, '../made/data');
  const child = weir(['run', '--config', file]);
  await vi.waitFor(async () => expect((await fetch(`${url}/healthz`)).status).toBe(200), DEADLINE);
  await vi.waitFor(() => expect(readdirSync(data).some((name) => name.startsWith('journal-'))).toBe(true), DEADLINE);
  child.kill('SIGTERM');
  const made = modesOf(data);
  await once(child, 'exit');
  const left = modesOf(data);
  expect([...made.keys()]).toEqual(expect.arrayContaining(['.', 'lock', expect.stringMatching(/^journal-/)]));
  expect([...left.keys()]).toEqual(
    expect.arrayContaining(['checkpoint-0000000001-a.bin', 'checkpoint-0000000001-b.bin']),
  );
  expect(new Set([...made.values(), ...left.values()])).toEqual(new Set(['file 600', 'folder 700']));
});

function modesOf(dir: string): Map<string, string> {
  const names = ['.', ...readdirSync(dir, { recursive: true }).map(String)];
  return new Map(
    names.map((name) => {
      const found = statSync(join(dir, name));
      return [name, `${found.isDirectory() ? 'folder' : 'file'} ${(found.mode & 0o777).toString(8)}`];
    }),
  );
}

test('a segment that other users could read gets the right mode when the journal is opened', async () => {
  const dir = folder();
  const first = await open(dir);
  await append(first, [message('secret')]);
  await first.close();
  const path = join(dir, readdirSync(dir).find((name) => name.startsWith('journal-'))!);
  chmodSync(path, 0o644);
  const second = await open(dir);
  await second.close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});
