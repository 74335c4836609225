import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { loadConfig } from '../../engine/commands/load.ts';
import { writeRedrive } from '../../engine/journal/redrive.ts';
import { fingerprint } from '../../engine/runtime/redrive-feed.ts';
import { startTestClickHouse } from './servers/clickhouse.ts';
import { type Engine, spawnWeir } from './servers/engine.ts';
import { listen } from './servers/events.ts';
import { createCleanup, createPlant, eventually, openTables, type Plant, type Tables } from './servers/plant.ts';

vi.setConfig({ testTimeout: 90_000, hookTimeout: 150_000 });

const PASSWORD = { WEIR_TEST_PASSWORD: 'none-asked-for' };
const sensors = (more: object) => ({
  sensors: {
    topic: 'plant/{site}/{device}/data',
    format: 'json',
    time: { path: 'ts', unit: 'ms' },
    fields: { temp: 'number' },
    ...more,
  },
});
const hot = {
  name: 'hot',
  stream: 'sensors',
  conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: 20 }] },
  event: { type: 'hot', params: { message: '{{device}}' } },
};

const cleanup = createCleanup();
let plant: Plant;
let tables: Tables;
let url: string;
let engine: Engine;

beforeAll(async () => {
  const server = await startTestClickHouse();
  cleanup.add(() => server.stop());
  ({ url } = server);
  tables = openTables(url, cleanup);
  plant = await createPlant({ clickhouseUrl: url, database: 'weir', streams: sensors({}), rules: [hot] }, cleanup);
});
afterAll(() => cleanup.run());

async function deadletters(...args: string[]) {
  const run = spawnWeir(['deadletters', ...args, '--config', plant.configFile], PASSWORD);
  const { code } = await run.exited;
  return { code, stdout: run.stdout(), stderr: run.stderr() };
}

interface Listed {
  readonly letters: readonly { id: string; topic: string; faults: { reason: string; retried: string | null }[] }[];
  readonly total: number;
  readonly reasons: Record<string, number>;
}

async function listed(...args: string[]): Promise<Listed> {
  const { code, stdout, stderr } = await deadletters('list', '--json', ...args);
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

const ts = Date.now() - 60_000;
const letterOf = async (device: string) => (await listed('--topic', `plant/+/${device}/#`, '--all')).letters[0]!.id;
const rows = (device: string) =>
  tables.select(
    `SELECT temp, late, toString(toUnixTimestamp64Milli(time)) AS ts FROM weir.sensors FINAL WHERE device = '${device}'`,
  );
const left = () => readdirSync(join(plant.dir, 'data', 'redrive'));

/** Makes dead letters of some devices' messages, with a config that does not accept texts as numbers. */
async function send(payloads: Readonly<Record<string, string>>): Promise<void> {
  const client = await plant.client();
  for (const [device, payload] of Object.entries(payloads)) {
    await client.publishAsync(`plant/north/${device}/data`, payload, { qos: 1 });
  }
  await eventually(async () => {
    const letters = await tables.count(
      `(SELECT uniqExact(topic) FROM weir.dead_letters WHERE topic IN (${Object.keys(payloads).map((device) => `'plant/north/${device}/data'`)}))`,
    );
    expect(letters).toBe(Object.keys(payloads).length);
  });
}

test('a message is retried after the correction while the engine runs, and becomes one row and no alert', async () => {
  expect(await deadletters('list')).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('no engine has written'),
  });
  engine = await plant.start();
  await send({ d1: `{"ts":${ts},"temp":"21.5"}`, d2: `{"ts":${ts},"temp"`, d3: 'weird \u001b[31m' });
  expect((await listed()).reasons).toEqual({ malformed: 2, 'wrong-type': 1 });
  expect((await deadletters('retry', '--everything', '--dry-run')).stdout).toContain(
    'would redrive: nothing; 1 still wrong-type, 2 still malformed',
  );
  await engine.stop();
  await plant.writeConfig({ streams: sensors({ coerce: true }) });
  engine = await plant.start();

  const list = await deadletters('list');
  expect(list.stdout).toMatch(/^id +time +stream +topic +reason +detail\n/);
  expect(list.stdout).toMatch(/\n3 letters to retry: malformed 2, wrong-type 1\n$/);
  const id = await letterOf('d1');
  const shown = await deadletters('show', id);
  expect(shown.stdout).toContain(`{"ts":${ts},"temp":"21.5"}`);
  expect(shown.stdout).toContain('now       can be redriven: 1 reading\n');
  expect((await deadletters('show', await letterOf('d3'))).stdout).toContain('weird \\u001b[31m');

  const dry = await deadletters('retry', id, '--dry-run');
  expect(dry).toMatchObject({ code: 0, stdout: 'would redrive: 1 letter with 1 reading\n' });
  expect(existsSync(join(plant.dir, 'data', 'redrive'))).toBe(false);
  const events = await listen(await plant.natsClient());
  const retried = await deadletters('retry', '--since', '1h');
  expect(retried).toMatchObject({ code: 0, stderr: '' });
  expect(retried.stdout).toContain('redriven: 1 letter with 1 reading; 2 still malformed\n');
  await eventually(async () => expect(await rows('d1')).toEqual([{ temp: 21.5, late: true, ts: String(ts) }]));
  await eventually(() => expect(left()).toEqual([]));
  expect((await engine.metrics()).weir_messages_redriven_total).toBe(1);

  expect((await listed()).letters.map(({ topic }) => topic).sort()).toEqual([
    'plant/north/d2/data',
    'plant/north/d3/data',
  ]);
  const all = await listed('--all');
  expect(all.letters.find((letter) => letter.id === id)?.faults[0]?.retried).toMatch(/^20.*Z$/);
  expect(all.total).toBe(3);
  // A current reading takes the same way, so after it the redriven one has been processed.
  const client = await plant.client();
  await client.publishAsync('plant/north/d9/data', `{"ts":${Date.now()},"temp":30}`, { qos: 1 });
  await eventually(() => expect(events.map(({ subject }) => subject)).toContain('weir.alerts.warning.hot.d9'));
  expect(events.filter(({ body }) => body.subject === 'd1')).toEqual([]);
  expect(await tables.count(`(SELECT count() FROM weir.devices WHERE device = 'd1')`)).toBe(0);
});

test('a dead letter that is retried twice is one row, also after merging', async () => {
  const id = await letterOf('d1');
  expect((await deadletters('retry', id)).stdout).toContain('redriven: 1 letter');
  await eventually(async () => expect((await engine.metrics()).weir_messages_redriven_total).toBe(2));
  await eventually(async () =>
    expect(await tables.count(`(SELECT count() FROM weir.sensors WHERE device = 'd1')`)).toBe(2),
  );
  for (const table of ['sensors', 'dead_letters']) {
    await fetch(url, { method: 'POST', body: `OPTIMIZE TABLE weir.${table} FINAL` });
  }
  expect(await tables.count(`(SELECT count() FROM weir.sensors WHERE device = 'd1')`)).toBe(1);
  expect(await tables.count(`(SELECT countIf(retried IS NOT NULL) FROM weir.dead_letters)`)).toBe(1);
  expect((await listed('--all', '--topic', 'plant/north/d1/data')).letters).toHaveLength(1);
});

test('a retry while the engine is stopped is processed when it starts', async () => {
  await engine.stop();
  await plant.writeConfig({});
  engine = await plant.start();
  await send({ d4: `{"ts":${ts},"temp":"4"}`, d5: `{"ts":${ts},"temp":"5"}` });
  await engine.kill();
  await plant.writeConfig({ streams: sensors({ coerce: true }) });
  expect((await deadletters('retry', '--reason', 'wrong-type', '--topic', 'plant/+/d4/data')).code).toBe(0);
  expect(left()).toHaveLength(1);
  engine = await plant.start();
  await eventually(async () => expect(await rows('d4')).toMatchObject([{ temp: 4, late: true }]));
  await eventually(() => expect(left()).toEqual([]));
});

test('an engine with the old config does not process retries until it is restarted', async () => {
  await engine.stop();
  await plant.writeConfig({});
  engine = await plant.start();
  await plant.writeConfig({ streams: sensors({ coerce: true }) });
  expect((await deadletters('retry', '--topic', 'plant/north/d5/data')).code).toBe(0);
  await eventually(() =>
    expect(engine.log().map(({ msg }) => msg)).toContainEqual(expect.stringContaining('restart it')),
  );
  expect(left()).toHaveLength(1);
  await engine.stop();
  engine = await plant.start();
  await eventually(async () => expect(await rows('d5')).toMatchObject([{ temp: 5, late: true }]));
});

test('a message older than `retain` is not retried, and the engine refuses it', async () => {
  const DAY = 86_400_000;
  const streams = sensors({ coerce: true, retain: '30d' });
  const agedDays: Readonly<Record<string, number>> = { old: 31, young: 29 };
  const days = (of: string) => Date.now() - agedDays[of]! * DAY;
  const topic = (of: string) => `plant/north/${of}/data`;
  const values = Object.keys(agedDays).map((of) => {
    const time = `fromUnixTimestamp64Milli(${days(of)})`;
    const payload = `{"ts":${days(of)},"temp":"31"}`;
    return `(${time}, ${time}, 'sensors', '${topic(of)}', 'wrong-type', 'as it was', '${payload}', 1, 0)`;
  });
  const columns = 'time, received, stream, topic, reason, detail, payload, offset, id';
  const body = `INSERT INTO weir.dead_letters (${columns}) VALUES ${values.join(', ')}`;
  expect((await fetch(url, { method: 'POST', body })).status).toBe(200);
  await engine.stop();
  await plant.writeConfig({ streams });
  engine = await plant.start();

  for (const how of [['--dry-run'], []]) {
    const { stdout } = await deadletters('retry', '--since', '40d', '--reason', 'wrong-type', ...how);
    expect(stdout).toMatch(/redrive(n|): 1 letter with 1 reading; 1 still expired\n/);
  }
  await eventually(async () => expect(await rows('young')).toMatchObject([{ temp: 31, late: true }]));
  // A message that was checked in time, but arrives too late.
  const { config } = loadConfig(plant.configFile);
  const message = {
    kind: 'message',
    at: days('old'),
    connection: 0,
    qos: 1,
    retain: false,
    dup: false,
    packetId: 0,
  } as const;
  const messages = [{ ...message, topic: topic('old'), payload: Buffer.from(`{"ts":${days('old')},"temp":"31"}`) }];
  const brokers = config.mqtt.map(({ name }) => name);
  await writeRedrive(config.data, { at: Date.now(), config: fingerprint(config), brokers, messages }, 0);
  await eventually(async () => {
    const letters = `(SELECT count() FROM weir.dead_letters WHERE topic = '${topic('old')}' AND reason = 'expired')`;
    expect(await tables.count(letters)).toBe(1);
  });
  await fetch(url, { method: 'POST', body: 'OPTIMIZE TABLE weir.sensors FINAL' });
  expect(await rows('old')).toEqual([]);
  expect(await rows('young')).toHaveLength(1);
});

test('reports why it cannot work: another data folder, a refused login, an unknown dead letter', async () => {
  await plant.writeConfig({ data: './elsewhere' });
  expect(await deadletters('retry', '--everything')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Run this where the engine runs'),
  });
  expect(await deadletters('show', '999999')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('there is no letter 999999'),
  });
  const login = { username: 'nobody', password: { env: 'WEIR_TEST_PASSWORD' } };
  await plant.writeConfig({ clickhouse: { url, database: 'weir', ...login } });
  expect(await deadletters('list')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Authentication failed'),
  });
  await plant.writeConfig({ clickhouse: { url: 'http://127.0.0.1:9', database: 'weir' } });
  expect(await deadletters('list')).toMatchObject({ code: 1, stderr: expect.stringContaining('ECONNREFUSED') });
});
