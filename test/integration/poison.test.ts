import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startClickHouse } from '../../connectors/embedded/clickhouse.ts';
import { read as readCheckpoint } from '../journal/checkpoint/sections.ts';
import { readStream } from './servers/events.ts';
import { createCleanup, createPlant, eventually, type Json, openTables, type Plant } from './servers/plant.ts';

vi.setConfig({ testTimeout: 120_000 });

const BASE = Math.floor(Date.now() / 60_000) * 60_000 - 600_000;
const sensors = {
  topic: 'plant/{device}/data',
  format: 'json',
  time: { path: 'ts', unit: 'ms' },
  fields: { temp: 'number', text: 'string' },
  limits: { bytes: '1MiB' },
};
const hot = {
  name: 'hot',
  stream: 'sensors',
  conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: 80 }] },
  event: { type: 'hot', params: { message: '{{device}}: {{text}}' } },
};

interface Special {
  /** More text for the NATS server's configuration. */
  readonly nats?: string;
  /** Called before the engine starts. */
  readonly prepare?: (plant: Plant) => Promise<void>;
  readonly streams?: Json;
  readonly config?: Readonly<Record<string, Json>>;
}

async function startPlant({ nats, prepare, streams = { sensors }, config }: Special = {}) {
  const cleanup = createCleanup();
  onTestFinished(() => cleanup.run());
  const dir = await mkdtemp(join(tmpdir(), 'weir-clickhouse-'));
  cleanup.add(() => rm(dir, { recursive: true, force: true, maxRetries: 3 }));
  const clickhouse = await startClickHouse({ dir });
  cleanup.add(() => clickhouse.stop());
  const plant = await createPlant(
    {
      clickhouseUrl: clickhouse.url,
      database: 'weir',
      streams,
      rules: [hot],
      ...(nats !== undefined && { nats }),
      ...(config !== undefined && { config }),
    },
    cleanup,
  );
  await prepare?.(plant);
  const engine = await plant.start();
  await eventually(async () => expect(await engine.readiness()).toMatchObject({ ready: true }));
  const client = await plant.client();
  const publish = (device: string, reading: Json) =>
    client.publishAsync(`plant/${device}/data`, JSON.stringify({ ts: BASE, ...reading }), { qos: 1 });
  const checkpoint = () =>
    eventually(async () => expect((await readCheckpoint(join(plant.dir, 'data'))).checkpoint).toBeDefined());
  return { plant, engine, tables: openTables(clickhouse.url, cleanup), publish, checkpoint };
}

test('an event with a text of half a megabyte is published truncated, and its row has the whole text', async () => {
  const { plant, engine, tables, publish, checkpoint } = await startPlant();
  await publish('d1', { temp: 90, text: 'x'.repeat(500_000) });
  await publish('d2', { temp: 90, text: '\u0001'.repeat(100_000) });
  for (let i = 0; i < 200; i++) await publish(`n${i}`, { temp: 90, text: 'short' });
  const nats = await plant.natsClient();
  await eventually(async () => expect(await readStream(nats, 'WEIR_ALERTS')).toHaveLength(202));
  const [first] = await readStream(nats, 'WEIR_ALERTS');
  expect(first!.body).toMatchObject({ subject: 'd1', data: { key: 'd1', state: 'firing', truncated: true } });
  expect((first!.body.data as { message: string }).message).toMatch(/^d1: x+…$/);
  await eventually(async () =>
    expect(await tables.count('(SELECT max(length(text)) FROM weir.sensors)')).toBe(500_000),
  );
  await checkpoint();
  expect((await engine.metrics()).weir_events_retried_total).toBe(0);
});

test('an event above the max_payload of the server is published in a shorter form', async () => {
  const { plant, engine, publish, checkpoint } = await startPlant({ nats: 'max_payload: 8192' });
  await publish('d1', { temp: 90, text: 'x'.repeat(20_000) });
  for (let i = 0; i < 20; i++) await publish(`n${i}`, { temp: 90, text: 'short' });
  const nats = await plant.natsClient();
  await eventually(async () => expect(await readStream(nats, 'WEIR_ALERTS')).toHaveLength(21));
  const events = await readStream(nats, 'WEIR_ALERTS');
  const own = events.find(({ body }) => body.subject === 'd1')!;
  expect(own.body.data).toMatchObject({ rule: 'hot', key: 'd1', state: 'firing', truncated: true });
  expect((own.body.data as { message: string }).message).toMatch(/^d1: x+…$/);
  await checkpoint();
  expect(await engine.metrics()).toMatchObject({
    weir_events_shortened_total: 1,
    weir_events_dead_lettered_total: 0,
    weir_events_retried_total: 0,
  });
});

/** An operator's own stream, which accepts the shortest form of an ordinary alert, but not that of an alert with a long key. */
async function limitStream(plant: Plant): Promise<void> {
  const manager = await (await plant.natsClient()).jetstreamManager();
  await manager.streams.add({ name: 'WEIR_ALERTS', subjects: ['weir.alerts.>'], max_msg_size: 850 });
}

test('an event that NATS refuses in every form is a dead letter; others are published, and checkpoints continue', async () => {
  const { plant, engine, tables, publish, checkpoint } = await startPlant({ prepare: limitStream });
  const device = 'd'.repeat(250);
  await publish(device, { temp: 90, text: 'x'.repeat(20_000) });
  for (let i = 0; i < 200; i++) await publish(`n${i}`, { temp: 90, text: 'short' });
  const nats = await plant.natsClient();
  await eventually(async () => expect(await readStream(nats, 'WEIR_ALERTS')).toHaveLength(200));
  const letters = () =>
    tables.select('SELECT topic, reason, detail, payload FROM weir.dead_letters FINAL').catch(() => []);
  await eventually(async () => expect(await letters()).toHaveLength(1));
  const [letter] = await letters();
  expect(letter).toMatchObject({
    topic: expect.stringMatching(/^weir\.alerts\.warning\.hot\.d+~~/),
    reason: 'undeliverable',
    detail: expect.stringContaining('message size exceeds maximum allowed'),
  });
  expect(JSON.parse(String(letter!.payload))).toMatchObject({ subject: device, data: { state: 'firing' } });
  await checkpoint();
  await eventually(async () =>
    expect(await engine.metrics()).toMatchObject({ weir_events_dead_lettered_total: 1, weir_nats_pending_bytes: 0 }),
  );
  expect(
    engine.log().filter(({ msg }) => msg === 'NATS refuses an event in every form; it is now a dead letter'),
  ).toHaveLength(1);
  expect(await engine.readiness()).toMatchObject({ ready: true });
});

test('only the rows of a table that cannot be written wait, and readiness names it', async () => {
  const { engine, tables, publish } = await startPlant();
  await publish('d1', { temp: 1 });
  await eventually(async () => expect(await tables.count('(SELECT count() FROM weir.devices)')).toBe(1));
  await tables.command('ALTER TABLE weir.devices RENAME COLUMN reason TO cause');
  for (let i = 0; i < 1_000; i++) await publish(`n${i % 200}`, { temp: 1, ts: BASE + i });
  await eventually(async () => expect(await tables.count('(SELECT count() FROM weir.sensors)')).toBe(1_001));
  await eventually(async () => {
    const { parts } = await engine.readiness();
    expect(parts.find(({ name }) => name === 'clickhouse')).toMatchObject({
      ready: false,
      reason: expect.stringContaining('table devices:'),
    });
  });
  for (let i = 0; i < 1_000; i++) await publish(`n${i % 200}`, { temp: 1, ts: BASE + 10_000 + i });
  await eventually(async () => expect(await tables.count('(SELECT count() FROM weir.sensors)')).toBe(2_001));
});

test('an event without permission does not delay other keys, and readiness names it', async () => {
  const denied = 'weir.alerts.warning.hot.d1';
  const { plant, engine, publish } = await startPlant({
    nats: `no_auth_user: weir
      authorization { users = [{ user: weir, password: p, permissions: { publish: { deny: ["${denied}"] } } }] }`,
  });
  await publish('d1', { temp: 90, text: 'short' });
  for (let i = 0; i < 200; i++) await publish(`n${i}`, { temp: 90, text: 'short' });
  const nats = await plant.natsClient();
  await eventually(async () => expect(await readStream(nats, 'WEIR_ALERTS')).toHaveLength(200));
  await eventually(async () => {
    const { parts } = await engine.readiness();
    expect(parts.find(({ name }) => name === 'nats')).toMatchObject({
      ready: false,
      reason: expect.stringContaining(denied),
    });
  });
  expect((await engine.metrics()).weir_events_dead_lettered_total).toBe(0);
});

test('a table that needs repair does not delay the others, also at a start', async () => {
  const { plant, engine, tables, publish } = await startPlant();
  await publish('d1', { temp: 1 });
  await eventually(async () => expect(await tables.count('(SELECT count() FROM weir.devices)')).toBe(1));
  await engine.stop();
  await tables.command('ALTER TABLE weir.devices RENAME COLUMN reason TO cause, ADD COLUMN other UInt8');
  await tables.command('ALTER TABLE weir.devices RENAME COLUMN other TO reason');
  const second = await plant.start();
  await publish('d2', { temp: 2 });
  await eventually(async () => expect(await tables.count('(SELECT count() FROM weir.sensors)')).toBe(2));
  await eventually(async () => {
    const { parts } = await second.readiness();
    expect(parts.find(({ name }) => name === 'clickhouse')).toMatchObject({
      ready: false,
      reason: expect.stringContaining('table devices: weir.devices has the column reason as UInt8'),
    });
  });
});

test('any number of rows of a table that cannot be written wait on the disk; none is lost or duplicated', async () => {
  const { plant, engine, tables, publish } = await startPlant({
    streams: { sensors, others: { ...sensors, topic: 'others/{device}/data' } },
    config: { clickhouse: { queue: '1MiB', batch: { age: '100ms', bytes: '200kB' } } },
  });
  const client = await plant.client();
  const other = (n: number) =>
    client.publishAsync('others/d1/data', JSON.stringify({ ts: BASE + n, temp: n }), { qos: 1 });
  await publish('d1', { temp: 0 });
  await eventually(async () => expect(await tables.count('(SELECT count() FROM weir.sensors)')).toBe(1));
  await tables.command('ALTER TABLE weir.sensors RENAME COLUMN text TO words');
  for (let i = 1; i <= 40; i++) {
    await publish('d1', { temp: i, ts: BASE + i, text: 'x'.repeat(100_000) });
    await other(i);
  }
  await eventually(async () => expect(await tables.count('(SELECT count() FROM weir.others)')).toBe(40));
  await eventually(async () =>
    expect((await engine.metrics()).weir_clickhouse_spilled_bytes).toBeGreaterThan(2_000_000),
  );
  const { weir_clickhouse_pending_bytes: pending, weir_intake_paused: paused } = await engine.metrics();
  expect(pending).toBeLessThan(1024 * 1024);
  expect(paused).toBe(0);
  await engine.kill();
  await tables.command('ALTER TABLE weir.sensors RENAME COLUMN words TO text');
  await plant.start();
  const temps = '(SELECT count(), countDistinct(temp), sum(temp) FROM weir.TABLE)';
  for (const [table, count] of [
    ['sensors', 41],
    ['others', 40],
  ] as const) {
    await eventually(async () => {
      const [row] = await tables.select(`SELECT * FROM ${temps.replace('TABLE', table)}`);
      expect(Object.values(row!).map(Number)).toEqual([count, count, 820]);
    });
  }
});
