import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createClickHouseSink } from '../../connectors/clickhouse/clickhouse.ts';
import { FIXED_TABLES, streamTable } from '../../engine/delivery/tables.ts';
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
  it('are Weir, who may do all it does in its database, and analysts, who read', async () => {
    const { port } = await startClickHouse(libchdb ?? '');
    const sink = createClickHouseSink({
      config: { ...config.clickhouse, url: `http://127.0.0.1:${port}` },
      username: 'weir',
      password: PASSWORDS.WEIR_CLICKHOUSE_PASSWORD,
    });
    onTestFinished(() => sink.close());
    await sink.open(TABLES);
    // Twice: what is there already is looked at in another way.
    await sink.open(TABLES);

    const weir = ask(port, 'weir', PASSWORDS.WEIR_CLICKHOUSE_PASSWORD);
    expect(await weir(`INSERT INTO weir.sensors (time, device, temp) VALUES (now(), 'press-1', 71.5)`)).toBe('');
    expect(await weir('CREATE DATABASE other')).toContain('ACCESS_DENIED');
    expect(await weir('SELECT * FROM system.users')).toContain('ACCESS_DENIED');

    const analyst = ask(port, 'analyst', PASSWORDS.WEIR_ANALYST_PASSWORD);
    expect(await analyst('SELECT device, temp FROM weir.sensors')).toBe('press-1\t71.5');
    expect(await analyst('SELECT count() FROM weir.sensors_1m SETTINGS max_threads = 1')).toBe('1');
    expect(await analyst('SELECT count() FROM weir.open_alerts')).toBe('0');
    expect(await analyst('TRUNCATE TABLE weir.sensors')).toMatch(/ACCESS_DENIED|READONLY/);
    const admin = ask(port, 'default', '');
    expect(await admin(`SELECT host_ip, host_names FROM system.users WHERE name = 'default'`)).toBe(
      "[]\t['localhost']",
    );
    expect(await ask(port, 'weir', 'guessed')('SELECT 1')).toContain('AUTHENTICATION_FAILED');
  });
});
