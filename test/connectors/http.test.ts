import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startHttpServer } from '../../connectors/http/http.ts';
import type { HttpServerOptions } from '../../connectors/http/limits.ts';
import { createRateLimiter } from '../../connectors/http/rate-limiter.ts';
import { createRenderer } from '../../connectors/http/renderer.ts';
import { addDuration, createCounters, createTimings } from '../../engine/telemetry.ts';

vi.setConfig({ testTimeout: 60_000 });

const DEADLINE = { timeout: 20_000, interval: 10 };
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(options: Partial<HttpServerOptions> = {}) {
  const counters = createCounters();
  const timings = createTimings();
  let rendered = 0;
  const gauges = () => ({ rendered });
  const server = await startHttpServer({
    host: '127.0.0.1',
    port: 0,
    counters,
    timings,
    gauges: () => {
      rendered += 1;
      return gauges();
    },
    status: () => [{ name: 'mqtt', ready: true }],
    ...options,
  });
  cleanups.push(() => server.close());
  const port = Number(new URL(server.url).port);
  const open = async (): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    cleanups.push(() => socket.destroy());
    await once(socket, 'connect');
    return socket;
  };
  const get = async (path: string) => {
    const answer = await fetch(`${server.url}${path}`, { signal: AbortSignal.timeout(20_000) });
    return { status: answer.status, text: await answer.text() };
  };
  return { server, counters, timings, open, get, renders: () => rendered };
}

/** Resolves when the connection is closed, by an end or by a reset. */
const closing = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));

const GET = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;

describe('the HTTP server', () => {
  test('serves durations as histograms in seconds', async () => {
    const { get, timings } = await serve();
    for (const ms of [0.25, 0.5, 3, 60_000]) addDuration(timings.fold, ms);
    const { text } = await get('/metrics');
    const lines = text.split('\n').filter((line) => /^(# TYPE )?weir_fold_seconds/.test(line));
    expect(lines).toEqual([
      '# TYPE weir_fold_seconds histogram',
      ...[0.0005, 0.001, 0.0025].map((le) => `weir_fold_seconds_bucket{le="${le}"} 2`),
      ...[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5].map((le) => `weir_fold_seconds_bucket{le="${le}"} 3`),
      'weir_fold_seconds_bucket{le="+Inf"} 4',
      'weir_fold_seconds_sum 60.00375',
      'weir_fold_seconds_count 4',
    ]);
  });

  test('answers known paths and methods', async () => {
    const { get, server, counters } = await serve({
      status: () => [{ name: 'nats', ready: false, reason: 'it is away' }],
    });
    counters.readings = 7;
    expect(await get('/healthz')).toEqual({ status: 200, text: 'ok\n' });
    const readiness = await get('/readyz');
    expect(readiness.status).toBe(503);
    expect(JSON.parse(readiness.text)).toEqual({
      ready: false,
      parts: [{ name: 'nats', ready: false, reason: 'it is away' }],
    });
    expect((await get('/metrics?x')).text).toMatch(/^weir_readings_total 7$/m);
    expect((await get('/else')).status).toBe(404);
    expect((await fetch(`${server.url}/healthz`, { method: 'POST', body: 'x' })).status).toBe(405);
  });

  test('closes a connection with too many open requests, and answers the others meanwhile', async () => {
    const { open, get, counters, renders } = await serve();
    const before = renders();
    const greedy = await open();
    const closed = closing(greedy);
    greedy.resume();
    for (let i = 0; i < 200; i++) greedy.write(GET('/metrics').repeat(100));
    expect((await get('/healthz')).text).toBe('ok\n');
    await closed;
    expect(counters.http_connections_closed).toBe(1);
    // One rendering reads the gauges a few times; 20,000 renderings would read them far more often.
    expect(renders() - before).toBeLessThan(20);
  });

  test('answers pipelined requests of one connection in their order', async () => {
    const { open } = await serve();
    const socket = await open();
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    socket.write(GET('/healthz') + GET('/readyz') + GET('/else'));
    await vi.waitFor(
      () => expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 404']),
      DEADLINE,
    );
    expect(text.indexOf('ok\n')).toBeLessThan(text.indexOf('"ready"'));
  });

  test('renders metrics once for simultaneous requests, never older than the request', async () => {
    const { get, counters } = await serve({ limits: { renderMs: 300 } });
    const value = async () => Number(/^weir_rendered (\d+)$/m.exec((await get('/metrics')).text)?.[1]);
    await value();
    const several = await Promise.all(Array.from({ length: 20 }, value));
    expect(new Set(several).size).toBeLessThanOrEqual(2);
    counters.readings += 5;
    expect((await get('/metrics')).text).toMatch(/^weir_readings_total 5$/m);
  });

  test('limits the number of connections; the one idle longest is closed', async () => {
    const { open, get, counters } = await serve({ limits: { connections: 8 } });
    const sockets = await Promise.all(Array.from({ length: 100 }, () => open()));
    await vi.waitFor(
      () =>
        expect(sockets.filter((socket) => socket.closed || socket.destroyed || socket.readableEnded)).toHaveLength(92),
      {
        ...DEADLINE,
      },
    );
    expect((await get('/healthz')).text).toBe('ok\n');
    expect(counters.http_connections_closed).toBe(93);
  });

  test('does not close a connection that waits for an answer', async () => {
    const { open, counters } = await serve({ limits: { connections: 4, renderMs: 500 } });
    const socket = await open();
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    socket.write(GET('/metrics'));
    await vi.waitFor(() => expect(text).toContain('weir_ready'), DEADLINE);
    text = '';
    socket.write(GET('/metrics'));
    await Promise.all(Array.from({ length: 20 }, () => open()));
    await vi.waitFor(() => expect(text).toContain('weir_ready'), DEADLINE);
    expect(counters.http_connections_closed).toBeGreaterThan(15);
  });

  test('closes connections that never send a whole request', async () => {
    const { open } = await serve({ limits: { headMs: 200, answerMs: 400 } });
    const [silent, half, drip] = await Promise.all([open(), open(), open()]);
    half.write('GET /healthz HTTP/1.1\r\nhost: x\r\n');
    drip.write('POST /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nx');
    for (const socket of [silent, half, drip]) socket.resume();
    await Promise.all([silent, half, drip].map(closing));
  });

  test('closes a connection whose client does not read its answer', async () => {
    const reason = 'x'.repeat(20_000_000);
    const { open, get, counters } = await serve({
      status: () => [{ name: 'mqtt', ready: false, reason }],
      limits: { answerMs: 300 },
    });
    const paused = await open();
    paused.pause();
    paused.write(GET('/readyz'));
    await vi.waitFor(() => expect(counters.http_connections_closed).toBe(1), DEADLINE);
    expect((await get('/healthz')).text).toBe('ok\n');
  });

  test('answers every request in the end if there are more than it answers in a second', async () => {
    const { open } = await serve({ limits: { requestsPerSecond: 50 } });
    const ask = async () => {
      const socket = await open();
      for (let i = 0; i < 10; i++) {
        socket.write(GET('/healthz'));
        expect(String((await once(socket, 'data'))[0])).toContain('200 OK');
      }
    };
    await Promise.all(Array.from({ length: 10 }, ask));
  });
});

describe('with a clock that the test moves', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('the rate limiter lets a burst through and then a fixed number per second, in order, and skips requests whose client is gone', async () => {
    const pace = createRateLimiter(10);
    const gone: number[] = [];
    const isGone = (i: number) => i >= 12 && i < 1_000;
    for (let i = 0; i < 1_010; i++)
      pace(
        () => isGone(i),
        () => void gone.push(i),
      );
    expect(gone).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    await vi.advanceTimersByTimeAsync(500);
    expect(gone.slice(10)).toEqual([10, 11, 1_000, 1_001, 1_002]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(gone).toHaveLength(22);
    for (let i = 0; i < 20; i++)
      pace(
        () => false,
        () => void gone.push(i),
      );
    expect(gone).toHaveLength(32);
  });

  test('the renderer renders at most once per interval, and never returns a text older than the request', async () => {
    let rendered = 0;
    const render = createRenderer(async () => String(++rendered), 1_000);
    const answers: string[] = [];
    const ask = () => void render().then((text) => answers.push(text));
    ask();
    ask();
    await vi.advanceTimersByTimeAsync(1);
    expect(answers).toEqual(['1', '1']);
    for (let ms = 0; ms < 990; ms += 10) {
      ask();
      await vi.advanceTimersByTimeAsync(10);
    }
    expect(rendered).toBe(1);
    await vi.advanceTimersByTimeAsync(100);
    expect(answers).toEqual(['1', '1', ...Array.from({ length: 99 }, () => '2')]);
  });
});
