import { encode } from '@msgpack/msgpack';
import { encode as encodeCbor } from 'cborg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestClickHouse } from './servers/clickhouse.ts';
import { createCleanup, createPlant, eventually, openTables, type Plant, type Tables } from './servers/plant.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 });

/** All formats of readings in one config. */
const streams = {
  meters: {
    topic: 'house/{floor}/{device}/{field}',
    format: 'plain',
    fields: { watts: 'number', on: 'boolean', mode: 'string' },
  },
  gateways: {
    topic: 'gateway/{gateway}/up',
    format: 'json',
    each: 'readings',
    device: 'id',
    time: { path: 'at', unit: 's' },
    labels: { room: 'where.room', firmware: '$.fw' },
    fields: { temp: { type: 'number', path: 'v.0' }, humidity: { type: 'number', path: 'v.1' } },
    undeclared: 'ignore',
  },
  pumps: {
    topic: 'pumps/{device}',
    format: 'msgpack',
    time: { path: 't', unit: 'us' },
    fields: { bar: 'number', running: 'boolean' },
  },
  tanks: {
    topic: 'tanks/{device}/+/level',
    format: 'cbor',
    time: { path: 't', unit: 'ns' },
    fields: { level: 'number' },
  },
  weather: {
    topic: 'weather/#',
    format: 'json',
    device: 'station',
    time: { path: 'time', unit: 'iso8601' },
    coerce: true,
    fields: { wind: 'number', rain: 'boolean' },
  },
  lines: {
    topic: 'lines/{device}',
    format: 'ndjson',
    time: { path: 'ts', unit: 'ms' },
    fields: { n: 'number' },
    undeclared: 'reject',
  },
};

const MESSAGES: readonly (readonly [topic: string, payload: string | Uint8Array])[] = [
  ['house/ground/meter-1/watts', ' 230.5\n'],
  ['house/ground/meter-1/on', 'true'],
  ['house/ground/meter-1/mode', 'eco'],
  [
    'gateway/gw-1/up',
    JSON.stringify({
      fw: '2.0',
      readings: [
        { id: 'node-1', at: 1_769_860_800.5, where: { room: 'attic' }, v: [20.5, 40], rssi: -70 },
        { id: 'node-2', at: 1_769_860_801, where: { room: 'attic' }, v: ['warm', 41] },
        { id: 'node-3', at: 1_769_860_802, where: { room: 'cellar' }, v: [12.25] },
      ],
    }),
  ],
  ['pumps/pump-1', encode({ t: 1_769_860_800_000_123, bar: 3.5, running: true, serial: 7 })],
  ['tanks/tank-1/north/level', encodeCbor({ t: 1_769_860_800_000_456_789n, level: 0.5 })],
  ['weather/alps/3', '{"station":"alps-3","time":"2026-01-31T13:00:00.5+01:00","wind":"12.5","rain":"no"}'],
  ['weather/alps/3', '{"station":"alps-3","time":"2026-01-31T13:00:00","wind":1}'],
  ['lines/line-1', '{"ts":1769860800000,"n":1}\n\n{"ts":1769860800001,"n":2,"x":0}\n{"ts":1769860800002,"n":3}'],
];

/** The expected rows. */
const READINGS = 10;
const DEAD = 3;
const DEVICES = 7;

const cleanup = createCleanup();
let plant: Plant;
let tables: Tables;
beforeAll(async () => {
  const clickhouse = await startTestClickHouse();
  cleanup.add(() => clickhouse.stop());
  tables = openTables(clickhouse.url, cleanup);
  plant = await createPlant({ clickhouseUrl: clickhouse.url, database: 'weir', streams, rules: [] }, cleanup);
  const engine = await plant.start();
  const devices = await plant.client();
  await eventually(async () => expect((await engine.readiness()).ready).toBe(true));
  for (const [topic, payload] of MESSAGES) await devices.publishAsync(topic, Buffer.from(payload), { qos: 1 });
  await eventually(async () => {
    const metrics = await engine.metrics();
    expect(metrics.weir_messages_journaled_total).toBe(MESSAGES.length);
    expect(metrics.weir_rows_inserted_total).toBe(READINGS + DEAD + DEVICES);
    expect(metrics.weir_clickhouse_pending_bytes).toBe(0);
  });
});
afterAll(() => cleanup.run());

/** The rows without values that only the engine knows, in the order of arrival. */
const rows = (stream: string) =>
  tables.select(
    `SELECT * EXCEPT (received, offset, id, late, clamped) FROM weir.${stream} FINAL ORDER BY offset, time`,
  );
const NOON = '2026-01-31 12:00:00';

test('a plain value per topic, with the field in the topic and the receive time as timestamp', async () => {
  const found = await rows('meters');
  const own = { device: 'meter-1', floor: 'ground', watts: null, on: null, mode: null, extra: {} };
  expect(found.map(({ time: _time, ...row }) => row)).toEqual([
    { ...own, watts: 230.5 },
    { ...own, on: true },
    { ...own, mode: 'eco' },
  ]);
  expect(await tables.count('(SELECT count() FROM weir.meters WHERE time = received)')).toBe(3);
});

test('an array of readings with devices and labels in the payload; an invalid one does not affect the others', async () => {
  const own = { gateway: 'gw-1', firmware: '2.0', extra: {} };
  expect(await rows('gateways')).toEqual([
    { ...own, time: `${NOON}.500000`, device: 'node-1', room: 'attic', temp: 20.5, humidity: 40 },
    { ...own, time: '2026-01-31 12:00:02.000000', device: 'node-3', room: 'cellar', temp: 12.25, humidity: null },
  ]);
});

test('MessagePack with microseconds, and CBOR with nanoseconds', async () => {
  expect(await rows('pumps')).toEqual([
    { time: `${NOON}.000123`, device: 'pump-1', bar: 3.5, running: true, extra: { serial: '7' } },
  ]);
  expect(await rows('tanks')).toEqual([{ time: `${NOON}.000456`, device: 'tank-1', level: 0.5, extra: {} }]);
});

test('ISO 8601 with an offset, and texts that are read as numbers and booleans', async () => {
  expect(await rows('weather')).toEqual([
    { time: `${NOON}.500000`, device: 'alps-3', wind: 12.5, rain: false, extra: {} },
  ]);
});

test('lines of JSON', async () => {
  expect(await rows('lines')).toEqual([
    { time: `${NOON}.000000`, device: 'line-1', n: 1, extra: {} },
    { time: `${NOON}.002000`, device: 'line-1', n: 3, extra: {} },
  ]);
});

test('invalid messages are dead letters by stream and reason', async () => {
  const letters = await tables.select(
    'SELECT stream, reason, topic, detail FROM weir.dead_letters FINAL ORDER BY offset',
  );
  expect(letters).toEqual([
    {
      stream: 'gateways',
      reason: 'wrong-type',
      topic: 'gateway/gw-1/up',
      detail: expect.stringMatching(/^reading 1 .*"warm"/),
    },
    {
      stream: 'weather',
      reason: 'invalid-time',
      topic: 'weather/alps/3',
      detail: expect.stringMatching(/no time zone/),
    },
    {
      stream: 'lines',
      reason: 'undeclared-field',
      topic: 'lines/line-1',
      detail: expect.stringMatching(/^reading 1 .*"x"/),
    },
  ]);
});
