import type { ClickHouseConnection } from './connection.ts';
import { core } from './migrations/0001-core.ts';
import { openAlerts } from './migrations/0002-open-alerts.ts';
import { facts } from './migrations/0003-facts.ts';
import { gaps } from './migrations/0004-gaps.ts';
import type { Migration } from './migrations/migration.ts';
import { quoteName } from './sql.ts';

/** Every migration, oldest first. */
export const MIGRATIONS: readonly Migration[] = [core, openAlerts, facts, gaps];

/**
 * Creates the database if it is missing, and applies the migrations that are not in `<database>.migrations`. ClickHouse has no lock for
 * two processes, and none is needed: each statement may run twice at the same time, and a migration is listed after it is done. A process
 * that crashes in between, or a second one, only repeats statements that change nothing.
 */
export async function applyMigrations(session: ClickHouseConnection, database: string): Promise<void> {
  const quoted = quoteName(database);
  const exists = await session.select(
    `check the database ${database}`,
    'SELECT name FROM system.databases WHERE name = {database:String}',
    { database },
  );
  if (exists.length === 0) await session.run(`create database ${database}`, `CREATE DATABASE IF NOT EXISTS ${quoted}`);
  const applied = await appliedMigrations(session, database);
  for (const { id, name, statements } of MIGRATIONS) {
    if (applied.has(id)) continue;
    const action = `migration ${String(id).padStart(4, '0')}-${name}`;
    for (const statement of statements(quoted)) await session.run(action, statement);
    await session.run(
      action,
      `INSERT INTO ${quoted}.migrations (id, name) SETTINGS async_insert = 0 VALUES (${id}, '${name}')`,
    );
  }
}

async function appliedMigrations(session: ClickHouseConnection, database: string): Promise<ReadonlySet<number>> {
  const quoted = quoteName(database);
  const table = await session.select(
    `check the table ${database}.migrations`,
    `SELECT name FROM system.tables WHERE database = {database:String} AND name = 'migrations'`,
    { database },
  );
  if (table.length === 0) {
    await session.run(
      `create table ${database}.migrations`,
      `CREATE TABLE IF NOT EXISTS ${quoted}.migrations (id UInt32, name String, applied DateTime64(3, 'UTC') DEFAULT now64(3)) ` +
        'ENGINE = ReplacingMergeTree ORDER BY id',
    );
  }
  const rows = await session.select<{ id: number }>(
    `read ${database}.migrations`,
    `SELECT DISTINCT id FROM ${quoted}.migrations`,
    {},
  );
  return new Set(rows.map(({ id }) => id));
}
