// Longer than most: the tests share the rows of one table.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createClickHouseSink } from '../../connectors/clickhouse/clickhouse.ts';
import { createClickHouseReader } from '../../connectors/clickhouse-reader/reader.ts';
import type { EmbeddedClickHouse } from '../../connectors/embedded/clickhouse.ts';
import type { DeadLetter, DeadLetterFilter } from '../../engine/commands/deadletters/dead-letter.ts';
import { openDeadLetters } from '../../engine/commands/deadletters/query.ts';
import { retryDeadLetters } from '../../engine/commands/deadletters/retry.ts';
import { deadletters } from '../../engine/commands/deadletters.ts';
import { cut } from '../../engine/delivery/batches.ts';
import { createRowEncoder } from '../../engine/delivery/row-binary.ts';
import { DEAD_LETTERS } from '../../engine/delivery/tables.ts';
import { decodeRedrive } from '../../engine/journal/redrive.ts';
import type { Table } from '../../engine/model/table.ts';
import { makeFolder } from '../journal/folder.ts';
import { setUp } from '../pipeline/kit.ts';
import { startTestClickHouse } from './servers/clickhouse.ts';

/** The table as an older version of the engine created it. */
const BEFORE: Table = { ...DEAD_LETTERS, columns: DEAD_LETTERS.columns.filter(({ name }) => name !== 'retried') };
const AT = Date.now() - 3_600_000;

let server: EmbeddedClickHouse;
let databases = 0;
beforeAll(async () => {
  server = await startTestClickHouse();
});
afterAll(() => server.stop());

interface Row {
  readonly offset: number;
  readonly at?: number;
  readonly stream?: string;
  readonly topic?: string;
  readonly reason?: string;
  readonly payload?: string;
  readonly id?: number;
}

/** Creates a database with these rows, and a config that can read and redrive them. */
async function setting(rows: readonly Row[], table = DEAD_LETTERS) {
  const database = `weir_${databases++}`;
  const { config: base } = setUp([], {
    streams: { sensors: { topic: 'plant/{device}', format: 'json', fields: { temp: 'number' } } },
  });
  const data = makeFolder();
  const config = { ...base, data, clickhouse: { ...base.clickhouse, url: server.url, database } };
  const clickhouse = createClickHouseSink({ config: config.clickhouse });
  onTestFinished(() => clickhouse.close());
  await clickhouse.open([table]);
  const encoder = createRowEncoder(table);
  for (const { offset, at = AT + offset, stream = 'sensors', topic = 'plant/d1', reason, payload, id = 0 } of rows) {
    const row = [at, at, stream, topic, reason ?? 'malformed', 'as it was', payload ?? '{"temp":1}', offset, id, null];
    encoder.encodeRow(row.slice(0, table.columns.length), offset);
  }
  if (rows.length > 0) await clickhouse.insert(cut({ table, encoder, openedAt: 0 }), 'first');
  const reader = createClickHouseReader(server.url);
  onTestFinished(() => reader.close());
  const open = () => openDeadLetters(reader, database);
  const ask = async (query: string) => (await fetch(server.url, { method: 'POST', body: query })).text();
  return { config, database, sink: clickhouse, reader, open, ask };
}

const find = async (
  { open }: Awaited<ReturnType<typeof setting>>,
  filter: Partial<DeadLetterFilter> = {},
): Promise<DeadLetter[]> =>
  (await open()).find({ retried: false, ...filter }, { limit: 1_000, order: 'newest', payload: true });
const offsets = (letters: readonly DeadLetter[]) => letters.map(({ offset }) => offset);

describe('dead letters', () => {
  it('are messages with all their faults and unchanged bytes, the newest first', async () => {
    const world = await setting([
      { offset: 1, payload: 'é' },
      { offset: 2, reason: 'wrong-type' },
      { offset: 2, reason: 'not-finite', payload: '', id: 1 },
      { offset: 3, stream: '', reason: 'no-stream', topic: 'it\'s \\ "odd"\n' },
    ]);
    const letters = await find(world);
    expect(offsets(letters)).toEqual([3, 2, 1]);
    expect(letters[0]).toMatchObject({ topic: 'it\'s \\ "odd"\n', at: AT + 3, faults: [{ stream: '' }] });
    expect(letters[1]!.faults).toMatchObject([
      { id: 0n, reason: 'wrong-type', hasPayload: true, retriedAt: undefined },
      { id: 1n, reason: 'not-finite', hasPayload: false },
    ]);
    expect(String(letters[2]!.payload)).toBe('é');
    // A fault without a payload has that of its message.
    expect(await find(world, { reason: 'not-finite' })).toEqual([letters[1]]);
    expect(await (await world.open()).count({ retried: false })).toEqual({
      letters: 3,
      reasons: [
        ['malformed', 1],
        ['no-stream', 1],
        ['not-finite', 1],
        ['wrong-type', 1],
      ],
    });
  });

  it('are found by stream, reason, time and topic filter', async () => {
    const topics = ['a', 'a/b', 'a/b/c', 'aXb', 'a.b', 'b/a/b', 'a/ü+$/c'];
    const world = await setting(topics.map((topic, offset) => ({ offset, topic, at: AT + offset * 1_000 })));
    const byTopic = async (topic: string) => (await find(world, { topic })).map((letter) => letter.topic).sort();
    expect(await byTopic('a/#')).toEqual(['a', 'a/b', 'a/b/c', 'a/ü+$/c']);
    expect(await byTopic('a/+/c')).toEqual(['a/b/c', 'a/ü+$/c']);
    expect(await byTopic('a.b')).toEqual(['a.b']);
    expect(await byTopic('a/ü+$/c')).toEqual(['a/ü+$/c']);
    expect(await byTopic('+/a/b')).toEqual(['b/a/b']);
    expect(await byTopic('#')).toHaveLength(topics.length);
    expect(offsets(await find(world, { since: AT + 5_000 }))).toEqual([6, 5]);
    expect(await find(world, { stream: 'meters' })).toEqual([]);
    expect(await find(world, { ids: [{ text: '', offset: '3', at: AT + 3_000 }] })).toMatchObject([{ topic: 'aXb' }]);
    expect(await find(world, { ids: [{ text: '', offset: '3', at: AT + 3_001 }] })).toEqual([]);
  });

  it('of a table of an older version are read, and marked once it has the column', async () => {
    const world = await setting([{ offset: 1 }], BEFORE);
    expect(offsets(await find(world))).toEqual([1]);
    const { config, sink } = world;
    await sink.open([DEAD_LETTERS]);
    const write = { sink, owner: undefined };
    await retryDeadLetters(
      { retried: false },
      { config, deadLetters: await world.open(), write, now: Date.now, signal: never() },
    );
    expect(await find(world)).toEqual([]);
    expect(await find(world, { retried: true })).toHaveLength(1);
  });

  it('do not exist without a table', async () => {
    const { reader } = await setting([]);
    const letters = await openDeadLetters(reader, 'elsewhere');
    expect(letters.exist).toBe(false);
    expect(await letters.find({ retried: true }, { limit: 1, order: 'newest', payload: true })).toEqual([]);
  });
});

const never = () => new AbortController().signal;

describe('a retry', () => {
  it('decodes all of many dead letters, the oldest first, and marks the redriven ones', async () => {
    const rows = Array.from({ length: 250 }, (_, offset) => ({
      offset,
      // Several dead letters have the same millisecond.
      at: AT + Math.floor(offset / 7),
      payload: offset % 5 === 0 ? '{' : `{"temp":${offset}}`,
    }));
    const world = await setting([...rows, { offset: 3, at: AT, payload: '', reason: 'not-finite', id: 4 }]);
    const { config, sink, ask, database } = world;
    const write = { sink, owner: undefined };
    const options = { config, deadLetters: await world.open(), write, now: Date.now, signal: never() };
    const report = await retryDeadLetters({ retried: false }, options);
    expect(report).toMatchObject({ letters: 250, redriven: 200, readings: 200, unmarked: undefined });
    expect([...report.left]).toEqual([['malformed', 50]]);
    const [file] = report.files.map((path) => decodeRedrive(readFileSync(path)));
    if (file === undefined || typeof file === 'string') throw new Error(file);
    const written = file.messages.map(({ payload }) => JSON.parse(String(payload)).temp);
    expect(written).toEqual(rows.flatMap(({ offset }) => (offset % 5 === 0 ? [] : [offset])));
    expect(file.messages[6]).toMatchObject({ at: AT + 1, topic: 'plant/d1' });
    const check = async () => {
      expect(await ask(`SELECT count(), countIf(retried IS NOT NULL) FROM ${database}.dead_letters FINAL`)).toBe(
        '251\t201\n',
      );
    };
    await check();
    expect(offsets(await find(world)).every((offset) => offset % 5 === 0)).toBe(true);
    await ask(`OPTIMIZE TABLE ${database}.dead_letters FINAL`);
    await check();
    expect(await ask(`SELECT count() FROM ${database}.dead_letters`)).toBe('251\n');
    // Nothing is left to do.
    expect(await retryDeadLetters({ retried: false }, options)).toMatchObject({ letters: 50, redriven: 0, files: [] });
  });

  it('reads no more payloads at once than memory has room for, and finds all of them', async () => {
    const large = `{"temp":1,"more":"${'x'.repeat(1_000_000)}"}`;
    const world = await setting(Array.from({ length: 60 }, (_, offset) => ({ offset, payload: large })));
    const deadLetters = await world.open();
    const page = await deadLetters.find({ retried: false }, { limit: 1_000, order: 'oldest', payload: true });
    expect(page.length).toBeGreaterThan(8);
    expect(page.length).toBeLessThan(18);
    const { config, sink } = world;
    const streams = config.streams.map((stream) => ({ ...stream, limits: { ...stream.limits, bytes: 2_000_000 } }));
    const options = { config: { ...config, streams }, deadLetters, write: { sink, owner: undefined }, now: Date.now };
    const report = await retryDeadLetters({ retried: false }, { ...options, signal: never() });
    expect(report).toMatchObject({ letters: 60, redriven: 60 });
    // The engine reads one file at a time.
    expect(report.files.length).toBeGreaterThanOrEqual(10);
    expect(await find(world)).toEqual([]);
  });

  it('writes nothing in a dry run', async () => {
    const world = await setting([{ offset: 1 }]);
    const { config } = world;
    const deadLetters = await world.open();
    const report = await retryDeadLetters(
      { retried: false },
      { config, deadLetters, write: undefined, now: Date.now, signal: never() },
    );
    expect(report).toMatchObject({ redriven: 1, files: [] });
    expect(await find(world)).toHaveLength(1);
    expect(readdirSync(config.data)).toEqual([]);
  });

  it('reports that dead letters are not marked if ClickHouse fails after the file was written', async () => {
    const world = await setting([{ offset: 1 }], BEFORE);
    const { config, sink } = world;
    // The table has no column `retried`, so the server refuses the row.
    const write = { sink, owner: undefined };
    const report = await retryDeadLetters(
      { retried: false },
      { config, deadLetters: await world.open(), write, now: Date.now, signal: never() },
    );
    expect(report.unmarked).toEqual(expect.any(String));
    expect(report.files).toHaveLength(1);
    expect(await find(world)).toHaveLength(1);
  });
});

describe('an ID', () => {
  it('that identifies several dead letters is refused, and each is found by its full ID', async () => {
    const { database } = await setting([
      { offset: 5 },
      { offset: 5, at: AT + 90 },
      { offset: 6 },
      { offset: 6, topic: 'plant/d2', stream: '' },
    ]);
    const folder = makeFolder();
    mkdirSync(join(folder, 'rules'));
    const file = join(folder, 'weir.json');
    const config = {
      data: './data',
      rules: './rules',
      mqtt: { url: 'mqtt://localhost' },
      streams: { sensors: { topic: 'plant/{device}', format: 'json', fields: { temp: 'number' } } },
      nats: { servers: 'nats://localhost' },
      clickhouse: { url: server.url, database },
    };
    writeFileSync(file, JSON.stringify(config));
    const run = async (...args: string[]) => {
      const [stdout, stderr] = [new PassThrough(), new PassThrough()];
      const code = await deadletters.run([...args, '--config', file], {
        stdout,
        stderr,
        env: {},
        signal: never(),
      });
      return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
    };
    const [first, second] = [AT + 5, AT + 90].map((at) => `5-${at.toString(36)}`);
    expect(await run('show', '5')).toEqual({
      code: 1,
      stdout: '',
      stderr: `weir deadletters: 5 identifies several dead letters: ${second} of plant/d1; ${first} of plant/d1. Use a full ID, or select one with --topic.\n`,
    });
    expect((await run('show', first!)).stdout).toContain(`id        ${first}\n`);
    expect((await run('show', second!, '--json')).stdout).toContain(`"id":"${second}"`);
    // Two engines in one millisecond.
    expect((await run('retry', '6', '--dry-run')).stderr).toContain('6 identifies several dead letters');
    expect(await run('retry', '6', '--topic', 'plant/d2', '--dry-run')).toMatchObject({
      code: 0,
      stdout: 'would redrive: 1 dead letter with 1 reading\n',
    });
    expect(await run('retry', '6', '7', '--topic', 'plant/d2')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no dead letter 7'),
    });
  });
});
