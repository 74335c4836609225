import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as forward } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createClickHouseSink } from '../../connectors/clickhouse/clickhouse.ts';
import { createClickHouseReader } from '../../connectors/clickhouse-reader/reader.ts';
import type { EmbeddedClickHouse } from '../../connectors/embedded/clickhouse.ts';
import { FIXED_TABLES } from '../../engine/delivery/tables.ts';
import type { ResolvedTls } from '../../engine/model/config.ts';
import { startTestClickHouse } from './servers/clickhouse.ts';
import { makeCertificate } from './servers/mosquitto.ts';

vi.setConfig({ testTimeout: 30_000, hookTimeout: 70_000 });

let server: EmbeddedClickHouse;
let dir: string;
let pem: { readonly cert: string; readonly key: string };
beforeAll(async () => {
  server = await startTestClickHouse();
  dir = await mkdtemp(join(tmpdir(), 'weir-tls-'));
  const made = makeCertificate(dir);
  if (made === undefined) throw new Error('This test needs openssl on the PATH.');
  pem = { cert: readFileSync(made.certFile, 'utf8'), key: readFileSync(made.keyFile, 'utf8') };
});
afterAll(async () => {
  await server?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** A TLS proxy before the server, in place of ClickHouse's own `https_port`. */
async function startTls(options: ServerOptions = {}): Promise<string> {
  const proxy = createServer({ ...pem, ...options }, (request, response) => {
    const { method, url, headers } = request;
    const onward = forward(`${server.url}${url}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(response);
    });
    request.pipe(onward);
  });
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return `https://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}

function sinkOf(url: string, tls?: ResolvedTls) {
  const sink = createClickHouseSink({
    config: {
      url,
      database: 'secure',
      batch: { rows: 10_000, bytes: 5e6, ageMs: 1000 },
      queueBytes: 1e6,
      concurrency: 2,
      requestTimeoutMs: 5_000,
    },
    ...(tls !== undefined && { tls }),
  });
  onTestFinished(() => sink.close());
  return sink;
}

describe('ClickHouse over HTTPS', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('wants a certificate of ours, and gets it: %s', async (version) => {
    const options: ServerOptions = { requestCert: true, rejectUnauthorized: true, ca: pem.cert, maxVersion: version };
    const url = await startTls(options);
    const tls = { ca: pem.cert, ...pem };
    await sinkOf(url, tls).open(FIXED_TABLES);
    const reader = createClickHouseReader(url, { tls });
    onTestFinished(() => reader.close());
    expect(await reader.select('SELECT 1 AS some FROM secure.migrations')).toContainEqual({ some: 1 });
    const error = await sinkOf(url, { ca: pem.cert })
      .open(FIXED_TABLES)
      .catch((error: unknown) => error);
    expect(error).toMatchObject({
      class: 'fatal',
      message: expect.stringMatching(/client certificate.*clickhouse\.tls/),
    });
  });

  it('is not trusted without its certificate authority, unless `verify` is false', async () => {
    const url = await startTls();
    await expect(sinkOf(url).open(FIXED_TABLES)).rejects.toMatchObject({
      message: expect.stringContaining('self-signed certificate'),
    });
    await sinkOf(url, { ca: pem.cert }).open(FIXED_TABLES);
    await sinkOf(url, { verify: false }).open(FIXED_TABLES);
  });
});
