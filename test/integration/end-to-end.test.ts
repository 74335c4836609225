// Longer than most: the cases share one run of the engine, which takes a while.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestClickHouse } from './servers/clickhouse.ts';
import type { Engine } from './servers/engine.ts';
import { listen, type Received, readBucket, readStream } from './servers/events.ts';
import {
  createCleanup,
  createPlant,
  eventually,
  type Json,
  openTables,
  type Plant,
  type Tables,
} from './servers/plant.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 150_000 });

/** The start of a minute, some minutes ago: the first timestamp of the devices in milliseconds. */
const BASE = Math.floor(Date.now() / 60_000) * 60_000 - 600_000;
/** The format of an instant in events: six digits if there are microseconds. */
const iso = (ms: number) => {
  const micros = Math.round((ms % 1) * 1_000);
  const text = new Date(BASE + Math.floor(ms)).toISOString();
  return micros === 0 ? text : text.replace('Z', `${String(micros).padStart(3, '0')}Z`);
};
/** The same instant as ClickHouse shows it. */
const sqlTime = (text: string) => text.slice(0, -1).replace('T', ' ').padEnd(26, '0');

const streams = {
  sensors: {
    topic: 'plant/{site}/{device}/data',
    format: 'json',
    time: { path: 'ts', unit: 'ms' },
    labels: { line: 'meta.line' },
    fields: { temp: { type: 'number', unit: '°C' }, humidity: 'number', door: 'boolean', mode: 'string' },
  },
  doors: {
    topic: 'doors/{device}/state',
    format: 'json',
    fields: { open: 'boolean' },
    status: { topic: 'doors/{device}/status' },
  },
};

const overheating = {
  name: 'overheating',
  stream: 'sensors',
  where: { all: [{ fact: 'line', operator: 'equal', value: 'a' }] },
  window: { tumbling: '10s', lateness: '5s' },
  facts: { meanTemp: { mean: 'temp' }, peak: { max: 'temp' }, n: { count: true } },
  conditions: {
    all: [
      { fact: 'meanTemp', operator: 'greaterThan', value: 45 },
      { fact: 'n', operator: 'greaterThanInclusive', value: 2 },
    ],
  },
  for: '20s',
  clear: { all: [{ fact: 'meanTemp', operator: 'lessThan', value: 40 }] },
  event: {
    type: 'too-hot',
    params: {
      severity: 'critical',
      message: '{{device}} averages {{meanTemp}} °C over {{n}} readings',
      manual: 'p. 12',
    },
  },
};
const limit = {
  name: 'temp-limit',
  stream: 'sensors',
  conditions: { all: [{ fact: 'temp', operator: 'greaterThan', value: 80 }] },
  clear: { all: [{ fact: 'temp', operator: 'lessThan', value: 70 }] },
  event: { type: 'limit', params: { message: '{{device}} of {{site}} reports {{temp}} °C' } },
};
const siteHot = {
  name: 'site-hot',
  stream: 'sensors',
  per: ['site'],
  where: { all: [{ fact: 'site', operator: 'equal', value: 'south' }] },
  window: { tumbling: '10s' },
  facts: { meanTemp: { mean: 'temp' } },
  conditions: { all: [{ fact: 'meanTemp', operator: 'greaterThan', value: 50 }] },
  event: { type: 'site-hot', params: { severity: 'warning', message: '{{site}}: {{meanTemp}} °C' } },
};
const doorSilent = {
  name: 'door-silent',
  stream: 'doors',
  silence: '3s',
  event: { type: 'silent', params: { severity: 'info', message: '{{device}} is gone: {{reason}}' } },
};

/** A view, and a rule over it. */
const pressMeans = {
  name: 'press-means',
  stream: 'sensors',
  where: {
    all: [
      { fact: 'line', operator: 'equal', value: 'a' },
      { fact: 'temp', operator: 'greaterThan', value: 35 },
    ],
  },
  window: { tumbling: '10s', lateness: '5s' },
  facts: { meanTemp: { mean: 'temp' }, mode: { last: 'mode' } },
};
const meanLimit = {
  name: 'mean-limit',
  stream: 'press-means',
  conditions: { all: [{ fact: 'meanTemp', operator: 'greaterThan', value: 60 }] },
  event: { type: 'mean-limit', params: { message: '{{device}} averaged {{meanTemp}} °C' } },
};

/** A message of a device of the stream `sensors`, with the expected row. */
interface Sent {
  readonly device: string;
  readonly site: string;
  readonly line: string;
  readonly ms: number;
  readonly fields: Json;
  readonly others?: Json;
  readonly extra?: Json;
  readonly late?: boolean;
  /** Whether it arrived after its windows had closed. */
  readonly missed?: boolean;
}

const press1 = (ms: number, temp: number, more: Partial<Sent> = {}): Sent => ({
  device: 'press-1',
  site: 'north',
  line: 'a',
  ms,
  fields: { temp },
  ...more,
});
const press2 = (ms: number, temp: number): Sent => ({ ...press1(ms, temp), device: 'press-2', line: 'b' });
const oven = (n: number, ms: number, temp: number): Sent => ({
  ...press1(ms, temp),
  device: `oven-${n}`,
  site: 'south',
  line: 'c',
});

/** The messages in the order of publication. */
const SENT: readonly Sent[] = [
  // The first window is normal. The second is too hot, and at the fourth this has lasted for 20 s.
  press1(1_000, 41, { fields: { temp: 41, humidity: 40.5, door: true, mode: 'auto' } }),
  press1(5_000, 43, { others: { fw: '1.2', net: { rssi: -60 } }, extra: { fw: '"1.2"', 'net.rssi': '-60' } }),
  press1(11_000, 50),
  press1(15_000, 52),
  press1(21_000, 55),
  press1(25_000, 57),
  press1(30_000, 60),
  press1(35_000.25, 61),
  press1(39_999, 62),
  // The fifth window is neither hot nor cool enough; the sixth resolves the alert.
  press1(41_000, 42),
  press1(45_000, 42),
  press1(51_000, 38),
  press1(55_000, 36),
  // A reading at the edge of the sixth window, and then an older one that is still in its window.
  press1(60_000, 35),
  press1(58_000, 34, { late: true }),
  press1(66_000, 33),
  press1(12_000, 99.5, { late: true, missed: true, fields: { humidity: 12 } }),
  press2(1_000, 79),
  press2(2_000, 85),
  press2(3_000, 75),
  press2(4_000, 69),
  press2(5_000, 95),
  oven(1, 2_000, 60),
  oven(2, 3_000, 64),
  oven(1, 12_000, 20),
  oven(2, 13_000, 22),
  oven(1, 24_000, 20),
  oven(2, 25_000, 22),
];

const topicOf = ({ site, device }: Sent) => `plant/${site}/${device}/data`;
const payloadOf = ({ ms, line, fields, others }: Sent) =>
  JSON.stringify({ ts: BASE + ms, meta: { line }, ...fields, ...others });

const DEAD: readonly { topic: string; payload: Buffer; stream: string; reason: string; detail: RegExp }[] = [
  {
    topic: 'plant/north/press-9/data',
    payload: Buffer.from('{"ts":'),
    stream: 'sensors',
    reason: 'malformed',
    detail: /JSON/,
  },
  {
    topic: 'plant/north/press-9/data',
    payload: Buffer.from(`{"ts":${BASE},"meta":{"line":"a"},"temp":"hot"}`),
    stream: 'sensors',
    reason: 'wrong-type',
    detail: /"hot".*temp|temp.*"hot"/,
  },
  {
    topic: 'plant/north/press-9/data',
    payload: Buffer.from([0x7b, 0xff, 0x7d]),
    stream: 'sensors',
    reason: 'invalid-utf8',
    detail: /UTF-8/,
  },
  { topic: 'plant/nowhere', payload: Buffer.from('?'), stream: '', reason: 'no-stream', detail: /plant\/nowhere/ },
];

const cleanup = createCleanup();
let plant: Plant;
let engine: Engine;
let tables: Tables;
let events: readonly Received[];
const startedAt = Date.now();

const isAlert = (rule: string, key: string, state: string) => (event: Received) =>
  event.body.type === `weir.alert.${state}` && event.body.data.rule === rule && event.body.data.key === key;
const count = (matches: (event: Received) => boolean) => events.filter(matches).length;
const final = (table: string, order: string) =>
  tables.select(`SELECT * FROM ${plant.database}.${table} FINAL ORDER BY ${order}`);

beforeAll(async () => {
  const clickhouse = await startTestClickHouse();
  cleanup.add(() => clickhouse.stop());
  tables = openTables(clickhouse.url, cleanup);
  plant = await createPlant(
    {
      clickhouseUrl: clickhouse.url,
      database: 'weir',
      streams,
      rules: [overheating, limit, siteHot, doorSilent, pressMeans, meanLimit],
      config: { mqtt: { subscribe: ['plant/#', 'doors/#'] } },
    },
    cleanup,
  );
  events = await listen(await plant.natsClient());
  engine = await plant.start();
  await eventually(async () => expect((await engine.readiness()).ready).toBe(true));
  await play();
});
afterAll(() => cleanup.run());

/** Publishes all messages, and waits for the last expected result. */
async function play(): Promise<void> {
  const devices = await plant.client();
  const say = (topic: string, payload: string | Buffer) => devices.publishAsync(topic, payload, { qos: 1 });
  const fragile = await plant.client({
    clientId: 'door-2',
    reconnectPeriod: 0,
    will: { topic: 'doors/door-2/status', payload: Buffer.from('offline'), qos: 1 },
  });
  for (const sent of SENT) await say(topicOf(sent), payloadOf(sent));
  await say('plant/north/press-3/data', `{"ts":${Date.now() + 3_600_000},"meta":{"line":"b"},"temp":20}`);
  for (const _twice of [1, 2]) await say('plant/north/press-3/data', `{"ts":${BASE},"meta":{"line":"b"},"temp":21}`);
  for (const { topic, payload } of DEAD) await say(topic, payload);

  await say('doors/door-1/state', '{"open":true}');
  await fragile.publishAsync('doors/door-2/state', '{"open":false}', { qos: 1 });
  fragile.stream.destroy();
  await eventually(() => expect(count(isAlert('door-silent', 'door-2', 'firing'))).toBe(1));
  await say('doors/door-2/status', 'online');
  await eventually(() => expect(count(isAlert('door-silent', 'door-1', 'firing'))).toBe(1));
  await say('doors/door-1/state', '{"open":false}');
  await eventually(() => {
    for (const door of ['door-1', 'door-2']) expect(count(isAlert('door-silent', door, 'firing'))).toBe(2);
    expect(count(isAlert('site-hot', 'south', 'resolved'))).toBe(1);
  });
  await eventually(async () => {
    const metrics = await engine.metrics();
    expect([metrics.weir_clickhouse_pending_bytes, metrics.weir_nats_pending_bytes]).toEqual([0, 0]);
    expect(await tables.count(`(SELECT count() FROM weir.alerts FINAL)`)).toBeGreaterThanOrEqual(16);
  });
}

/** A row of `weir.sensors` without values that only the engine knows. */
function rowOf({ device, site, line, ms, fields, extra = {}, late = false }: Sent): Json {
  return {
    time: sqlTime(iso(ms)),
    device,
    site,
    line,
    temp: null,
    humidity: null,
    door: null,
    mode: null,
    ...fields,
    extra,
    late,
    clamped: false,
  };
}

/** An expected change of an alert, in the table and, if it is published, as an event. */
interface Change {
  readonly rule: string;
  readonly key: string;
  readonly from: string;
  readonly to: string;
  readonly at: number;
  readonly since: number;
  readonly facts: Json;
  readonly conditions: readonly Json[];
  readonly message: string;
  /** The first and last instant of its readings, and the readings. */
  readonly evidence: readonly [from: number, to: number];
  readonly behind: (sent: Sent) => boolean;
}

const outcome = (fact: string, operator: string, value: unknown, factValue: unknown, result: boolean) => ({
  fact,
  operator,
  value,
  factValue,
  result,
});

/** A change of `overheating` for press-1 at the end of the window that started 10 s before. */
function overheats(at: number, from: string, to: string, since: number, [meanTemp, peak, n]: [number, number, number]) {
  const clearing = to === 'resolved';
  return {
    rule: 'overheating',
    key: 'press-1',
    from,
    to,
    at,
    since,
    facts: { device: 'press-1', meanTemp, peak, n },
    conditions: [
      outcome('meanTemp', 'greaterThan', 45, meanTemp, meanTemp > 45),
      outcome('n', 'greaterThanInclusive', 2, n, n >= 2),
      ...(clearing ? [outcome('meanTemp', 'lessThan', 40, meanTemp, meanTemp < 40)] : []),
    ],
    message: `press-1 averages ${meanTemp} °C over ${n} readings`,
    // The end of a window is exclusive.
    evidence: [at - 10_000, at - 0.001],
    behind: ({ device, ms, missed }) => device === 'press-1' && missed !== true && ms >= at - 10_000 && ms < at,
  } satisfies Change;
}

function exceeds(at: number, to: 'firing' | 'resolved', since: number, temp: number): Change {
  return {
    rule: 'temp-limit',
    key: 'press-2',
    from: to === 'firing' ? 'inactive' : 'firing',
    to,
    at,
    since,
    facts: { device: 'press-2', site: 'north', line: 'b', temp, humidity: null, door: null, mode: null },
    conditions: [
      outcome('temp', 'greaterThan', 80, temp, temp > 80),
      ...(to === 'resolved' ? [outcome('temp', 'lessThan', 70, temp, temp < 70)] : []),
    ],
    message: `press-2 of north reports ${temp} °C`,
    evidence: [at, at],
    behind: ({ device, ms }) => device === 'press-2' && ms === at,
  };
}

function siteHeats(at: number, to: 'firing' | 'resolved', since: number, meanTemp: number): Change {
  return {
    rule: 'site-hot',
    key: 'south',
    from: to === 'firing' ? 'inactive' : 'firing',
    to,
    at,
    since,
    facts: { site: 'south', meanTemp },
    conditions: [outcome('meanTemp', 'greaterThan', 50, meanTemp, meanTemp > 50)],
    message: `south: ${meanTemp} °C`,
    evidence: [at - 10_000, at - 0.001],
    behind: ({ site, ms }) => site === 'south' && ms >= at - 10_000 && ms < at,
  };
}

/** Sorts by rule, key and time. */
const CHANGES: readonly Change[] = [
  overheats(20_000, 'inactive', 'pending', 20_000, [51, 52, 2]),
  overheats(40_000, 'pending', 'firing', 20_000, [61, 62, 3]),
  overheats(60_000, 'firing', 'resolved', 20_000, [36, 38, 3]),
  siteHeats(10_000, 'firing', 10_000, 62),
  siteHeats(20_000, 'resolved', 10_000, 21),
  exceeds(2_000, 'firing', 2_000, 85),
  exceeds(4_000, 'resolved', 2_000, 69),
  exceeds(5_000, 'firing', 5_000, 95),
];
const RULES = { overheating, 'temp-limit': limit, 'site-hot': siteHot, 'door-silent': doorSilent };
const PER: Readonly<Record<string, string>> = { 'site-hot': 'site' };
const SEVERITY: Readonly<Record<string, string>> = {
  overheating: 'critical',
  'temp-limit': 'warning',
  'site-hot': 'warning',
};

/** The expected row of a change. Values that only the engine knows are copied from the compared row. */
function alertRowOf(change: Change, { id, version, offset }: Json): Json {
  const { rule, key, from, to, facts, conditions, evidence } = change;
  return {
    id,
    time: sqlTime(iso(change.at)),
    rule,
    version,
    severity: SEVERITY[rule],
    from_state: from,
    state: to,
    stream: 'sensors',
    key,
    device: PER[rule] === undefined ? key : '',
    since: sqlTime(iso(change.since)),
    message: change.message,
    facts: Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, JSON.stringify(value)])),
    conditions,
    evidence_from: sqlTime(iso(evidence[0])),
    evidence_to: sqlTime(iso(evidence[1])),
    offset,
    previous_severity: '',
    reason: '',
    suppressed: '',
  };
}

/** The expected event of a change, in the same way. */
const UNITS: Readonly<Record<string, Json>> = {
  overheating: { meanTemp: '°C', peak: '°C' },
  'temp-limit': { temp: '°C' },
  'site-hot': { meanTemp: '°C' },
};

function alertEventOf(change: Change, row: Json, sql: string): Received {
  const { rule, key, from, to, at, since, facts, conditions, message, evidence } = change;
  const { severity: _severity, message: _message, ...params } = RULES[rule as 'overheating'].event.params;
  return {
    subject: `weir.alerts.${SEVERITY[rule]}.${rule}.${key}`,
    id: String(row.id),
    body: {
      specversion: '1.0',
      id: String(row.id),
      source: 'weir/weir-test',
      type: `weir.alert.${to}`,
      subject: key,
      time: iso(at),
      datacontenttype: 'application/json',
      data: {
        rule,
        version: row.version,
        type: RULES[rule as 'overheating'].event.type,
        severity: SEVERITY[rule],
        state: to,
        from,
        key,
        keyParts: { [PER[rule] ?? 'device']: key },
        since: iso(since),
        at: iso(at),
        ...(to === 'resolved' && { durationMs: at - since }),
        message,
        facts,
        units: UNITS[rule],
        conditions,
        params,
        evidence: { sql, from: iso(evidence[0]), to: iso(evidence[1]) },
      },
    },
  };
}

const alertRows = async () =>
  (await final('alerts', 'rule, key, time, id')).map((row) => ({
    ...row,
    conditions: JSON.parse(String(row.conditions)) as unknown,
  })) as unknown as (Json & { id: string; rule: string; key: string; state: string; offset: string })[];
const ofDoors = ({ rule }: { rule: string }) => rule === 'door-silent';
const overMeans = ({ rule }: { rule: string }) => rule === 'mean-limit';
const alertEvents = () => events.filter(({ subject }) => subject.startsWith('weir.alerts.'));
/** The changes of one alert are in order; those of different alerts may be in any order. */
const byAlert = (list: readonly Received[]) =>
  list.toSorted((a, b) => (a.subject < b.subject ? -1 : Number(a.subject > b.subject)));

describe('tables', () => {
  test('every reading has a row with the sent values', async () => {
    const rows = await final('sensors', 'offset');
    const known = rows.map(({ received: _received, offset: _offset, id: _id, ...row }) => row);
    expect(known.filter(({ device }) => device !== 'press-3')).toEqual(SENT.map(rowOf));
    expect(new Set(rows.map(({ id }) => id)).size).toBe(SENT.length + 2);
    const received = rows.map((row) => Date.parse(`${String(row.received).replace(' ', 'T')}Z`));
    expect(received).toEqual(received.toSorted((a, b) => a - b));
    expect(received[0]).toBeGreaterThanOrEqual(startedAt);
    expect(received.at(-1)).toBeLessThanOrEqual(Date.now());
  });

  test('a timestamp far ahead is set back to the receive time, and a reading delivered twice is one row', async () => {
    const rows = (await final('sensors', 'offset')).filter(({ device }) => device === 'press-3');
    const known = rows.map(({ temp, line, site, clamped, late }) => ({ temp, line, site, clamped, late }));
    const common = { line: 'b', site: 'north' };
    expect(known).toEqual([
      { ...common, temp: 20, clamped: true, late: false },
      { ...common, temp: 21, clamped: false, late: true },
    ]);
    expect(rows[0]?.time).toBe(rows[0]?.received);
  });

  test('a stream without timestamps uses the receive time', async () => {
    const rows = await final('doors', 'offset');
    expect(rows.map(({ device, open, extra, late }) => ({ device, open, extra, late }))).toEqual([
      { device: 'door-1', open: true, extra: {}, late: false },
      { device: 'door-2', open: false, extra: {}, late: false },
      { device: 'door-1', open: false, extra: {}, late: false },
    ]);
    for (const { time, received } of rows) expect(time).toBe(received);
  });

  test('every change of every alert has a row; pending is in the table only', async () => {
    const rows = (await alertRows()).filter((row) => !ofDoors(row) && !overMeans(row));
    expect(rows).toEqual(CHANGES.map((change, i) => alertRowOf(change, rows[i] ?? {})));
    for (const { id, rule, key, state, offset } of rows) {
      expect(id).toMatch(new RegExp(`^[0-9a-f]{16}\\.${offset}\\.${rule}\\.${key}\\.${state}\\.\\d{16}$`));
    }
    expect(new Set(rows.map(({ version }) => version)).size).toBe(3);
  });

  test('the results of a view have rows', async () => {
    const rows = await final('facts', 'time');
    const [first] = rows;
    expect(rows.map(({ version, offset, id, ...row }) => row)).toEqual(
      [42, 51, 56, 61, 42, 37].map((meanTemp, i) => ({
        time: sqlTime(iso((i + 1) * 10_000)),
        start: sqlTime(iso(i * 10_000)),
        rule: 'press-means',
        key: 'press-1',
        labels: { device: 'press-1' },
        facts: { meanTemp },
        texts: i === 0 ? { mode: 'auto' } : {},
      })),
    );
    expect(first!.id).toMatch(
      new RegExp(`^[0-9a-f]{16}\\.${first!.offset}\\.press-means\\.press-1\\.facts\\.\\d{16}$`),
    );
  });

  test('a message that cannot be decoded is stored unchanged, with the reason', async () => {
    const rows = await tables.select(
      `SELECT * EXCEPT payload, base64Encode(payload) AS payload FROM weir.dead_letters FINAL ORDER BY offset`,
    );
    expect(rows.map(({ topic, stream, reason, payload }) => ({ topic, stream, reason, payload }))).toEqual(
      DEAD.map(({ topic, stream, reason, payload }) => ({
        topic,
        stream,
        reason,
        payload: payload.toString('base64'),
      })),
    );
    rows.forEach((row, i) => {
      expect(row.detail).toMatch(DEAD[i]!.detail);
      expect(row.time).toBe(row.received);
    });
  });

  test('changes of devices, and the views', async () => {
    const rows = await final('devices', 'device, time');
    expect(rows.map(({ stream, device, online, reason }) => [stream, device, online, reason])).toEqual([
      ['doors', 'door-1', true, 'first-reading'],
      ['doors', 'door-1', false, 'silence'],
      ['doors', 'door-1', true, 'reading'],
      ['doors', 'door-1', false, 'silence'],
      ['doors', 'door-2', true, 'first-reading'],
      ['doors', 'door-2', false, 'last-will'],
      ['doors', 'door-2', true, 'status'],
      ['doors', 'door-2', false, 'silence'],
      ...['oven-1', 'oven-2', 'press-1', 'press-2', 'press-3'].map((device) => [
        'sensors',
        device,
        true,
        'first-reading',
      ]),
    ]);
    expect(await tables.select('SELECT rule, key, severity FROM weir.open_alerts ORDER BY rule, key')).toEqual([
      { rule: 'door-silent', key: 'door-1', severity: 'info' },
      { rule: 'door-silent', key: 'door-2', severity: 'info' },
      { rule: 'temp-limit', key: 'press-2', severity: 'warning' },
    ]);
    const minutes =
      "SELECT time, count, round(avg_temp, 6) AS mean, max_temp FROM weir.sensors_1m WHERE device = 'press-2'";
    expect(await tables.select(minutes)).toEqual([
      { time: sqlTime(iso(0)).slice(0, 19), count: '5', mean: 80.6, max_temp: 95 },
    ]);
  });
});

describe('events', () => {
  test('each firing or resolved event has facts, conditions, message and evidence', async () => {
    const rows = (await alertRows()).filter((row) => !ofDoors(row) && !overMeans(row) && row.state !== 'pending');
    const published = alertEvents().filter(({ body }) => !ofDoors(body.data) && !overMeans(body.data));
    expect(published).toHaveLength(rows.length);
    const changes = CHANGES.filter(({ to }) => to !== 'pending');
    changes.forEach((change, i) => {
      const event = published.find(({ id }) => id === rows[i]?.id);
      expect(event).toEqual(alertEventOf(change, rows[i]!, event?.body.data.evidence.sql));
    });
  });

  test.each(
    CHANGES.filter(({ to }) => to !== 'pending').map((change) => [
      `${change.rule} ${change.to} at ${change.at}`,
      change,
    ]),
  )('the evidence of %s gives its readings and no others', async (_name, { rule, to, at, behind }) => {
    const event = alertEvents().find(
      ({ body }) => body.data.rule === rule && body.data.state === to && body.time === iso(at),
    );
    const rows = await tables.select(event?.body.data.evidence.sql);
    const wanted = SENT.filter(behind)
      .map(rowOf)
      .toSorted((a, b) => (String(a.time) < String(b.time) ? -1 : 1));
    expect(wanted).not.toHaveLength(0);
    expect(rows.map(({ received: _received, offset: _offset, id: _id, ...row }) => row)).toEqual(wanted);
  });

  test('the results of a view are published and stored in the stream', async () => {
    const published = events.filter(({ subject }) => subject === 'weir.facts.press-means.press-1');
    const rows = await final('facts', 'time');
    expect(published.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
    expect(published[0]!.body).toMatchObject({
      type: 'weir.facts',
      data: { start: iso(0), end: iso(10_000), facts: { meanTemp: 42, mode: 'auto' }, units: { meanTemp: '°C' } },
    });
    expect(await readStream(await plant.natsClient(), 'WEIR_FACTS')).toEqual(published);
  });

  test('the evidence of a rule over a view is the row that it evaluated', async () => {
    const published = alertEvents().filter(({ body }) => overMeans(body.data));
    expect(published.map(({ body }) => [body.data.state, body.time, body.data.message])).toEqual([
      ['firing', iso(39_999), 'press-1 averaged 61 °C'],
      ['resolved', iso(49_999), 'press-1 averaged 42 °C'],
    ]);
    const rows = await tables.select(published[0]!.body.data.evidence.sql);
    expect(rows).toMatchObject([{ time: sqlTime(iso(40_000)), facts: { meanTemp: 61 } }]);
  });

  test('a silent door has an event with the duration of the silence, one with a last will at once', async () => {
    const rows = (await alertRows()).filter(ofDoors);
    expect(rows.map(({ key, state }) => `${key} ${state}`)).toEqual(
      ['door-1', 'door-2'].flatMap((key) => [`${key} firing`, `${key} resolved`, `${key} firing`]),
    );
    const published = byAlert(alertEvents().filter(({ body }) => ofDoors(body.data)));
    expect(published.map(({ id }) => id)).toEqual(rows.map(({ id }) => id));
    for (const { subject, body } of published) expect(subject).toBe(`weir.alerts.info.door-silent.${body.subject}`);
    const [silent, back, again, willed, , gone] = published.map(({ body }) => body.data);
    for (const { facts, conditions, message } of [silent, again, gone]) {
      expect(facts).toEqual({ silentFor: expect.any(Number), reason: 'silence' });
      // There is one tick per second, and live time may lag a little on a busy machine.
      expect(facts.silentFor).toBeGreaterThanOrEqual(3);
      expect(facts.silentFor).toBeLessThan(10);
      expect(conditions).toEqual([outcome('silentFor', 'greaterThanInclusive', 3, facts.silentFor, true)]);
      expect(message).toMatch(/^door-[12] is gone: silence$/);
    }
    expect(willed).toMatchObject({
      facts: { reason: 'last-will' },
      conditions: [],
      message: 'door-2 is gone: last-will',
    });
    expect(willed.facts.silentFor).toBeLessThan(3);
    expect(back.durationMs).toBe(Date.parse(back.at) - Date.parse(back.since));
  });

  test('devices that go online and offline', async () => {
    const published = events.filter(({ subject }) => subject.startsWith('weir.devices.'));
    const rows = await final('devices', 'offset, device');
    expect(published.map(({ subject, body }) => [subject, body.data.reason]).toSorted()).toEqual(
      rows
        .map(({ online, device, reason }) => [
          `weir.devices.${online === true ? 'online' : 'offline'}.${device}`,
          reason,
        ])
        .toSorted(),
    );
    const wills = published.filter(({ body }) => body.data.reason === 'last-will');
    expect(wills).toEqual([
      {
        subject: 'weir.devices.offline.door-2',
        id: wills[0]?.body.id,
        body: {
          specversion: '1.0',
          id: expect.stringMatching(/^[0-9a-f]{16}\.\d+\.device\.doors\.door-2\.offline\.\d{16}$/),
          source: 'weir/weir-test',
          type: 'weir.device.offline',
          subject: 'door-2',
          time: wills[0]?.body.data.at,
          datacontenttype: 'application/json',
          data: {
            device: 'door-2',
            stream: 'doors',
            state: 'offline',
            reason: 'last-will',
            labels: {},
            at: expect.stringMatching(/Z$/),
            lastSeenAt: expect.stringMatching(/Z$/),
          },
        },
      },
    ]);
    const presses = published.filter(({ body }) => body.subject === 'press-1');
    expect(presses.map(({ body }) => body.data.labels)).toEqual([{ site: 'north', line: 'a' }]);
  });

  test('dead letters', async () => {
    const published = events.filter(({ subject }) => subject === 'weir.deadletters');
    const details = await tables.select('SELECT detail FROM weir.dead_letters FINAL ORDER BY offset');
    expect(published.map(({ body }) => [body.type, body.subject, body.data])).toEqual(
      DEAD.map(({ topic, stream, reason, payload }, i) => [
        'weir.deadletter',
        topic,
        {
          topic,
          stream: stream === '' ? null : stream,
          reason,
          detail: details[i]?.detail,
          at: published[i]?.body.time,
          payload: {
            bytes: payload.length,
            truncated: false,
            ...(reason === 'invalid-utf8' ? { base64: payload.toString('base64') } : { text: payload.toString() }),
          },
        },
      ]),
    );
  });

  test('a later subscriber finds every alert in the stream, and open alerts and devices in the buckets', async () => {
    const late = await plant.natsClient();
    expect(byAlert(await readStream(late, 'WEIR_ALERTS'))).toEqual(byAlert(alertEvents()));
    const open = await readBucket(late, 'weir_alerts_open');
    expect(Object.keys(open).toSorted()).toEqual(['door-silent.door-1', 'door-silent.door-2', 'temp-limit.press-2']);
    expect(open['temp-limit.press-2']).toEqual(alertEvents().findLast(({ body }) => body.subject === 'press-2')?.body);
    const devices = await readBucket(late, 'weir_devices');
    expect(
      Object.fromEntries(Object.entries(devices).map(([name, { data }]) => [name, `${data.state} ${data.reason}`])),
    ).toEqual({
      'door-1': 'offline silence',
      'door-2': 'offline silence',
      'oven-1': 'online first-reading',
      'oven-2': 'online first-reading',
      'press-1': 'online first-reading',
      'press-2': 'online first-reading',
      'press-3': 'online first-reading',
    });
  });
});

test('metrics count everything, and the log has no warnings', async () => {
  const metrics = await engine.metrics();
  const messages = SENT.length + 3 + DEAD.length + 5;
  expect(metrics).toMatchObject({
    weir_messages_received_total: messages,
    weir_messages_journaled_total: messages,
    weir_messages_acknowledged_total: messages,
    weir_readings_total: SENT.length + 3 + 3,
    weir_readings_late_total: 1,
    weir_readings_clamped_total: 1,
    weir_rejected_total: DEAD.length,
    weir_transitions_total: CHANGES.length + 8,
    weir_events_published_total: events.length,
    weir_inserts_retried_total: 0,
    weir_events_retried_total: 0,
    weir_devices: 7,
    weir_rules: 6,
    'weir_ready{part="clickhouse"}': 1,
  });
  // On a busy machine a server may be slow at the start.
  expect(engine.log().filter(({ level, msg }) => level >= 40 && msg !== 'not ready')).toEqual([]);
  expect(engine.stderr()).toBe('');
});
