import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@clickhouse/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createClickHouseSink } from '../../connectors/clickhouse/clickhouse.ts';
import { ERROR_CODES } from '../../connectors/clickhouse/errors.ts';
import { MIGRATIONS } from '../../connectors/clickhouse/migrations.ts';
import { liveTable } from '../../connectors/clickhouse/sql.ts';
import { type EmbeddedClickHouse, startClickHouse } from '../../connectors/embedded/clickhouse.ts';
import { createReadingEncoder, createRowEncoder } from '../../engine/delivery/row-binary.ts';
import { FIXED_TABLES, streamTable } from '../../engine/delivery/tables.ts';
import type { ClickHouseConfig, FieldConfig, StreamConfig } from '../../engine/model/config.ts';
import type { Batch } from '../../engine/model/output.ts';
import type { Reading } from '../../engine/model/reading.ts';
import type { ColumnType, Table } from '../../engine/model/table.ts';
import { DeliveryError, type TableSink } from '../../engine/ports.ts';
import { createScript, play, setUp } from '../pipeline/kit.ts';
import { startTestClickHouse } from './servers/clickhouse.ts';

// Longer than most: the tests share one server. Deadlines are generous, because a busy machine makes the server slow.
vi.setConfig({ testTimeout: 30_000 });

let server: EmbeddedClickHouse;
let client: ReturnType<typeof createClient>;
let database: string;
let sinks: TableSink[] = [];
let databases = 0;

beforeAll(async () => {
  server = await startTestClickHouse();
  client = createClient({ url: server.url });
}, 70_000);

afterAll(async () => {
  await client?.close();
  await server?.stop();
}, 30_000);

beforeEach(() => {
  // A name that tests quoting.
  database = `we\`ir's ${databases++}`;
});

afterEach(async () => {
  await Promise.all(sinks.map((sink) => sink.close()));
  sinks = [];
});

const rows = async <Row>(query: string): Promise<Row[]> =>
  (await client.query({ query, format: 'JSONEachRow' })).json<Row>();
const run = (query: string) => client.command({ query });
const quoted = () => `\`${database.replace('`', '\\`')}\``;
const count = async (table: string) =>
  Number((await rows<{ n: string }>(`SELECT count() n FROM ${quoted()}.${table}`))[0]?.n);

function sink(config: Partial<ClickHouseConfig> = {}, login: { username?: string; password?: string } = {}): TableSink {
  const made = createClickHouseSink({
    config: {
      url: server.url,
      database,
      batch: { rows: 10_000, bytes: 5e6, ageMs: 1000 },
      queueBytes: 1e6,
      concurrency: 2,
      requestTimeoutMs: 10_000,
      ...config,
    },
    ...login,
  });
  sinks.push(made);
  return made;
}

const field = (name: string, type: FieldConfig['type'], unit?: string): FieldConfig => ({
  name,
  type,
  path: name,
  ...(unit !== undefined && { unit }),
});

function stream(fields: readonly FieldConfig[], more: Partial<StreamConfig> = {}): StreamConfig {
  return {
    name: 'sensors',
    topic: 'plant/{site}/{device}',
    qos: 1,
    format: 'json',
    device: { topic: 'device' },
    labels: [{ name: 'site', place: { topic: 'site' } }],
    fields,
    undeclared: 'keep',
    coerce: false,
    forgetMs: 2_592_000_000,
    limits: { bytes: 1e6, depth: 10, fields: 100, readings: 100, devices: 50_000, keys: 50_000 },
    ...more,
  };
}

const TEMP = streamTable(stream([field('temp', 'number', '°C')]));
const MINUTE = 60_000;
const NOW = Math.floor(Date.now() / MINUTE) * MINUTE;

let serial = 0;
function reading(device: string, time: number, temp: number | undefined): Reading {
  return {
    kind: 'reading',
    stream: 0,
    connection: 0,
    liveMs: 0,
    attributes: undefined,
    device,
    labels: ['north'],
    time,
    receivedAt: time + 5,
    offset: serial,
    idHigh: 0xffff_ffff,
    idLow: serial++,
    values: [temp],
    extra: undefined,
    clamped: false,
    late: false,
  };
}

function batchOf(table: Table, readings: readonly Reading[]): Batch {
  const encoder = createReadingEncoder(table);
  for (const one of readings) encoder.encodeReading(one);
  return { kind: 'batch', table: table.name, ...encoder.take(), fromOffset: 0, toOffset: serial };
}

function rowBatch(table: Table, list: readonly (readonly unknown[])[]): Batch {
  const encoder = createRowEncoder(table);
  for (const values of list) encoder.encodeRow(values, 0);
  return { kind: 'batch', table: table.name, ...encoder.take(), fromOffset: 0, toOffset: 0 };
}

const failure = (promise: Promise<unknown>): Promise<DeliveryError> =>
  promise.then(
    () => {
      throw new Error('it did not reject');
    },
    (error: unknown) => {
      expect(error).toBeInstanceOf(DeliveryError);
      return error as DeliveryError;
    },
  );

const structure = () =>
  rows<{ table: string; name: string; type: string; comment: string; position: number }>(
    `SELECT table, name, type, comment, position FROM system.columns WHERE database = '${database.replace("'", "\\'")}' ORDER BY table, position`,
  );

describe('the view open_alerts', () => {
  it('shows the last of the changes that one message caused at the same instant', async () => {
    const sensors = { topic: 'plant/{device}', format: 'ndjson', fields: { temp: 'number' } };
    const conditions = { all: [{ fact: 'temp', operator: 'greaterThan', value: 50 }] };
    const setup = setUp([{ name: 'hot', stream: 'sensors', conditions, event: { type: 'hot' } }], {
      streams: { sensors },
    });
    const script = createScript();
    const fired = Array.from({ length: 40 }, (_, i) => i % 2 === 0);
    // For half of the devices the last change is to firing. ClickHouse may choose any of several rows of one instant.
    fired.forEach((fires, i) => {
      const temps = [60, 1, 60, 1, 60].slice(0, fires ? 5 : 4);
      script.message(`plant/d${i}`, temps.map((temp) => `{"temp":${temp}}`).join('\n'));
    });
    const { batches } = play(setup, script);
    const into = sink();
    await into.open(FIXED_TABLES);
    for (const batch of batches.filter((each) => each.table === 'alerts')) await into.insert(batch, batch.table);
    const open = await rows<{ key: string }>(`SELECT key FROM ${quoted()}.open_alerts`);
    expect(open.map(({ key }) => key).sort()).toEqual(fired.flatMap((fires, i) => (fires ? [`d${i}`] : [])).sort());
  });
});

describe('open', () => {
  it('creates database, tables and views, and changes nothing the second time', async () => {
    const tables = [TEMP, ...FIXED_TABLES];
    const first = sink();
    expect(first.status()).toMatchObject({ ready: false });
    let isOpen = false;
    const opening = first.open(tables).then(() => {
      isOpen = true;
    });
    // Once it is ready, its tables must exist.
    while (!isOpen) {
      expect(first.status().ready).toBe(false);
      await new Promise(setImmediate);
    }
    await opening;
    expect(first.status()).toEqual({ name: 'clickhouse', ready: true });
    const before = await structure();
    // That must work also without the permission to write.
    await sink({ url: `${server.url}/?ch_readonly=1` }).open(tables);
    await sink().open(tables);
    expect(await structure()).toEqual(before);
    expect(await rows(`SELECT id, name, count() n FROM ${quoted()}.migrations GROUP BY id, name ORDER BY id`)).toEqual(
      MIGRATIONS.map(({ id, name }) => ({ id, name, n: 1 })),
    );
    for (const table of tables) {
      const columns = before.filter((column) => column.table === table.name);
      const wanted = liveTable(table).columns;
      expect(columns.map(({ name, type, comment }) => ({ name, type, comment }))).toEqual(
        wanted.map(({ name, type, comment }) => ({ name, type, comment })),
      );
    }
    // A migration creates these tables, so their columns must match what the engine writes.
    const keys = await rows<{ name: string; sorting_key: string; engine_full: string }>(
      `SELECT name, sorting_key, engine_full FROM system.tables WHERE database = '${database.replace("'", "\\'")}'`,
    );
    for (const table of tables) {
      const live = keys.find(({ name }) => name === table.name);
      expect(live?.sorting_key).toBe(table.orderBy.join(', '));
      expect(live?.engine_full).toContain(
        'non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1',
      );
      expect(/toIntervalDay\((\d+)\)/.exec(live?.engine_full ?? '')?.[1]).toBe(table.ttlDays?.toString());
    }
  });

  it('may run in several processes at once', async () => {
    const tables = [TEMP, ...FIXED_TABLES];
    await Promise.all([sink().open(tables), sink().open(tables), sink().open(tables)]);
    const once = await structure();
    await sink().open(tables);
    expect(await structure()).toEqual(once);
    const wider = streamTable(stream([field('temp', 'number', 'K'), field('hum', 'number'), field('ok', 'boolean')]));
    await Promise.all([sink().open([wider]), sink().open([wider]), sink().open([wider])]);
    const names = (await structure()).filter(({ table }) => table === 'sensors').map(({ name }) => name);
    expect(names).toEqual(wider.columns.map(({ name }) => name));
  });

  it('adds the column of a new field, keeps the old rows, and updates unit and TTL', async () => {
    const one = sink();
    await one.open([TEMP]);
    await one.insert(batchOf(TEMP, [reading('a', NOW, 1)]), 'first');
    const wider = streamTable(
      stream([field('hum', 'number', '%'), field('temp', 'number', 'K'), field('mode', 'string')], { ttlDays: 30 }),
    );
    await one.open([wider]);
    await one.insert(batchOf(wider, [{ ...reading('b', NOW, 0), values: [55, 2, 'auto'] }]), 'second');
    expect(await rows(`SELECT device, temp, hum, mode FROM ${quoted()}.sensors ORDER BY device`)).toEqual([
      { device: 'a', temp: 1, hum: null, mode: null },
      { device: 'b', temp: 2, hum: 55, mode: 'auto' },
    ]);
    expect(await rows(`SELECT device, count, avg_temp, max_hum FROM ${quoted()}.sensors_1m ORDER BY device`)).toEqual([
      { device: 'a', count: 1, avg_temp: 1, max_hum: null },
      { device: 'b', count: 1, avg_temp: 2, max_hum: 55 },
    ]);
    const ddl = (await rows<{ statement: string }>(`SHOW CREATE TABLE ${quoted()}.sensors`))[0]?.statement;
    expect(ddl).toContain('toIntervalDay(30)');
    expect((await structure()).find(({ table, name }) => table === 'sensors' && name === 'temp')?.comment).toBe('K');
    await one.open([streamTable(stream([field('temp', 'number')]))]);
    expect((await rows<{ statement: string }>(`SHOW CREATE TABLE ${quoted()}.sensors`))[0]?.statement).not.toContain(
      'TTL',
    );
  });

  it('refuses a changed type with a remedy', async () => {
    const one = sink();
    await one.open([TEMP]);
    const error = await failure(one.open([streamTable(stream([field('temp', 'string')]))]));
    expect(error.class).toBe('fatal');
    expect(error.message).toMatch(
      /the column temp as Nullable\(Float64\), but the config needs Nullable\(String\).*another name/,
    );
    expect(one.status()).toMatchObject({ ready: false, reason: `table sensors: ${error.message}` });
  });

  it('writes to other tables while one needs repair, and to that one after the repair', async () => {
    const one = sink();
    await one.open([TEMP]);
    await run(`ALTER TABLE ${quoted()}.sensors RENAME COLUMN late TO tardy`);
    await run(`ALTER TABLE ${quoted()}.sensors ADD COLUMN late String`);
    const other = { ...TEMP, name: 'others' };
    const two = sink();
    const error = await failure(two.open([TEMP, other]));
    expect(error).toMatchObject({
      class: 'fatal',
      code: 'TABLE_BROKEN',
      message: expect.stringContaining('the column late as String'),
    });
    await two.insert(batchOf(other, [reading('a', NOW, 1)]), 't1');
    const own = batchOf(TEMP, [reading('a', NOW, 1)]);
    expect(await failure(two.insert(own, 't2'))).toMatchObject({ class: 'fatal', message: error.message });
    expect(two.status()).toMatchObject({ ready: false, reason: `table sensors: ${error.message}` });
    await run(`ALTER TABLE ${quoted()}.sensors DROP COLUMN late`);
    await run(`ALTER TABLE ${quoted()}.sensors RENAME COLUMN tardy TO late`);
    await two.open([TEMP, other]);
    expect(two.status()).toEqual({ name: 'clickhouse', ready: true });
    await two.insert(own, 't2');
    expect(await rows(`SELECT temp FROM ${quoted()}.sensors`)).toEqual([{ temp: 1 }]);
  });

  it('refuses a table that cannot deduplicate rows', async () => {
    await run(`CREATE DATABASE ${quoted()}`);
    await run(`CREATE TABLE ${quoted()}.sensors (time DateTime) ENGINE = Memory`);
    const error = await failure(sink().open([TEMP]));
    expect(error).toMatchObject({ class: 'fatal', message: expect.stringContaining('is a Memory') });
  });

  it('quotes names and units', async () => {
    const special = streamTable(
      stream([field('a`b\\', 'number', "it's \\ '"), field('x) ENGINE = Null --', 'number')], { name: 'o`dd"s\\' }),
    );
    const one = sink();
    await one.open([special]);
    await one.insert(batchOf(special, [{ ...reading('a', NOW, 1), values: [1.5, undefined] }]), 't');
    expect(await rows(`SELECT * EXCEPT (time, received, offset, id) FROM ${quoted()}.\`o\\\`dd"s\\\\\``)).toMatchObject(
      [{ 'a`b\\': 1.5, 'x) ENGINE = Null --': null }],
    );
  });
});

describe('insert', () => {
  it('keeps every value of every type', async () => {
    const types = [
      'DateTime64(6)',
      'UInt8',
      'UInt64',
      'Float64',
      'Nullable(Float64)',
      'Nullable(Bool)',
      'Nullable(String)',
      'Bool',
      'String',
      'LowCardinality(String)',
      'Map(String, String)',
    ] satisfies ColumnType[];
    const table: Table = {
      name: 'types',
      columns: [
        { name: 'time', type: 'DateTime64(6)' },
        ...types.map((type, i) => ({ name: `c${i}`, type: type as ColumnType })),
      ],
      orderBy: ['time'],
    };
    const special = 'zero\0byte, °C, 日本, 😀, "quotes", \\ and \n';
    const list = [
      [0, 0, 0, 0, null, null, null, false, '', '', null],
      [
        1_753_000_000_123.457,
        255,
        (1n << 64n) - 1n,
        -1.5e300,
        0,
        true,
        '',
        true,
        special,
        special,
        { [special]: special, '': '' },
      ],
      [
        Date.UTC(2255, 0, 1),
        1,
        2 ** 53 - 1,
        0.1,
        5e-324,
        false,
        special,
        true,
        'x'.repeat(70_000),
        'é'.repeat(100),
        { a: '1', b: '2' },
      ],
    ];
    const one = sink();
    await one.open([table]);
    await one.insert(
      rowBatch(
        table,
        list.map((row, i) => [i, ...row]),
      ),
      'types',
    );
    const micros = 'toString(toUnixTimestamp64Micro(c0)) AS c0';
    const read = await rows<Record<string, unknown>>(
      `SELECT * REPLACE (${micros}, toString(c2) AS c2) EXCEPT (time) FROM ${quoted()}.types ORDER BY time SETTINGS output_format_json_quote_denormals = 1`,
    );
    expect(read.map((row) => Object.values(row))).toEqual(
      list.map((row) => [
        String(Math.round((row[0] as number) * 1000)),
        row[1],
        String(row[2]),
        ...row.slice(3, -1),
        row.at(-1) ?? {},
      ]),
    );
    const bytes = Buffer.from([0xff, 0x00, 0xfe, 0x80]);
    await one.insert(rowBatch(table, [[9, 9, 0, 0, 0, null, null, null, false, bytes, '', null]]), 'bytes');
    expect(
      await rows(`SELECT hex(c8) AS hex FROM ${quoted()}.types WHERE time = toDateTime64(0.009, 6, 'UTC')`),
    ).toEqual([{ hex: 'FF00FE80' }]);
  });

  it('adds the rows of one token once, in whole or in part, also in the rollup', async () => {
    const january = Date.UTC(2025, 0, 31, 23, 59, 30);
    const february = Date.UTC(2025, 1, 1, 0, 0, 30);
    const both = [
      reading('a', january, 1),
      reading('a', january + 1, 3),
      reading('a', february, 5),
      reading('b', february, undefined),
    ];
    const one = sink();
    await one.open([TEMP]);
    const rollup = () =>
      rows(
        `SELECT time, device, site, count, avg_temp, min_temp, max_temp FROM ${quoted()}.sensors_1m ORDER BY time, device`,
      );
    const expected = [
      { time: '2025-01-31 23:59:00', device: 'a', site: 'north', count: 2, avg_temp: 2, min_temp: 1, max_temp: 3 },
      { time: '2025-02-01 00:00:00', device: 'a', site: 'north', count: 1, avg_temp: 5, min_temp: 5, max_temp: 5 },
      {
        time: '2025-02-01 00:00:00',
        device: 'b',
        site: 'north',
        count: 1,
        avg_temp: null,
        min_temp: null,
        max_temp: null,
      },
    ];
    // A server that crashes after the first partition leaves this state.
    await one.insert(batchOf(TEMP, both.slice(0, 2)), 'token');
    expect(await rollup()).toEqual(expected.slice(0, 1));
    for (let i = 0; i < 3; i++) {
      await one.insert(batchOf(TEMP, both), 'token');
      expect(await count('sensors')).toBe(4);
      expect(await rollup()).toEqual(expected);
    }
    // While one insert runs, the server refuses the others; a later attempt finds its rows.
    const race = batchOf(TEMP, [reading('c', february, 1)]);
    const tries = await Promise.allSettled([1, 2, 3, 4].map(() => one.insert(race, 'race')));
    for (const each of tries) {
      if (each.status === 'rejected') expect(each.reason).toMatchObject({ class: 'transient', code: '216' });
    }
    await one.insert(race, 'race');
    expect(await count('sensors')).toBe(5);
    // With another token it is another insert, and the merge removes the duplicate rows.
    await one.insert(batchOf(TEMP, both), 'another token');
    expect(await count('sensors')).toBe(9);
    await run(`OPTIMIZE TABLE ${quoted()}.sensors FINAL`);
    expect(await count('sensors')).toBe(5);
  });

  it('writes 10,000 rows as one part, and answers the most common query', async () => {
    const one = sink();
    await one.open([TEMP]);
    const list = Array.from({ length: 10_000 }, (_, i) => reading(`d${i % 10}`, Date.now() - i, i % 10));
    // All rows are in one month, because another month would be a second part.
    const month = new Date().toISOString().slice(0, 7);
    const same = list.filter(({ time }) => new Date(time).toISOString().startsWith(month));
    await one.insert(batchOf(TEMP, same), 'many');
    expect(
      await rows(
        `SELECT rows FROM system.parts WHERE table = 'sensors' AND active AND database = '${database.replace("'", "\\'")}'`,
      ),
    ).toEqual([{ rows: same.length }]);
    const answer = await rows<{ device: string; mean: number }>(
      `SELECT device, avg(temp) AS mean FROM ${quoted()}.sensors WHERE time > now() - INTERVAL 1 DAY GROUP BY device ORDER BY device`,
    );
    expect(answer).toEqual(Array.from({ length: 10 }, (_, i) => ({ device: `d${i}`, mean: i })));
  });

  it('writes a batch with more months than the default limit of ClickHouse', async () => {
    const one = sink();
    await one.open([TEMP]);
    const list = Array.from({ length: 130 }, (_, i) => reading('a', Date.UTC(2010, i, 1), i));
    await one.insert(batchOf(TEMP, list), 'years');
    expect(await count('sensors')).toBe(130);
  });

  it('does nothing for an empty batch and refuses a table that was not opened', async () => {
    const one = sink();
    await one.open([TEMP]);
    await one.insert(batchOf(TEMP, []), 'none');
    expect(await count('sensors')).toBe(0);
    expect((await failure(one.insert({ ...batchOf(TEMP, [reading('a', 0, 1)]), table: 'other' }, 't'))).class).toBe(
      'fatal',
    );
  });
});

describe('errors', () => {
  it("have the server's names of their codes", async () => {
    const codes = Object.keys(ERROR_CODES).map(Number);
    const named = await rows<{ name: string }>(`SELECT errorCodeToName(arrayJoin([${codes.join(', ')}])) AS name`);
    expect(named.map(({ name }) => name)).toEqual(Object.values(ERROR_CODES).map(([name]) => name));
  });

  it('are bad-row if the table refuses a row, and the sink stays ready', async () => {
    const one = sink();
    await one.open([TEMP]);
    await run(`ALTER TABLE ${quoted()}.sensors ADD CONSTRAINT sane CHECK temp < 1000`);
    const good = [reading('a', NOW, 1), reading('b', NOW, 2)];
    const bad = batchOf(TEMP, [...good, reading('c', NOW, 5000)]);
    expect(await failure(one.insert(bad, 'bad'))).toMatchObject({ class: 'bad-row', code: '469' });
    expect(one.status().ready).toBe(true);
    expect(await count('sensors')).toBe(0);
    expect(await count('sensors_1m')).toBe(0);
    const half = { ...bad, rows: 2, bytes: bad.bytes.subarray(0, bad.rowEnds[1]) };
    await one.insert(half, 'half');
    expect(await count('sensors')).toBe(2);
    const torn = { ...bad, bytes: bad.bytes.subarray(0, -5) };
    expect((await failure(one.insert(torn, 'torn'))).class).toBe('bad-row');
  });

  it('are fatal, not bad-row, if a column was changed meanwhile', async () => {
    const one = sink();
    await one.open([TEMP]);
    await run(`DROP VIEW ${quoted()}.sensors_1m_feed`);
    await run(`ALTER TABLE ${quoted()}.sensors MODIFY COLUMN temp Nullable(UInt8)`);
    const error = await failure(one.insert(batchOf(TEMP, [reading('a', NOW, 1), reading('a', NOW, 300)]), 't'));
    expect(error).toMatchObject({
      class: 'fatal',
      message: expect.stringContaining('temp is Nullable(UInt8), not Nullable(Float64)'),
    });
    await run(`ALTER TABLE ${quoted()}.sensors DROP COLUMN temp`);
    const gone = await failure(one.insert(batchOf(TEMP, [reading('a', NOW, 1)]), 't'));
    expect(gone).toMatchObject({ class: 'fatal', code: '16' });
    expect(one.status()).toMatchObject({ ready: false, reason: `table sensors: ${gone.message}` });
  });

  it('are fatal at once, even in the middle of five megabytes', async () => {
    const one = sink();
    await one.open([TEMP]);
    await run(`DROP VIEW ${quoted()}.sensors_1m_feed`);
    await run(`ALTER TABLE ${quoted()}.sensors DROP COLUMN temp`);
    const list = Array.from({ length: 100_000 }, (_, i) => reading(`device-${i}`, NOW, i));
    const batch = batchOf(TEMP, list);
    expect(batch.bytes.length).toBeGreaterThan(5e6);
    for (let i = 0; i < 5; i++)
      expect(await failure(one.insert(batch, 't'))).toMatchObject({ class: 'fatal', code: '16' });
  });

  it('are fatal for a wrong user and overload for too many parts', async () => {
    const refused = await failure(sink({}, { username: 'nobody', password: 'wrong' }).open([TEMP]));
    expect(refused).toMatchObject({ class: 'fatal', code: '516' });
    const one = sink();
    await one.open([TEMP]);
    await run(`ALTER TABLE ${quoted()}.sensors MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1`);
    await run(`SYSTEM STOP MERGES ${quoted()}.sensors`);
    await one.insert(batchOf(TEMP, [reading('a', NOW, 1)]), '1');
    const error = await failure(one.insert(batchOf(TEMP, [reading('a', NOW, 1)]), '2'));
    expect(error).toMatchObject({ class: 'overload', code: '252' });
    expect(await count('sensors')).toBe(1);
  });

  it('are transient if there is no server, another server, or no answer', async () => {
    const fakes: Server[] = [];
    const fake = async (answer: RequestListener) => {
      const http = createServer(answer);
      fakes.push(http);
      await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
      return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    };
    try {
      const cases: [url: string, code: unknown, message: RegExp][] = [
        ['http://127.0.0.1:1', 'ECONNREFUSED', /ECONNREFUSED/],
        ['http://localhost:1', 'ECONNREFUSED', /ECONNREFUSED/],
        [await fake((_, response) => response.end('<html>Welcome</html>')), undefined, /is not ClickHouse/],
        [
          await fake((_, response) => response.writeHead(502).end('<html>Bad gateway</html>')),
          'HTTP 502',
          /Bad gateway/,
        ],
        [await fake((request) => request.socket.destroy()), 'ECONNRESET', /./],
        [await fake(() => undefined), 'TIMEOUT', /no answer from .* within 300 ms/],
        [
          await fake((_, response) => response.writeHead(200, { 'content-length': '100' }).write('half')),
          'TIMEOUT',
          /no answer from .* within 300 ms/,
        ],
      ];
      for (const [url, code, message] of cases) {
        const error = await failure(sink({ url, requestTimeoutMs: 300 }).open([TEMP]));
        expect(error).toMatchObject({ class: 'transient', code, message: expect.stringMatching(message) });
      }
    } finally {
      for (const http of fakes) {
        http.closeAllConnections();
        http.close();
      }
    }
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('the embedded server', () => {
  it('keeps its rows when it is killed, and the sink reconnects to it', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'weir-clickhouse-'));
    let own = await startClickHouse({ dir });
    try {
      const one = sink({ url: own.url });
      await one.open([TEMP]);
      await one.insert(batchOf(TEMP, [reading('a', NOW, 1)]), 'before');
      process.kill(own.pid, 'SIGKILL');
      expect(await own.exited).toContain('SIGKILL');
      expect((await failure(one.insert(batchOf(TEMP, [reading('b', NOW, 1)]), 'after'))).class).toBe('transient');
      expect(one.status().ready).toBe(false);
      own = await startClickHouse({ dir, port: own.port });
      await one.insert(batchOf(TEMP, [reading('a', NOW, 1)]), 'before');
      await one.insert(batchOf(TEMP, [reading('b', NOW, 1)]), 'after');
      expect(one.status().ready).toBe(true);
      const other = createClient({ url: own.url });
      const answer = await other.query({
        query: `SELECT device FROM ${quoted()}.sensors ORDER BY device`,
        format: 'JSONEachRow',
      });
      expect(await answer.json()).toEqual([{ device: 'a' }, { device: 'b' }]);
      await other.close();
    } finally {
      await own.stop();
      await rm(dir, { recursive: true, force: true });
    }
  }, 60_000);

  it('ends when the process that started it ends or is killed', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'weir-clickhouse-'));
    const module = JSON.stringify(new URL('../../connectors/embedded/clickhouse.ts', import.meta.url).href);
    const code =
      `import { startClickHouse } from ${module}; ` +
      `const { pid, url } = await startClickHouse({ dir: process.argv[1] }); console.log(JSON.stringify({ pid, url }));`;
    const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code, dir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [line] = (await once(parent.stdout, 'data')) as [Buffer];
      const { pid, url } = JSON.parse(line.toString()) as { pid: number; url: string };
      expect((await fetch(`${url}/ping`)).ok).toBe(true);
      parent.kill('SIGKILL');
      await expect.poll(() => isAlive(pid), { timeout: 15_000 }).toBe(false);
    } finally {
      parent.kill('SIGKILL');
      await rm(dir, { recursive: true, force: true });
    }
  }, 60_000);

  it('reports why it does not start', async () => {
    const path = (await rows<{ value: string }>("SELECT value FROM system.server_settings WHERE name = 'path'"))[0]
      ?.value;
    await expect(startClickHouse({ dir: path ?? '' })).rejects.toThrow(/Another server instance in same directory/);
    const dir = await mkdtemp(join(tmpdir(), 'weir-clickhouse-'));
    await expect(startClickHouse({ dir, port: server.port })).rejects.toThrow(/Address already in use/);
    await rm(dir, { recursive: true, force: true });
  }, 60_000);
});
