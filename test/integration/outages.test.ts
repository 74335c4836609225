// Longer than most: each outage is one test with many steps.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { freePort } from '../../connectors/embedded/child.ts';
import { startClickHouse } from '../../connectors/embedded/clickhouse.ts';
import type { Engine } from './servers/engine.ts';
import { readStream } from './servers/events.ts';
import { writePasswords } from './servers/mosquitto.ts';
import {
  type Cleanup,
  createCleanup,
  createPlant,
  eventually,
  type Json,
  openTables,
  type Plant,
} from './servers/plant.ts';

vi.setConfig({ testTimeout: 180_000 });

const BASE = Math.floor(Date.now() / 60_000) * 60_000 - 600_000;
const sensors = {
  topic: 'plant/{device}/data',
  format: 'json',
  time: { path: 'ts', unit: 'ms' },
  fields: { temp: 'number', n: 'number' },
};
const limit = {
  name: 'limit',
  stream: 'sensors',
  conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: 80 }] },
  event: { type: 'limit', params: { message: '{{device}}: {{temp}} °C' } },
};
const silent = { name: 'silent', stream: 'sensors', silence: '2s', event: { type: 'silent' } };

function untilTestEnds(): Cleanup {
  const cleanup = createCleanup();
  onTestFinished(() => cleanup.run());
  return cleanup;
}

/** A ClickHouse that does not run yet: its address, and a function that starts it. */
async function absentClickHouse(cleanup: Cleanup) {
  const dir = await mkdtemp(join(tmpdir(), 'weir-clickhouse-'));
  cleanup.add(() => rm(dir, { recursive: true, force: true, maxRetries: 3 }));
  const port = await freePort();
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    start: async () => {
      const server = await startClickHouse({ dir, port });
      cleanup.add(() => server.stop());
    },
  };
}

/** Publishes numbered readings of one device. Resolves when the broker has all of them. */
async function publish(plant: Plant, device: string, readings: readonly Json[]): Promise<void> {
  const client = await plant.client();
  await Promise.all(
    readings.map((reading) => client.publishAsync(`plant/${device}/data`, JSON.stringify(reading), { qos: 1 })),
  );
  await client.endAsync();
}

const numbered = (from: number, count: number, more: Json = {}) =>
  Array.from({ length: count }, (_, i) => ({ ts: BASE + (from + i) * 10, temp: 20, n: from + i, ...more }));
/** One alert that fires and is resolved repeatedly. */
const swinging = (from: number, count: number) =>
  numbered(from, count).map((reading, i) => ({ ...reading, temp: i % 2 === 0 ? 90 : 20 }));

const partOf = async (engine: Engine, name: string) =>
  (await engine.readiness()).parts.find((part) => part.name === name);
const ready = (engine: Engine) =>
  eventually(async () => expect(await engine.readiness()).toMatchObject({ ready: true }));
const warnings = (engine: Engine) => engine.log().filter(({ level }) => level >= 40);

test('the engine waits for missing and restarted servers, and nothing is lost or published twice', async () => {
  const cleanup = untilTestEnds();
  const clickhouse = await absentClickHouse(cleanup);
  const plant = await createPlant(
    { clickhouseUrl: clickhouse.url, database: 'weir', streams: { sensors }, rules: [limit] },
    cleanup,
  );
  const tables = openTables(clickhouse.url, cleanup);
  const numbers = async () => (await tables.select('SELECT n FROM weir.sensors FINAL ORDER BY n')).map(({ n }) => n);
  const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

  // ClickHouse does not run at the start.
  const engine = await plant.start();
  await publish(plant, 'press-1', swinging(0, 100));
  await eventually(async () => {
    const { status, ready, parts } = await engine.readiness();
    expect([status, ready]).toEqual([503, false]);
    const waited = parts.filter((part) => !part.ready);
    expect(waited).toEqual([
      {
        name: 'clickhouse',
        ready: false,
        reason: expect.stringContaining(`ECONNREFUSED 127.0.0.1:${clickhouse.port}`),
      },
    ]);
    expect(await engine.metrics()).toMatchObject({
      'weir_ready{part="clickhouse"}': 0,
      'weir_ready{part="nats"}': 1,
      weir_messages_acknowledged_total: 100,
      weir_rows_inserted_total: 0,
    });
    expect(warnings(engine).map(({ part, sink }) => part ?? sink)).toEqual(expect.arrayContaining(['clickhouse']));
  });
  expect(await engine.get('/healthz')).toBe('ok\n');
  await clickhouse.start();
  await ready(engine);
  await eventually(async () => expect(await numbers()).toEqual(upTo(100)));

  // NATS stops.
  await plant.stopNats();
  await eventually(async () => expect(await partOf(engine, 'nats')).toMatchObject({ ready: false }));
  expect((await engine.readiness()).status).toBe(503);
  await publish(plant, 'press-1', swinging(100, 100));
  await eventually(async () => {
    expect(await numbers()).toEqual(upTo(200));
    expect((await engine.metrics()).weir_nats_pending_bytes).toBeGreaterThan(0);
  });
  await plant.startNats();
  await ready(engine);
  const nats = await plant.natsClient();
  await eventually(async () => expect(await readStream(nats, 'WEIR_ALERTS')).toHaveLength(200));

  // The broker restarts, and the devices reconnect before the engine.
  await plant.broker.halt();
  await eventually(async () => expect(await partOf(engine, 'mqtt')).toMatchObject({ ready: false }));
  await plant.broker.restart();
  await publish(plant, 'press-1', swinging(200, 100));
  await ready(engine);
  await eventually(async () => {
    expect(await numbers()).toEqual(upTo(300));
    expect(await readStream(nats, 'WEIR_ALERTS')).toHaveLength(300);
  });
  const published = await readStream(nats, 'WEIR_ALERTS');
  expect(published.map(({ body }) => `${body.data.state} ${body.time}`)).toEqual(
    upTo(300).map((n) => `${n % 2 === 0 ? 'firing' : 'resolved'} ${new Date(BASE + n * 10).toISOString()}`),
  );
  expect((await engine.metrics()).weir_sessions_lost_total).toBe(0);
  expect((await engine.stop()).code).toBe(0);
});

const MANY = 15_000;
const QUEUE_BYTES = 256 * 1024;

test('while ClickHouse is away rows wait on the disk, alerts are published, and a crash loses nothing', async () => {
  const cleanup = untilTestEnds();
  const clickhouse = await absentClickHouse(cleanup);
  const config = { clickhouse: { queue: '256KiB', batch: { age: '100ms', bytes: '64KiB' } } };
  const plant = await createPlant(
    { clickhouseUrl: clickhouse.url, database: 'weir', streams: { sensors }, rules: [limit], config },
    cleanup,
  );
  let engine = await plant.start();
  const nats = await plant.natsClient();
  await eventually(async () => expect(await partOf(engine, 'mqtt')).toMatchObject({ ready: true }));
  await publish(plant, 'press-1', numbered(0, MANY, { note: 'x'.repeat(100) }));
  await publish(plant, 'press-2', swinging(0, 2));
  await eventually(async () => {
    expect(await readStream(nats, 'WEIR_ALERTS')).toHaveLength(2);
    const metrics = await engine.metrics();
    expect(metrics).toMatchObject({ weir_messages_acknowledged_total: MANY + 2, weir_intake_paused: 0 });
    expect(metrics.weir_clickhouse_pending_bytes).toBeLessThanOrEqual(QUEUE_BYTES);
    expect(metrics.weir_clickhouse_spilled_bytes).toBeGreaterThan(MANY * 100);
    expect(metrics.process_resident_memory_bytes).toBeLessThan(250e6);
  });

  await engine.kill();
  engine = await plant.start();
  await clickhouse.start();
  const tables = openTables(clickhouse.url, cleanup);
  const counts = () =>
    tables.select('SELECT count() AS rows, uniqExact(device, n) AS readings FROM weir.sensors').then(([row]) => row);
  await eventually(async () => expect(await counts()).toEqual({ rows: String(MANY + 2), readings: String(MANY + 2) }));
  await eventually(async () =>
    expect(await engine.metrics()).toMatchObject({
      weir_clickhouse_pending_bytes: 0,
      weir_clickhouse_spilled_bytes: 0,
    }),
  );
  expect(await readdir(join(plant.dir, 'data', 'spill'))).toEqual([]);
  expect(await readStream(nats, 'WEIR_ALERTS')).toHaveLength(2);
});

test('while ClickHouse is away for long the journal fills up; then intake stops, and the engine catches up later', async () => {
  const cleanup = untilTestEnds();
  const clickhouse = await absentClickHouse(cleanup);
  const config = { journal: { maxBytes: '16MiB' } };
  const plant = await createPlant(
    { clickhouseUrl: clickhouse.url, database: 'weir', streams: { sensors }, rules: [silent], config },
    cleanup,
  );
  const engine = await plant.start();
  const nats = await plant.natsClient();
  await eventually(async () => expect(await partOf(engine, 'mqtt')).toMatchObject({ ready: true }));
  await publish(plant, 'press-1', numbered(0, MANY, { note: 'x'.repeat(2_000) }));
  const paused = await eventually(async () => {
    const metrics = await engine.metrics();
    expect(metrics.weir_intake_paused).toBe(1);
    return metrics;
  });
  const reason = 'stopped: the journal is full';
  expect(await partOf(engine, 'intake')).toEqual({ name: 'intake', ready: false, reason });
  expect(warnings(engine).map(({ msg }) => msg)).toEqual(
    expect.arrayContaining([expect.stringMatching(/^intake stopped: the journal is full/)]),
  );

  // Some ticks later, no more messages have been accepted, and the stopped intake does not count as silence of devices.
  const later = await eventually(async () => {
    const metrics = await engine.metrics();
    expect(metrics.weir_journal_next_offset).toBeGreaterThan((paused.weir_journal_next_offset ?? 0) + 5);
    return metrics;
  });
  expect(later.weir_messages_journaled_total).toBeLessThan(MANY);
  expect(later.weir_messages_acknowledged_total).toBe(later.weir_messages_journaled_total);
  const buffered = later.weir_messages_received_total! - later.weir_messages_journaled_total!;
  expect(buffered * 2_000).toBeLessThan(17 * 2 ** 20);
  // Messages in flight when it became full were still accepted.
  expect(later.weir_journal_size_bytes).toBeLessThan((16 + 16 + 4) * 2 ** 20);
  expect(later.process_resident_memory_bytes).toBeLessThan(350e6);
  expect((await readStream(nats, 'WEIR_ALERTS')).map(({ subject }) => subject)).toEqual([]);

  await clickhouse.start();
  const tables = openTables(clickhouse.url, cleanup);
  await eventually(async () => expect(await tables.count('(SELECT count() FROM weir.sensors)')).toBe(MANY));
  expect(await tables.count('(SELECT uniqExact(n) FROM weir.sensors)')).toBe(MANY);
  await ready(engine);
  expect((await engine.metrics()).weir_intake_paused).toBe(0);
  // Now the device is really silent.
  await eventually(async () => expect(await readStream(nats, 'WEIR_ALERTS')).toHaveLength(1));
});

test('while intake is stopped QoS 0 is shed and QoS 1 waits, and a new connection causes no duplicates', async () => {
  const cleanup = untilTestEnds();
  const clickhouse = await absentClickHouse(cleanup);
  const config = { journal: { maxBytes: '16MiB' } };
  const plant = await createPlant(
    { clickhouseUrl: clickhouse.url, database: 'weir', streams: { sensors }, rules: [], config },
    cleanup,
  );
  const engine = await plant.start();
  await eventually(async () => expect(await partOf(engine, 'mqtt')).toMatchObject({ ready: true }));
  const filling = 9_000;
  await publish(plant, 'press-1', numbered(0, filling, { note: 'x'.repeat(2_000) }));
  await eventually(async () => expect(await engine.metrics()).toMatchObject({ weir_intake_paused: 1 }));
  const buffered = 500;
  const count = filling + buffered;
  await publish(plant, 'press-1', numbered(filling, buffered));
  await eventually(async () => expect(await engine.metrics()).toMatchObject({ weir_messages_received_total: count }));
  expect((await engine.metrics()).weir_messages_journaled_total).toBeLessThanOrEqual(filling);

  const devices = await plant.client();
  const flood = 500;
  const payload = JSON.stringify(numbered(count, 1)[0]);
  await Promise.all(Array.from({ length: flood }, () => devices.publishAsync('plant/press-2/data', payload)));
  await devices.endAsync();
  await eventually(async () => {
    expect(await engine.metrics()).toMatchObject({ weir_messages_shed_total: flood });
    const reason = expect.stringMatching(/^stopped: the journal is full; QoS 0 messages are shed: 500 since 20/);
    expect(await partOf(engine, 'intake')).toEqual({ name: 'intake', ready: false, reason });
  });

  // Buffered messages are redelivered on the new connection.
  await plant.broker.halt();
  await eventually(async () => expect(await partOf(engine, 'mqtt')).toMatchObject({ ready: false }));
  await plant.broker.restart();
  await eventually(async () => {
    const { weir_messages_received_total: received = 0 } = await engine.metrics();
    expect(received).toBeGreaterThanOrEqual(count + flood + buffered);
  });
  expect((await engine.metrics()).weir_intake_paused).toBe(1);

  await clickhouse.start();
  const tables = openTables(clickhouse.url, cleanup);
  await ready(engine);
  await eventually(async () => {
    const metrics = await engine.metrics();
    expect(metrics).toMatchObject({ weir_intake_paused: 0, weir_sessions_lost_total: 0 });
    expect(metrics.weir_messages_redelivered_total).toBe(metrics.weir_messages_received_total! - count - flood);
    expect(await tables.count('(SELECT count() FROM weir.sensors)')).toBe(count);
  });
  expect(await tables.count('(SELECT uniqExact(n) FROM weir.sensors)')).toBe(count);
});

test('with a nearly full disk intake stops with a reason; at its stop the engine keeps buffered messages', async () => {
  const cleanup = untilTestEnds();
  const clickhouse = await absentClickHouse(cleanup);
  const config = { journal: { minFree: '1000GiB' } };
  const plant = await createPlant(
    { clickhouseUrl: clickhouse.url, database: 'weir', streams: { sensors }, rules: [], config },
    cleanup,
  );
  const engine = await plant.start();
  const reason = 'stopped: the disk is nearly full';
  await eventually(async () =>
    expect(await partOf(engine, 'intake')).toEqual({ name: 'intake', ready: false, reason }),
  );
  await publish(plant, 'press-1', numbered(0, 100));
  await eventually(async () => expect(await engine.metrics()).toMatchObject({ weir_messages_received_total: 100 }));
  expect((await engine.metrics()).weir_messages_journaled_total).toBe(0);
  expect((await engine.stop()).code).toBe(0);

  await clickhouse.start();
  await plant.writeConfig({ journal: {} });
  const next = await plant.start();
  const tables = openTables(clickhouse.url, cleanup);
  await eventually(async () => expect(await tables.count('(SELECT count() FROM weir.sensors)')).toBe(100));
  // They were acknowledged, so the broker does not have them any more.
  expect(await next.metrics()).toMatchObject({ weir_messages_received_total: 0, weir_messages_redelivered_total: 0 });
});

test('passwords reach the servers, and never log, stderr, metrics or readiness', async () => {
  const cleanup = untilTestEnds();
  const dir = await mkdtemp(join(tmpdir(), 'weir-passwords-'));
  cleanup.add(() => rm(dir, { recursive: true, force: true }));
  const clickhouse = await absentClickHouse(cleanup);
  await clickhouse.start();
  const right = {
    MQTT_PASSWORD: 'mq-7Hf/secret',
    NATS_PASSWORD: 'na-9Kd+secret',
    CLICKHOUSE_PASSWORD: 'ch-4Wz=secret',
  };
  const wrong = Object.fromEntries(Object.entries(right).map(([name, value]) => [name, `not-${value}`]));
  const login = (name: keyof typeof right) => ({ username: 'weir', password: { env: name } });
  const plant = await createPlant(
    {
      clickhouseUrl: clickhouse.url,
      database: 'weir',
      streams: { sensors },
      rules: [limit],
      broker: ['allow_anonymous false', `password_file ${writePasswords(dir, { weir: right.MQTT_PASSWORD })}`],
      nats: `authorization { user: weir, password: ${JSON.stringify(right.NATS_PASSWORD)} }`,
      config: {
        mqtt: login('MQTT_PASSWORD'),
        nats: login('NATS_PASSWORD'),
        // The server does not know this user.
        clickhouse: login('CLICKHOUSE_PASSWORD'),
        log: { level: 'trace' },
      },
    },
    cleanup,
  );
  const readinessOf = async (engine: Engine) => {
    const parts = (await engine.readiness()).parts.filter(({ name }) => ['mqtt', 'nats', 'clickhouse'].includes(name));
    return Object.fromEntries(parts.map(({ name, ready, reason }) => [name, ready || reason]));
  };
  const said: string[] = [];
  for (const [env, expected] of [
    [right, { mqtt: true, nats: true, clickhouse: expect.stringMatching(/Authentication failed/) }],
    [
      wrong,
      {
        mqtt: expect.any(String),
        nats: expect.any(String),
        clickhouse: expect.stringMatching(/Authentication failed/),
      },
    ],
  ] as const) {
    const engine = await plant.start(env);
    await eventually(async () => {
      expect(await readinessOf(engine)).toEqual(expected);
      // The reasons have reached the log.
      expect(warnings(engine).map(({ part }) => part)).toContain('clickhouse');
    });
    said.push(await engine.get('/readyz'), await engine.get('/metrics'));
    expect((await engine.stop()).code).toBe(0);
    said.push(engine.stdout(), engine.stderr());
  }
  for (const text of said) {
    for (const secret of Object.values(right)) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(encodeURIComponent(secret));
      expect(text).not.toContain(Buffer.from(`weir:${secret}`).toString('base64'));
    }
  }
});
