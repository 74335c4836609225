import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createClickHouseSink } from '../../connectors/clickhouse/clickhouse.ts';
import { cut } from '../../engine/delivery/batches.ts';
import { createRowEncoder } from '../../engine/delivery/row-binary.ts';
import { DEAD_LETTERS, FIXED_TABLES, streamTable } from '../../engine/delivery/tables.ts';
import { PASSWORDS, sampleConfig } from './files.ts';
import { libchdb, startClickHouse } from './servers.ts';

vi.setConfig({ testTimeout: 60_000 });

const config = sampleConfig();
const TABLES = [...config.streams.map(streamTable), ...FIXED_TABLES];

function ask(port: number, user: string, password: string) {
  return async (query: string): Promise<string> => {
    const headers = { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password, connection: 'close' };
    return (await (await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body: query })).text()).trim();
  };
}

describe.skipIf(libchdb === undefined)('the users of clickhouse/users.xml', () => {
  it('are Weir, which has the permissions that it needs, and analysts, who can only read', async () => {
    const { port } = await startClickHouse(libchdb ?? '');
    const sink = createClickHouseSink({
      config: { ...config.clickhouse, url: `http://127.0.0.1:${port}` },
      username: 'weir',
      password: PASSWORDS.WEIR_CLICKHOUSE_PASSWORD,
    });
    onTestFinished(() => sink.close());
    await sink.open(TABLES);
    // It runs twice, because existing tables are checked with other queries.
    await sink.open(TABLES);

    const weir = ask(port, 'weir', PASSWORDS.WEIR_CLICKHOUSE_PASSWORD);
    expect(await weir(`INSERT INTO weir.sensors (time, device, temp) VALUES (now(), 'press-1', 71.5)`)).toBe('');
    // After a refused row the engine asks which rows are stored.
    const bad = { table: DEAD_LETTERS, encoder: createRowEncoder(DEAD_LETTERS), openedAt: 0 };
    bad.encoder.encodeRow([0, 0, '', 'topic', 'odd', '', '', 1, 1, undefined], 1);
    await weir(`ALTER TABLE weir.dead_letters ADD CONSTRAINT never CHECK topic = ''`);
    await expect(sink.insert(cut(bad), 'token')).rejects.toMatchObject({ class: 'bad-row', code: '469' });
    expect(await weir('CREATE DATABASE other')).toContain('ACCESS_DENIED');
    expect(await weir('SELECT * FROM system.users')).toContain('ACCESS_DENIED');

    const source = `SOURCE(HTTP(URL 'http://127.0.0.1:1/' FORMAT 'TSV'))`;
    const dictionary = (name: string) =>
      `${name} weir.d (a UInt64, b String) PRIMARY KEY a ${source} LIFETIME(0) LAYOUT(FLAT())`;
    for (const query of [
      dictionary('CREATE DICTIONARY'),
      dictionary('CREATE OR REPLACE DICTIONARY'),
      `CREATE TABLE weir.d (a UInt64) ENGINE = Dictionary('other')`,
      `CREATE TABLE weir.d (a UInt64) ENGINE = URL('http://127.0.0.1:1/', TSV)`,
      `CREATE TABLE weir.d (a UInt64) ENGINE = Distributed('default', 'system', 'one')`,
      `CREATE MATERIALIZED VIEW weir.d REFRESH EVERY 1 DAY TO weir.sensors AS SELECT * FROM url('http://127.0.0.1:1/', TSV, 'device String')`,
      `SELECT * FROM url('http://127.0.0.1:1/', TSV, 'a String')`,
      `SELECT * FROM remote('127.0.0.1:1', system.one)`,
      `SELECT * FROM file('x', TSV, 'a String')`,
      `CREATE FUNCTION weir_f AS (a) -> a`,
      `CREATE USER stranger`,
    ]) {
      expect([query, await weir(query)]).toEqual([query, expect.stringContaining('ACCESS_DENIED')]);
    }

    const analyst = ask(port, 'analyst', PASSWORDS.WEIR_ANALYST_PASSWORD);
    expect(await analyst('SELECT device, temp FROM weir.sensors')).toBe('press-1\t71.5');
    expect(await analyst('SELECT count() FROM weir.sensors_1m SETTINGS max_threads = 1')).toBe('1');
    expect(await analyst('SELECT count() FROM weir.open_alerts')).toBe('0');
    for (const setting of [
      'max_memory_usage = 0',
      'max_memory_usage = 1000000001',
      'max_memory_usage_for_user = 0',
      'max_execution_time = 0',
      'max_execution_time = 61',
      `timeout_overflow_mode = 'break'`,
      'max_threads = 5',
      'max_concurrent_queries_for_user = 0',
      'max_untracked_memory = 1000000000000',
      'readonly = 0',
    ]) {
      const answer = await analyst(`SELECT 1 SETTINGS ${setting}`);
      expect([setting, answer]).toEqual([setting, expect.stringMatching(/SETTING_CONSTRAINT_VIOLATION|READONLY/)]);
    }
    expect(
      await analyst('SELECT 1 SETTINGS max_execution_time = 5, max_memory_usage = 500000000, join_use_nulls = 1'),
    ).toBe('1');
    expect(await analyst('TRUNCATE TABLE weir.sensors')).toMatch(/ACCESS_DENIED|READONLY/);
    const admin = ask(port, 'default', '');
    expect(await admin(`SELECT host_ip, host_names FROM system.users WHERE name = 'default'`)).toBe(
      "[]\t['localhost']",
    );
    expect(await ask(port, 'weir', 'guessed')('SELECT 1')).toContain('AUTHENTICATION_FAILED');
  });
});
