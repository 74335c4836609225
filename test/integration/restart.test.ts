import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { startTestClickHouse } from './servers/clickhouse.ts';
import {
  type Cleanup,
  createCleanup,
  createPlant,
  eventually,
  type Json,
  openTables,
  type Plant,
  readBucket,
  readStream,
  type Tables,
} from './servers/plant.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 90_000 });

const BASE = Math.floor(Date.now() / 60_000) * 60_000 - 3_600_000;
const streams = {
  sensors: {
    topic: 'plant/{device}/data',
    format: 'json',
    time: { path: 'ts', unit: 'ms' },
    fields: { temp: 'number', n: 'number' },
  },
};
const hot = {
  name: 'hot',
  stream: 'sensors',
  window: { tumbling: '10s' },
  facts: { meanTemp: { mean: 'temp' }, count: { count: true } },
  conditions: { all: [{ fact: 'meanTemp', operator: 'greaterThan', value: 50 }] },
  for: '20s',
  event: { type: 'hot', params: { severity: 'critical', message: '{{device}}: {{meanTemp}} °C of {{count}}' } },
};
const limit = {
  name: 'limit',
  stream: 'sensors',
  conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: 80 }] },
  event: { type: 'limit', params: { message: '{{device}}: {{temp}} °C' } },
};

const files = createCleanup();
let clickhouseUrl: string;
let tables: Tables;
let plants = 0;
beforeAll(async () => {
  const clickhouse = await startTestClickHouse();
  files.add(() => clickhouse.stop());
  clickhouseUrl = clickhouse.url;
  tables = openTables(clickhouseUrl, files);
});
afterAll(() => files.run());

/** A plant with a database of its own, gone when the test is over. */
async function newPlant(rules: readonly Json[], config: Readonly<Record<string, Json>> = {}): Promise<Plant> {
  const cleanup: Cleanup = createCleanup();
  onTestFinished(() => cleanup.run());
  return createPlant({ clickhouseUrl, database: `restart_${plants++}`, streams, rules, config }, cleanup);
}

const alertStates = async ({ database }: Plant) =>
  (await tables.select(`SELECT rule, key, state FROM ${database}.alerts FINAL ORDER BY rule, key, time, offset`)).map(
    ({ rule, key, state }) => `${rule} ${key} ${state}`,
  );

describe('a stop', () => {
  test('is clean and complete, and the next start takes up where it was', async () => {
    const plant = await newPlant([hot]);
    const { database } = plant;
    const first = await plant.start();
    const devices = await plant.client();
    let sent = 0;
    const say = (ms: number, temp: number) =>
      devices.publishAsync('plant/press-1/data', JSON.stringify({ ts: BASE + ms, temp, n: sent++ }), { qos: 1 });
    for (const ms of [1_000, 6_000]) await say(ms, 60);
    // Closes the first window; stands in the second, which the next run must know of.
    await say(11_000, 70);
    await eventually(async () => expect(await alertStates(plant)).toEqual(['hot press-1 pending']));
    expect(await first.stop()).toEqual({ code: 0, signal: null });
    expect(first.log().at(-1)).toMatchObject({ msg: 'stopped', drained: true });
    expect(first.stderr()).toBe('');
    expect(await tables.count(`(SELECT count() FROM ${database}.sensors)`)).toBe(3);
    expect(await readdir(join(plant.dir, 'data'))).toContain('checkpoint.json');
    expect(await readdir(join(plant.dir, 'data'))).not.toContain('lock');

    // The broker keeps what comes meanwhile.
    await say(12_000, 90);
    const second = await plant.start();
    const folded = second.log().find(({ msg }) => msg === 'journal folded');
    expect(folded?.from).toBeGreaterThan(0);
    // Nothing but what a stop itself leaves behind.
    expect(folded?.records).toBeLessThanOrEqual(1);
    for (const ms of [21_000, 31_000]) await say(ms, 80);
    await say(41_000, 20);
    await say(51_000, 20);
    const nats = await plant.natsClient();
    await eventually(async () => {
      expect(await alertStates(plant)).toEqual(['pending', 'firing', 'resolved'].map((state) => `hot press-1 ${state}`));
      expect(await readStream(nats, 'WEIR_ALERTS')).toHaveLength(2);
    });
    const told = await readStream(nats, 'WEIR_ALERTS');
    expect(told.map(({ body }) => [body.data.state, body.data.since, body.data.at, body.data.facts])).toEqual([
      ['firing', at(10_000), at(30_000), { device: 'press-1', meanTemp: 80, count: 1 }],
      ['resolved', at(10_000), at(50_000), { device: 'press-1', meanTemp: 20, count: 1 }],
    ]);
    // The window that was open at the stop has the readings of both runs.
    const [pending] = await tables.select(`SELECT facts FROM ${database}.alerts FINAL WHERE state = 'pending'`);
    expect(pending?.facts).toMatchObject({ meanTemp: '60', count: '2' });
    await eventually(async () => expect(await tables.count(`(SELECT count() FROM ${database}.sensors)`)).toBe(sent));
    expect(await readBucket(nats, 'weir_alerts_open')).toEqual({});
    expect((await second.stop()).code).toBe(0);
  });
});

const at = (ms: number) => new Date(BASE + ms).toISOString();

const READINGS = 5_000;
const DEVICES = 25;

test('a kill in the middle of a stream loses nothing and doubles nothing', async () => {
  const plant = await newPlant([limit, hot]);
  const { database } = plant;
  const devices = await plant.client();
  let engine = await plant.start();
  await eventually(async () => expect((await engine.readiness()).ready).toBe(true));
  // Every device is hot for four readings and cool for four.
  const tempOf = (n: number) => (Math.floor(n / DEVICES / 4) % 2 === 1 ? 90 : 20);
  const acknowledged = Array.from({ length: READINGS }, (_, n) =>
    devices.publishAsync(
      `plant/press-${n % DEVICES}/data`,
      JSON.stringify({ ts: BASE + Math.floor(n / DEVICES) * 1_000, temp: tempOf(n), n }),
      { qos: 1 },
    ),
  );
  let seen = 0;
  for (const atLeast of [READINGS / 4, READINGS / 2]) {
    await vi.waitFor(
      async () => {
        seen = (await engine.metrics()).weir_messages_journaled_total ?? 0;
        expect(seen).toBeGreaterThan(0);
        expect(await tables.count(`(SELECT count() FROM ${database}.sensors)`)).toBeGreaterThan(atLeast / 4);
      },
      { timeout: 30_000, interval: 1 },
    );
    expect(await engine.kill()).toEqual({ code: null, signal: 'SIGKILL' });
    engine = await plant.start();
  }
  await Promise.all(acknowledged);
  await eventually(async () => {
    expect(await tables.count(`(SELECT uniqExact(n) FROM ${database}.sensors)`)).toBe(READINGS);
    expect((await engine.metrics()).weir_nats_pending_bytes).toBe(0);
  });
  const rows = await tables.select(`SELECT n FROM ${database}.sensors FINAL ORDER BY n`);
  expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: READINGS }, (_, n) => n));

  const nats = await plant.natsClient();
  const told = await readStream(nats, 'WEIR_ALERTS');
  console.log('seen', seen, 'raw rows', await tables.count(`(SELECT count() FROM ${database}.sensors)`), 'events', told.length);
  const got = Array.from({ length: DEVICES }, (_, d) =>
    told
      .filter(({ body }) => body.data.rule === 'limit' && body.subject === `press-${d}`)
      .map(({ body }) => `${body.data.state} ${Date.parse(body.time) - BASE}`),
  );
  const wanted = Array.from({ length: READINGS / DEVICES / 4 - 1 }, (_, i) => `${i % 2 === 0 ? 'firing' : 'resolved'} ${(i + 1) * 4_000}`);
  expect(got).toEqual(Array.from({ length: DEVICES }, () => wanted));
  expect(new Set(told.map(({ id }) => id)).size).toBe(told.length);
});
