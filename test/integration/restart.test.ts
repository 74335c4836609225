// Longer than most: the tests share the setup of a plant.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { read as readCheckpoint } from '../journal/checkpoint/sections.ts';
import { startTestClickHouse } from './servers/clickhouse.ts';
import { spawnWeir } from './servers/engine.ts';
import { type Received, readBucket, readStream } from './servers/events.ts';
import {
  type Cleanup,
  createCleanup,
  createPlant,
  DEADLINE_MS,
  eventually,
  type Json,
  openTables,
  type Plant,
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
  for: '10s',
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

function untilTestEnds(): Cleanup {
  const cleanup = createCleanup();
  onTestFinished(() => cleanup.run());
  return cleanup;
}

/** A plant with its own database, which is removed at the end of the test. */
async function newPlant(
  rules: readonly Json[],
  config: Readonly<Record<string, Json>> = {},
  cleanup: Cleanup = untilTestEnds(),
): Promise<Plant> {
  return createPlant({ clickhouseUrl, database: `restart_${plants++}`, streams, rules, config }, cleanup);
}

const alertStates = async ({ database }: Plant) =>
  (await tables.select(`SELECT rule, key, state FROM ${database}.alerts FINAL ORDER BY rule, key, time, offset`)).map(
    ({ rule, key, state }) => `${rule} ${key} ${state}`,
  );

describe('a stop', () => {
  test('is clean and complete, and the next start continues from there', async () => {
    const plant = await newPlant([hot]);
    const { database } = plant;
    const first = await plant.start();
    const devices = await plant.client();
    let sent = 0;
    const say = (ms: number, temp: number) =>
      devices.publishAsync('plant/press-1/data', JSON.stringify({ ts: BASE + ms, temp, n: sent++ }), { qos: 1 });
    for (const ms of [1_000, 6_000]) await say(ms, 60);
    // This reading closes the first window. It is in the second one, which the next run must restore.
    await say(11_000, 70);
    await eventually(async () => expect(await alertStates(plant)).toEqual(['hot press-1 pending']));
    expect(await first.stop()).toEqual({ code: 0, signal: null });
    expect(first.log().at(-1)).toMatchObject({ msg: 'stopped', drained: true });
    expect(first.stderr()).toBe('');
    expect(await tables.count(`(SELECT count() FROM ${database}.sensors)`)).toBe(3);
    expect((await readCheckpoint(join(plant.dir, 'data'))).checkpoint).toBeDefined();
    expect(await readdir(join(plant.dir, 'data'))).not.toContain('lock');

    // The broker queues messages meanwhile.
    await say(12_000, 90);
    const second = await plant.start();
    await eventually(() => {
      const folded = second.log().find(({ msg }) => msg === 'recovery complete: journal folded');
      expect(folded?.from).toBeGreaterThan(0);
      // The checkpoint had everything.
      expect(folded?.records).toBe(0);
    });
    for (const ms of [21_000, 31_000]) await say(ms, 80);
    await say(41_000, 20);
    await say(51_000, 20);
    const nats = await plant.natsClient();
    await eventually(async () => {
      expect(await alertStates(plant)).toEqual(
        ['pending', 'firing', 'resolved'].map((state) => `hot press-1 ${state}`),
      );
      expect(await readStream(nats, 'WEIR_ALERTS')).toHaveLength(2);
    });
    const published = await readStream(nats, 'WEIR_ALERTS');
    expect(published.map(({ body }) => [body.data.state, body.data.since, body.data.at, body.data.facts])).toEqual([
      // The window that was open at the stop has the readings of both runs.
      ['firing', at(10_000), at(20_000), { device: 'press-1', meanTemp: 80, count: 2 }],
      ['resolved', at(10_000), at(50_000), { device: 'press-1', meanTemp: 20, count: 1 }],
    ]);
    await eventually(async () => expect(await tables.count(`(SELECT count() FROM ${database}.sensors)`)).toBe(sent));
    expect(await readBucket(nats, 'weir_alerts_open')).toEqual({});
    expect((await second.stop()).code).toBe(0);
  });
});

const at = (ms: number) => new Date(BASE + ms).toISOString();

const READINGS = 5_000;
const DEVICES = 25;
/** Every device is cool for four readings, then hot for four. */
const RUN = 4;
const ROUNDS = READINGS / DEVICES;

describe('a kill in the middle of a stream', () => {
  let plant: Plant;
  let published: Received[];
  const cleanup = createCleanup();
  beforeAll(async () => {
    plant = await newPlant([limit, hot], {}, cleanup);
    await publishAndKill(plant);
    published = await readStream(await plant.natsClient(), 'WEIR_ALERTS');
  });
  afterAll(() => cleanup.run());

  test('loses and duplicates no reading', async () => {
    const rows = await tables.select(`SELECT n FROM ${plant.database}.sensors FINAL ORDER BY n`);
    expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: READINGS }, (_, n) => n));
  });

  test('stores no event twice in the stream', () => {
    expect(published.length).toBeGreaterThan(0);
    expect(new Set(published.map(({ id }) => id)).size).toBe(published.length);
  });

  test('publishes every change of an alert once, and in order', () => {
    for (let d = 0; d < DEVICES; d++) {
      const key = `press-${d}`;
      const changes = published
        .filter(({ body }) => body.data.rule === 'limit' && body.subject === key)
        .map(({ body }) => `${body.data.state} ${Date.parse(body.time) - BASE}`);
      expect(changes).toEqual(CHANGES);
    }
  });
});

/** The expected changes of the rule `limit` for each device. */
const CHANGES = Array.from(
  { length: ROUNDS / RUN - 1 },
  (_, i) => `${i % 2 === 0 ? 'firing' : 'resolved'} ${(i + 1) * RUN * 1_000}`,
);

/** Kills the engine twice while readings arrive, and waits until everything has arrived. */
async function publishAndKill(plant: Plant): Promise<void> {
  const { database } = plant;
  const devices = await plant.client();
  let engine = await plant.start();
  await eventually(async () => expect((await engine.readiness()).ready).toBe(true));
  const stored = () => tables.count(`(SELECT uniqExact(n) FROM ${database}.sensors)`);
  const say = (n: number) => {
    const round = Math.floor(n / DEVICES);
    const reading = { ts: BASE + round * 1_000, temp: Math.floor(round / RUN) % 2 === 1 ? 90 : 20, n };
    return devices.publishAsync(`plant/press-${n % DEVICES}/data`, JSON.stringify(reading), { qos: 1 });
  };
  for (const from of [0, READINGS / 2]) {
    const acknowledged = Array.from({ length: READINGS / 2 }, (_, i) => say(from + i));
    await vi.waitFor(async () => expect(await stored()).toBeGreaterThan(from), { timeout: DEADLINE_MS, interval: 1 });
    expect(await engine.kill()).toEqual({ code: null, signal: 'SIGKILL' });
    engine = await plant.start();
    await Promise.all(acknowledged);
  }
  await eventually(async () => {
    expect(await stored()).toBe(READINGS);
    const metrics = await engine.metrics();
    expect([metrics.weir_clickhouse_pending_bytes, metrics.weir_nats_pending_bytes]).toEqual([0, 0]);
  });
  expect((await engine.stop()).code).toBe(0);
}

describe('errors', () => {
  test('in config and rules are reported with their positions, all at once, before anything is changed', async () => {
    const plant = await newPlant([
      limit,
      { ...hot, conditions: { all: [{ fact: 'maenTemp', operator: 'greaterThan', value: 50 }] } },
      { ...hot, name: 'cold', stream: 'sensor' },
    ]);
    const rules = plant.spawn();
    expect(await rules.exited).toEqual({ code: 2, signal: null });
    expect(rules.stdout()).toBe('');
    expect(rules.stderr()).toMatch(/rules\/hot\.rule\.json:\d+:\d+: error: .*maenTemp.*\n +.*meanTemp/);
    expect(rules.stderr()).toMatch(/rules\/cold\.rule\.json:\d+:\d+: error: .*"sensor".*\n +.*"sensors"/);
    expect(rules.stderr()).not.toContain('limit.rule.json');

    await plant.writeConfig({ clickhouse: { url: 'localhost:8123', batch: { rows: 0 } }, maxAhaed: '5m' });
    const config = plant.spawn();
    expect(await config.exited).toEqual({ code: 2, signal: null });
    for (const found of [
      /weir\.json:\d+:\d+: error: .*clickhouse\.url/,
      /weir\.json:\d+:\d+: error: .*rows/,
      /maxAhaed/,
    ])
      expect(config.stderr()).toMatch(found);
    for (const { stderr } of [rules, config]) expect(stderr()).not.toMatch(/^\s+at /m);
    expect(await readdir(plant.dir)).not.toContain('data');
  });

  test('a missing secret and a missing file are reported', async () => {
    const plant = await newPlant([limit], {
      clickhouse: { username: 'weir', password: { env: 'WEIR_TEST_PASSWORD' } },
    });
    const engine = plant.spawn();
    expect(await engine.exited).toEqual({ code: 2, signal: null });
    expect(engine.stderr()).toContain('WEIR_TEST_PASSWORD');
    expect(engine.stderr()).not.toMatch(/^\s+at /m);
    const nowhere = spawnWeir(['run', '--config', join(plant.dir, 'nowhere.json')]);
    onTestFinished(async () => void (await nowhere.kill()));
    expect(await nowhere.exited).toEqual({ code: 2, signal: null });
    expect(nowhere.stderr()).toContain('nowhere.json: error: ');
    expect(nowhere.stderr()).not.toMatch(/^\s+at /m);
  });

  test('a data folder that another engine uses is not changed', async () => {
    const plant = await newPlant([limit]);
    const first = await plant.start();
    const second = plant.spawn();
    expect(await second.exited).toEqual({ code: 1, signal: null });
    const said = second.stdout() + second.stderr();
    expect(said).toContain(`in use by process ${first.pid}`);
    expect(said).not.toMatch(/\\n\s+at |^\s+at /m);
    await eventually(async () => expect((await first.readiness()).ready).toBe(true));
    // The lock of a killed engine is ignored.
    await first.kill();
    const third = await plant.start();
    expect((await third.stop()).code).toBe(0);
  });

  test('a port in use is reported', async () => {
    const plant = await newPlant([limit]);
    const first = await plant.start();
    const port = Number(new URL(first.url()).port);
    await plant.writeConfig({ data: './other', http: { port } });
    const second = plant.spawn();
    expect(await second.exited).toEqual({ code: 1, signal: null });
    expect(second.log().at(-1)?.reason).toMatch(new RegExp(`EADDRINUSE.*${port}`));
    expect(second.stdout() + second.stderr()).not.toMatch(/\\n\s+at |^\s+at /m);
    expect(await readdir(join(plant.dir, 'other'))).not.toContain('lock');
  });
});
