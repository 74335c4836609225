// Longer than most: the tests share one server that may restart.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createClickHouseSink } from '../../connectors/clickhouse/clickhouse.ts';
import { type EmbeddedClickHouse, startClickHouse } from '../../connectors/embedded/clickhouse.ts';
import { cut } from '../../engine/delivery/batches.ts';
import { createReadingEncoder } from '../../engine/delivery/row-binary.ts';
import { streamTable } from '../../engine/delivery/tables.ts';
import type { StreamConfig } from '../../engine/model/config.ts';
import type { Batch } from '../../engine/model/output.ts';
import type { Table } from '../../engine/model/table.ts';
import { DeliveryError, type TableSink } from '../../engine/ports.ts';
import { insertBatch } from '../../engine/runtime/insert.ts';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 70_000 });

/** Counts rows in the table (which must not merge) and in its rollup, so that duplicates and losses are visible. */
let server: EmbeddedClickHouse;
let dir: string;
let database: string;
let databases = 0;
let sinks: TableSink[] = [];
const servers: Server[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'weir-clickhouse-'));
  server = await startClickHouse({ dir });
});
afterAll(async () => {
  await server?.stop();
  await rm(dir, { recursive: true, force: true, maxRetries: 3 });
});
beforeEach(() => {
  database = `repeats${databases++}`;
});
afterEach(async () => {
  await Promise.all(sinks.map((each) => each.close()));
  sinks = [];
  for (const each of servers.splice(0)) {
    each.closeAllConnections();
    each.close();
  }
});

const ask = async (query: string): Promise<string> => {
  const answer = await fetch(server.url, { method: 'POST', headers: { connection: 'close' }, body: query });
  const text = (await answer.text()).trim();
  if (answer.status !== 200) throw new Error(text);
  return text;
};
const restart = async () => {
  await server.stop();
  server = await startClickHouse({ dir, port: server.port });
};
const counts = async () => [
  Number(await ask(`SELECT count() FROM ${database}.sensors`)),
  Number(await ask(`SELECT sum(count) FROM ${database}.sensors_1m`)),
];

function tableOf(...fields: string[]): Table {
  const stream: StreamConfig = {
    name: 'sensors',
    topic: 'plant/{device}',
    qos: 1,
    format: 'json',
    device: { topic: 'device' },
    labels: [],
    fields: fields.map((name) => ({ name, type: 'number', path: name })),
    undeclared: 'keep',
    coerce: false,
    forgetMs: 2_592_000_000,
    limits: { bytes: 1e6, depth: 10, fields: 100, readings: 100, devices: 50_000, keys: 50_000 },
  };
  return streamTable(stream);
}

const TEMP = tableOf('temp');
const WIDER = tableOf('hum', 'temp');
const NOW = Math.floor(Date.now() / 60_000) * 60_000;

/** Readings with these values. */
function batchOf(table: Table, temps: readonly number[]): Batch {
  const encoder = createReadingEncoder(table);
  temps.forEach((temp, i) => {
    encoder.encodeReading({
      kind: 'reading',
      stream: 0,
      connection: 0,
      liveMs: 0,
      attributes: undefined,
      device: `d${i % 7}`,
      labels: [],
      time: NOW + i,
      receivedAt: NOW + i,
      offset: i,
      idHigh: 1,
      idLow: i,
      values: table === WIDER ? [55, temp] : [temp],
      extra: undefined,
      clamped: false,
      late: false,
    });
  });
  return cut({ table, encoder, openedAt: 0 });
}

async function opened(table: Table, url = server.url, onViewSkipped?: (view: string) => void): Promise<TableSink> {
  const made = createClickHouseSink({
    config: {
      url,
      database,
      batch: { rows: 10_000, bytes: 5e6, ageMs: 1000 },
      queueBytes: 1e6,
      concurrency: 2,
      requestTimeoutMs: 10_000,
    },
    ...(onViewSkipped && { onViewSkipped }),
  });
  sinks.push(made);
  await made.open([table]);
  await ask(`SYSTEM STOP MERGES ${database}.sensors`);
  return made;
}

/** Retries until it succeeds, as the delivery queue does, but without its waits. */
async function deliver(batch: Batch, sink: TableSink): Promise<{ dead: number; tries: number }> {
  let dead = 0;
  const onRefusedRow = async () => void dead++;
  for (let tries = 1; tries < 20; tries++) {
    try {
      await insertBatch(batch, { sink, journalId: 'j0', onRefusedRow });
      return { dead, tries };
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
    }
  }
  throw new Error('it was never done');
}

describe('a repeated batch is counted once, in the table and in its rollup', () => {
  const batch = batchOf(TEMP, [1, 2, 3]);

  it('when ClickHouse has restarted in between', async () => {
    const sink = await opened(TEMP);
    await sink.insert(batch, 'token');
    await restart();
    await (await opened(TEMP)).insert(batch, 'token');
    expect(await counts()).toEqual([3, 3]);
  });

  it('when the rollup has changed in between, and ClickHouse has restarted before or after', async () => {
    const sink = await opened(TEMP);
    await sink.insert(batch, 'token');
    await (await opened(WIDER)).insert(batchOf(WIDER, [1, 2, 3]), 'token');
    expect(await counts()).toEqual([3, 3]);
    await (await opened(WIDER)).insert(batchOf(WIDER, [4, 5]), 'second');
    await restart();
    const narrow = await opened(TEMP);
    await narrow.insert(batch, 'token');
    await narrow.insert(batchOf(TEMP, [4, 5]), 'second');
    expect(await counts()).toEqual([5, 5]);
  });

  it('when an earlier Weir altered the rollup', async () => {
    const sink = await opened(TEMP);
    const query = await ask(
      `SELECT as_select FROM system.tables WHERE database = '${database}' AND name = 'sensors_1m_feed' FORMAT TSVRaw`,
    );
    await ask(`ALTER TABLE ${database}.sensors_1m_feed MODIFY QUERY ${query}`);
    await ask(`ALTER TABLE ${database}.sensors_1m_feed MODIFY COMMENT 'Kept by Weir (0123456789abcdef)'`);
    await (await opened(TEMP)).insert(batch, 'token');
    await restart();
    await sink.insert(batch, 'token');
    expect(await counts()).toEqual([3, 3]);
  });
});

interface Lie {
  readonly status: number;
  readonly code?: string;
}

/** A proxy before the server. It answers this many inserts with an error, after the server has executed them. */
async function startLiar(lies: number, { status, code }: Lie): Promise<string> {
  let left = lies;
  const proxy = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { host, connection, 'transfer-encoding': encoding, 'content-length': length, ...headers } = request.headers;
    const answer = await fetch(`${server.url}${request.url}`, {
      method: 'POST',
      headers: headers as Record<string, string>,
      body: Buffer.concat(chunks),
    });
    const body = Buffer.from(await answer.arrayBuffer());
    if (/INSERT\+?(%20| )?INTO/i.test(String(request.url)) && /sensors/.test(String(request.url)) && left-- > 0) {
      response.writeHead(status, code === undefined ? {} : { 'x-clickhouse-exception-code': code });
      response.end('Code: no. Try again');
      return;
    }
    response.writeHead(
      answer.status,
      [...answer.headers].filter(([name]) => /^x-clickhouse|^content-type/.test(name)).flat(),
    );
    response.end(body);
  });
  servers.push(proxy);
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}

describe('a refusal after the insert was executed', () => {
  it.each<Lie>([
    { status: 503 },
    { status: 429 },
    { status: 413 },
    { status: 500, code: '159' },
    { status: 500, code: '241' },
    { status: 500, code: '252' },
    { status: 500, code: '395' },
    { status: 500, code: '469' },
  ])('adds nothing twice: %o', async (lie) => {
    const url = await startLiar(3, lie);
    const sink = await opened(TEMP, url);
    const list = Array.from({ length: 2_000 }, (_, i) => i);
    const { dead } = await deliver(batchOf(TEMP, list), sink);
    expect(dead).toBe(0);
    expect(await counts()).toEqual([2_000, 2_000]);
  });
});

describe('a foreign materialized view', () => {
  it.each(['before', 'after'])('that throws for a row takes nothing from the others: made %s ours', async (when) => {
    const skipped: string[] = [];
    let sink = await opened(TEMP, server.url, (view) => skipped.push(view));
    if (when === 'before') await ask(`DROP TABLE ${database}.sensors_1m_feed SYNC`);
    await ask(`CREATE TABLE ${database}.theirs (v UInt8) ENGINE = MergeTree ORDER BY v`);
    await ask(
      `CREATE MATERIALIZED VIEW ${database}.their_view TO ${database}.theirs AS SELECT throwIf(temp = 13) AS v FROM ${database}.sensors`,
    );
    if (when === 'before') sink = await opened(TEMP, server.url, (view) => skipped.push(view));
    const list = Array.from({ length: 17 }, (_, i) => i);
    const { dead, tries } = await deliver(batchOf(TEMP, list), sink);
    expect({ dead, tries, skipped }).toEqual({ dead: 0, tries: 1, skipped: [`${database}.their_view`] });
    expect(await counts()).toEqual([17, 17]);
    // A row that the view accepts is still passed to it.
    await sink.insert(batchOf(TEMP, [100]), 'good');
    expect(await ask(`SELECT count() FROM ${database}.theirs`)).toBe('1');
    expect(skipped).toHaveLength(1);
  });

  it('whose target table is missing does not affect the others', async () => {
    const skipped: string[] = [];
    const sink = await opened(TEMP, server.url, (view) => skipped.push(view));
    await ask(`CREATE TABLE ${database}.theirs (v UInt8) ENGINE = MergeTree ORDER BY v`);
    await ask(
      `CREATE MATERIALIZED VIEW ${database}.their_view TO ${database}.theirs AS SELECT 1 AS v FROM ${database}.sensors`,
    );
    await ask(`DROP TABLE ${database}.theirs SYNC`);
    await sink.insert(batchOf(TEMP, [1, 2]), 'token');
    expect(await counts()).toEqual([2, 2]);
    expect(skipped).toHaveLength(1);
  });

  it('over the rollup that throws leaves the rollup correct', async () => {
    const sink = await opened(TEMP);
    await ask(`CREATE TABLE ${database}.theirs (v UInt8) ENGINE = MergeTree ORDER BY v`);
    await ask(
      `CREATE MATERIALIZED VIEW ${database}.nested TO ${database}.theirs AS SELECT throwIf(max_temp = 13) AS v FROM ${database}.sensors_1m_states`,
    );
    await deliver(batchOf(TEMP, [12, 13]), sink);
    expect(await counts()).toEqual([2, 2]);
  });
});

describe('a dropped table', () => {
  it.each(['sensors', 'sensors_1m_states'])('is made again by the next insert: %s', async (name) => {
    const sink = await opened(TEMP);
    await sink.insert(batchOf(TEMP, [1]), 'first');
    await ask(`DROP TABLE ${database}.${name} SYNC`);
    await sink.insert(batchOf(TEMP, [2, 3]), 'second');
    expect(await counts()).toEqual(name === 'sensors' ? [2, 3] : [3, 2]);
  });

  it('is created again with its database', async () => {
    const sink = await opened(TEMP);
    await ask(`DROP DATABASE ${database} SYNC`);
    await sink.insert(batchOf(TEMP, [1]), 'first');
    expect(await counts()).toEqual([1, 1]);
  });
});
