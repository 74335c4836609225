import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectAsync } from 'mqtt';
import { connect } from 'nats';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Engine, spawnWeir } from '../integration/servers/engine.ts';
import { deployed, environmentOf, PASSWORDS, replaced, sampleConfig } from './files.ts';
import {
  hasMosquitto,
  libchdb,
  natsServers,
  startClickHouse,
  startMosquitto,
  startNats,
  temporaryFolder,
} from './servers.ts';

vi.setConfig({ testTimeout: 90_000 });
const SOON = { timeout: 30_000, interval: 20 };
const binary = natsServers.at(-1)?.binary;
const isComplete = hasMosquitto && binary !== undefined && libchdb !== undefined;
if (!isComplete) console.warn('The sample deployment is not tested as a whole: a server is missing.');

interface Ports {
  readonly mqtt: number;
  readonly nats: number;
  readonly clickhouse: number;
}

/** Starts the engine with deploy/weir.json, the rules and the environment of the compose file, and other addresses. */
async function startWeir({ mqtt, nats, clickhouse }: Ports): Promise<Engine> {
  const dir = await temporaryFolder();
  const rules = fileURLToPath(new URL('../../rules', import.meta.url));
  const text = replaced(deployed('weir.json'), [
    ['mqtt://mosquitto:1883', `mqtt://127.0.0.1:${mqtt}`],
    ['nats://nats:4222', `nats://127.0.0.1:${nats}`],
    ['http://clickhouse:8123', `http://127.0.0.1:${clickhouse}`],
    ['"/var/lib/weir"', JSON.stringify(join(dir, 'journal'))],
    ['"../rules"', JSON.stringify(rules)],
    ['"host": "0.0.0.0", "port": 8080', '"port": 0'],
  ]);
  await writeFile(join(dir, 'weir.json'), text);
  const engine = spawnWeir(['run', '--config', join(dir, 'weir.json')], environmentOf('weir', PASSWORDS));
  onTestFinished(async () => void (await engine.kill()));
  await engine.running();
  return engine;
}

describe.skipIf(!isComplete)('the sample deployment, without containers', () => {
  it('delivers a reading from a device to the table and to the consumer of alerts, and stops cleanly', async () => {
    const clickhouse = await startClickHouse(libchdb ?? '');
    const nats = await startNats(binary ?? '');
    const mosquitto = await startMosquitto();
    const engine = await startWeir({ mqtt: mosquitto.port, nats: nats.port, clickhouse: clickhouse.port });
    await vi.waitFor(
      async () => expect((await engine.readiness()).parts.filter(({ ready }) => !ready)).toEqual([]),
      SOON,
    );

    const consumer = await connect({
      servers: `nats://127.0.0.1:${nats.port}`,
      user: 'consumer',
      pass: PASSWORDS.WEIR_CONSUMER_PASSWORD,
    });
    onTestFinished(() => consumer.close());
    const alerts: string[] = [];
    consumer.subscribe('weir.alerts.>', { callback: (_, { subject }) => alerts.push(subject) });
    await consumer.flush();

    const device = await connectAsync(`mqtt://127.0.0.1:${mosquitto.port}`, {
      username: 'devices',
      password: PASSWORDS.WEIR_DEVICES_PASSWORD,
    });
    onTestFinished(() => device.endAsync(true));
    const reading = { ts: Date.now(), temp: 99.5, humidity: 40, battery: 4 };
    await device.publishAsync('plant/hall-3/press-17/data', JSON.stringify(reading), { qos: 1 });

    const query = 'SELECT site, device, temp FROM weir.sensors';
    const headers = {
      'X-ClickHouse-User': 'analyst',
      'X-ClickHouse-Key': PASSWORDS.WEIR_ANALYST_PASSWORD,
      connection: 'close',
    };
    const rows = async () =>
      (await fetch(`http://127.0.0.1:${clickhouse.port}/`, { method: 'POST', headers, body: query })).text();
    await vi.waitFor(async () => expect(await rows()).toBe('hall-3\tpress-17\t99.5\n'), SOON);
    await vi.waitFor(() => expect(alerts.join()).toContain('.battery-low.'), SOON);

    expect(await engine.stop()).toEqual({ code: 0, signal: null });
    expect(nats.log()).not.toContain('Violation');
  });
});

/** The metrics on the page: names of samples, without labels. */
const explained = new Set([...deployed('metrics.md').matchAll(/`(weir_\w+)(?:\{[^}]*\})?`/g)].map(([, name]) => name));

describe('the pages for operators', () => {
  it('explain every metric that the engine has, and no other', async () => {
    // The servers do not exist: the engine waits for them, and its HTTP server runs.
    const engine = await startWeir({ mqtt: 9, nats: 9, clickhouse: 9 });
    const served = Object.keys(await engine.metrics())
      .filter((sample) => sample.startsWith('weir_'))
      .map((sample) => sample.replace(/\{.*/, '').replace(/_seconds_(bucket|sum|count)$/, '_seconds'));
    expect(served.length).toBeGreaterThan(30);
    expect([...explained].sort()).toEqual([...new Set(served)].sort());
  });

  it('name every part of /readyz', async () => {
    const engine = await startWeir({ mqtt: 9, nats: 9, clickhouse: 9 });
    const page = deployed('metrics.md');
    const { status, parts } = await engine.readiness();
    expect(status).toBe(503);
    expect(parts.length).toBeGreaterThan(3);
    expect(parts.filter(({ name }) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  it('have the limits that the files set', () => {
    const pages = ['README.md', 'promises.md', 'limits.md'].map(deployed).join('\n');
    expect(sampleConfig().journal.maxBytes).toBe(2 ** 30);
    for (const fact of ['1,000,000', '256 MiB', '1 GiB', '32 MiB', '16 MiB', '/var/lib/weir']) {
      expect(pages).toContain(fact);
    }
  });
});
