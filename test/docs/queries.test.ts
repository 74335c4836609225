import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClickHouseSink } from '../../connectors/clickhouse/clickhouse.ts';
import type { EmbeddedClickHouse } from '../../connectors/embedded/clickhouse.ts';
import { parseConfig } from '../../engine/config/parse.ts';
import { FIXED_TABLES, streamTable } from '../../engine/delivery/tables.ts';
import { startTestClickHouse } from '../integration/servers/clickhouse.ts';
import { blocksOf, codeRows, codeSpans, readPage, sectionOf } from './pages.ts';

const page = readPage('connectors/clickhouse/README.md');
const section = sectionOf(page, 'Tables');
const queries = [page, readPage('rules/README.md')]
  .flatMap((text) => blocksOf(text, 'sql'))
  .flatMap(({ text }) => text.split(';\n'))
  .filter((query) => query.trim() !== '');

let server: EmbeddedClickHouse;

/** Creates the tables that Weir creates for the sample config. */
beforeAll(async () => {
  server = await startTestClickHouse();
  const { config } = parseConfig('deploy/weir.json', readPage('deploy/weir.json'), '/deploy');
  const sink = createClickHouseSink({ config: { ...config!.clickhouse, url: server.url } });
  await sink.open([...config!.streams.map(streamTable), ...FIXED_TABLES]);
  await sink.close();
}, 60_000);
afterAll(() => server.stop());

async function ask(query: string): Promise<string> {
  const answer = await fetch(server.url, { method: 'POST', body: query });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text;
}

const columnsOf = async (table: string) =>
  (await ask(`SELECT name FROM system.columns WHERE database = 'weir' AND table = '${table}'`)).trim().split('\n');

test('there are queries', () => expect(queries.length).toBeGreaterThanOrEqual(11));

describe('every query of the pages', () => {
  test.each(queries)('%s', async (query) => {
    await expect(ask(query)).resolves.toBeTypeOf('string');
  });

  test('would fail if a column did not exist', async () => {
    await expect(ask(queries[0]!.replace('temp', 'tmp'))).rejects.toThrow('tmp');
  });
});

test('every table of the page exists', async () => {
  const tables = (await ask('SHOW TABLES FROM weir')).trim().split('\n');
  expect(tables).toEqual(expect.arrayContaining(codeRows(section).map(([name]) => name!)));
});

test('a table and its rollup have the columns that the page names, in that order', async () => {
  const sentence = /A stream's table has([\s\S]*?)The rollup has([\s\S]*?)\n\n/.exec(section)!;
  const inOrder = (names: readonly string[], columns: readonly string[]) =>
    columns.filter((name) => names.includes(name));
  const own = await columnsOf('sensors');
  const named = codeSpans(sentence[1]!).filter((name) => own.includes(name));
  expect(named).toEqual(inOrder(named, own));
  expect(named.length).toBeGreaterThanOrEqual(8);
  expect((await columnsOf('sensors_1m')).slice(0, 3)).toEqual(codeSpans(sentence[2]!).slice(0, 3));
});
