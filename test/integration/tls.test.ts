import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createClickHouseSink } from '../../connectors/clickhouse/clickhouse.ts';
import { createMqttSource } from '../../connectors/mqtt/mqtt.ts';
import { createPublisher } from '../../connectors/mqtt-publisher/publisher.ts';
import { createNatsSink } from '../../connectors/nats/nats.ts';
import { parseConfig } from '../../engine/config/parse.ts';
import type { Config } from '../../engine/model/config.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { makeCertificate } from './servers/mosquitto.ts';
import { temporaryFolder, testNats } from './servers/nats.ts';

vi.setConfig({ testTimeout: 40_000, hookTimeout: 20_000 });

const DEADLINE = { timeout: 15_000, interval: 20 };
/** The first bytes of TLS: a handshake record. */
const HANDSHAKE = '\x16\x03\x01';
const LOGIN = { username: 'weir', password: 'hunter2' };

/** A server without TLS: it sends the given greeting and records all received bytes. */
async function eavesdropper(greeting = ''): Promise<{ port: number; received(): string; connections(): number }> {
  const chunks: Buffer[] = [];
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.write(greeting);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    received: () => Buffer.concat(chunks).toString('latin1'),
    connections: () => sockets.length,
  };
}

/** The greeting of a NATS server that neither requires nor offers TLS. */
const PLAIN_INFO = `INFO ${JSON.stringify({
  server_id: 'X',
  version: '2.10.0',
  proto: 1,
  host: '127.0.0.1',
  port: 4222,
  max_payload: 1_048_576,
  headers: true,
  auth_required: true,
})}\r\n`;

function configOf(urls: { mqtt?: string; clickhouse?: string }): Config {
  const text = JSON.stringify({
    mqtt: { url: urls.mqtt ?? 'mqtt://127.0.0.1:1' },
    nats: { servers: 'nats://127.0.0.1:1' },
    clickhouse: { url: urls.clickhouse ?? 'http://127.0.0.1:1', requestTimeout: '2s' },
    streams: { sensors: { topic: 'plant/{device}/data', format: 'json', fields: { temp: 'number' } } },
  });
  const { config, problems } = parseConfig('weir.json', text);
  expect(problems).toEqual([]);
  return config!;
}

describe('if TLS is required and the server has none, no login is sent', () => {
  test.each([
    ['tls://, in any case of its letters', 'TLS', undefined],
    ['tls:// alone', 'tls', undefined],
    ['nats:// with TLS settings', 'nats', {}],
  ])('NATS: %s', async (_name, scheme, tls) => {
    const spy = await eavesdropper(PLAIN_INFO);
    const servers = [`${scheme}://127.0.0.1:${spy.port}`];
    const sink = createNatsSink({ config: { servers, ...(tls && { tls }) }, ...LOGIN });
    onTestFinished(() => sink.close());
    await expect(sink.open()).rejects.toMatchObject({
      class: 'fatal',
      message: expect.stringContaining('the server offers no TLS'),
    });
    expect(spy.connections()).toBeGreaterThan(0);
    expect(spy.received()).toBe('');
  });

  test('NATS: without the requirement of TLS the password is sent, so the test would detect it', async () => {
    const spy = await eavesdropper(PLAIN_INFO);
    const sink = createNatsSink({ config: { servers: [`nats://127.0.0.1:${spy.port}`] }, ...LOGIN });
    const opening = sink.open().catch(() => undefined);
    await vi.waitFor(() => expect(spy.received()).toContain('hunter2'), DEADLINE);
    await sink.close();
    await opening;
  });

  test('NATS: a real server without TLS gets no login', async () => {
    const server = await testNats({ config: 'authorization { user: weir, password: hunter2 }' });
    const sink = createNatsSink({ config: { servers: [server.url.replace('nats:', 'tls:')] }, ...LOGIN });
    onTestFinished(() => sink.close());
    await expect(sink.open()).rejects.toThrow('the server offers no TLS');
  });

  test('MQTT: mqtts://, of the engine and of the simulator', async () => {
    const spy = await eavesdropper();
    const config = configOf({ mqtt: `mqtts://127.0.0.1:${spy.port}` });
    const source = createMqttSource({
      brokers: [{ config: config.mqtt[0]!, subscriptions: [], ...LOGIN }],
      counters: createCounters(),
      clock: { now: () => Date.now(), steady: () => performance.now() },
      random: () => 0,
      onNotice: () => undefined,
    });
    source.start({ messages: (_connection, _messages, acknowledge) => acknowledge(), mark: () => undefined });
    onTestFinished(() => source.stop());
    const publisher = createPublisher({ url: config.mqtt[0]!.url, ...LOGIN });
    onTestFinished(() => publisher.close());
    // One handshake from each, and nothing unencrypted.
    await vi.waitFor(() => expect(spy.received().split(HANDSHAKE).length - 1).toBeGreaterThan(1), DEADLINE);
    expect(spy.received()).not.toMatch(/MQTT|weir|hunter2/);
  });

  test('ClickHouse: https://', async () => {
    const spy = await eavesdropper();
    const { clickhouse } = configOf({ clickhouse: `https://127.0.0.1:${spy.port}` });
    const sink = createClickHouseSink({ config: clickhouse, ...LOGIN });
    onTestFinished(() => sink.close());
    await expect(sink.open([])).rejects.toThrow();
    expect(spy.received()).toContain(HANDSHAKE);
    expect(spy.received()).not.toMatch(/HTTP|hunter2/);
    expect(spy.received()).not.toContain(Buffer.from('weir:hunter2').toString('base64'));
  });
});

describe('NATS over TLS', () => {
  test('tls:// alone does not trust an unknown certificate authority; with `ca` it connects and logs in', async () => {
    const dir = await temporaryFolder();
    const certificate = makeCertificate(dir);
    if (certificate === undefined) return;
    const { certFile, keyFile } = certificate;
    const auth = 'authorization { user: weir, password: hunter2 }';
    const server = await testNats({ config: `tls { cert_file: "${certFile}", key_file: "${keyFile}" }\n${auth}` });
    const servers = [server.url.replace('nats:', 'tls:')];
    const distrusting = createNatsSink({ config: { servers }, ...LOGIN });
    onTestFinished(() => distrusting.close());
    await expect(distrusting.open()).rejects.toMatchObject({ class: 'fatal' });
    const sink = createNatsSink({ config: { servers, tls: { ca: certFile } }, ...LOGIN });
    onTestFinished(() => sink.close());
    await sink.open();
    expect(sink.status()).toMatchObject({ ready: true });
  });
});
