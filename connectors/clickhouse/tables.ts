import { createHash } from 'node:crypto';
import type { Table } from '../../engine/model/table.ts';
import { DeliveryError } from '../../engine/ports.ts';
import type { ClickHouseConnection } from './connection.ts';
import { type Rollup, rollupOf } from './rollup.ts';
import {
  columnSql,
  createTableSql,
  DEDUPLICATION_WINDOW,
  type LiveTable,
  liveTable,
  quoteName,
  quoteText,
  ttlSql,
} from './sql.ts';

interface Found {
  readonly name: string;
  readonly engine: string;
  readonly engine_full: string;
  readonly comment: string;
}

/**
 * Creates the table and its rollup, or updates them: new columns, changed comments, another TTL. If nothing has changed, it does nothing.
 * Several processes may run it at the same time, because each statement is idempotent. Rejects as `fatal` if a column has another type
 * than the config needs: data are never converted.
 */
export async function updateTable(session: ClickHouseConnection, database: string, table: Table): Promise<void> {
  await updateLiveTable(session, database, liveTable(table));
  const rollup = rollupOf(database, table);
  if (rollup !== undefined) await updateRollup(session, database, rollup);
}

/** Returns in one sentence which changed columns keep the table from storing its rows; undefined if there are none. */
export async function findDrift(
  session: ClickHouseConnection,
  database: string,
  table: Table,
): Promise<string | undefined> {
  const { columns, name } = liveTable(table);
  const found = await findColumns(session, database, name);
  const lost = columns.filter((column) => found.get(column.name)?.type !== column.type);
  if (lost.length === 0) return undefined;
  const list = lost.map(
    (column) => `${column.name} is ${found.get(column.name)?.type ?? 'missing'}, not ${column.type}`,
  );
  return `the columns of ${database}.${name} have been changed: ${list.join('; ')}`;
}

async function updateLiveTable(session: ClickHouseConnection, database: string, table: LiveTable): Promise<void> {
  const target = `${database}.${table.name}`;
  let found = await findTable(session, database, table.name);
  if (found === undefined) {
    await session.run(`create table ${target}`, createTableSql(database, table));
    // Another process may have created it first, with other columns, so the table is read again.
    found = await findTable(session, database, table.name);
  }
  if (!found?.engine.endsWith('MergeTree')) {
    const message = `${target} is a ${found?.engine ?? 'missing table'}, not a table of the MergeTree family: rename or drop it`;
    throw new DeliveryError('fatal', message);
  }
  const changes = [
    ...columnChanges(database, table, await findColumns(session, database, table.name)),
    ...settingChanges(table, found),
  ];
  if (changes.length === 0) return;
  await session.run(
    `alter table ${target}`,
    `ALTER TABLE ${quoteName(database)}.${quoteName(table.name)} ${changes.join(', ')}`,
  );
}

function columnChanges(database: string, table: LiveTable, found: FoundColumns): string[] {
  const changes: string[] = [];
  table.columns.forEach((column, i) => {
    const live = found.get(column.name);
    if (live === undefined) {
      const before = table.columns[i - 1];
      const place = before === undefined ? 'FIRST' : `AFTER ${quoteName(before.name)}`;
      changes.push(`ADD COLUMN IF NOT EXISTS ${columnSql(column)} ${place}`);
      return;
    }
    if (live.type !== column.type) {
      throw new DeliveryError(
        'fatal',
        `${database}.${table.name} has the column ${column.name} as ${live.type}, but the config needs ${column.type}: ` +
          `give the field another name, or change the column yourself (ALTER TABLE … RENAME COLUMN keeps its data)`,
      );
    }
    if (live.comment !== column.comment) {
      changes.push(`COMMENT COLUMN ${quoteName(column.name)} ${quoteText(column.comment)}`);
    }
  });
  return changes;
}

function settingChanges(table: LiveTable, found: Found): string[] {
  const changes: string[] = [];
  const ttl = /\bTTL .*toIntervalDay\((\d+)\)/.exec(found.engine_full)?.[1];
  if (table.ttlDays === undefined && ttl !== undefined) changes.push('REMOVE TTL');
  if (table.ttlDays !== undefined && ttl !== String(table.ttlDays)) changes.push(`MODIFY TTL ${ttlSql(table)}`);
  // Replicated tables always remember tokens.
  if (
    !/^(Replicated|Shared)/.test(found.engine) &&
    !/non_replicated_deduplication_window = [1-9]/.test(found.engine_full)
  ) {
    changes.push(`MODIFY SETTING non_replicated_deduplication_window = ${DEDUPLICATION_WINDOW}`);
  }
  return changes;
}

async function updateRollup(session: ClickHouseConnection, database: string, rollup: Rollup): Promise<void> {
  const { states, feed, view } = rollup;
  await updateLiveTable(session, database, states);
  const [liveFeed, liveView] = [
    await findTable(session, database, feed.name),
    await findTable(session, database, view.name),
  ];
  const feedName = `${quoteName(database)}.${quoteName(feed.name)}`;
  const to = `${quoteName(database)}.${quoteName(states.name)}`;
  if (liveFeed?.comment !== stampOf(feed.query)) {
    // The view must not be changed by ALTER: until ClickHouse restarts, it would count repeats of earlier inserts again, and after the
    // restart those of later ones.
    const verb =
      liveFeed === undefined ? 'CREATE MATERIALIZED VIEW IF NOT EXISTS' : 'CREATE OR REPLACE MATERIALIZED VIEW';
    await session.run(
      `create ${database}.${feed.name}`,
      `${verb} ${feedName} TO ${to} AS ${feed.query} COMMENT ${quoteText(stampOf(feed.query))}`,
    );
  }
  if (liveView?.comment !== stampOf(view.query)) {
    const name = `${quoteName(database)}.${quoteName(view.name)}`;
    await session.run(
      `create ${database}.${view.name}`,
      `CREATE OR REPLACE VIEW ${name} AS ${view.query} COMMENT ${quoteText(stampOf(view.query))}`,
    );
  }
}

/** Increase this if views of earlier versions must be created again although their queries are the same. */
const STAMP_VERSION = 2;

/** The comment that identifies the version of a view. The query cannot be compared, because ClickHouse stores it in its own format. */
function stampOf(query: string): string {
  const hash = createHash('sha256').update(query).digest('hex').slice(0, 16);
  return `Kept by Weir (${STAMP_VERSION}, ${hash})`;
}

type FoundColumns = ReadonlyMap<string, { readonly type: string; readonly comment: string }>;

async function findColumns(session: ClickHouseConnection, database: string, table: string): Promise<FoundColumns> {
  const rows = await session.select<{ name: string; type: string; comment: string }>(
    `read the columns of ${database}.${table}`,
    'SELECT name, type, comment FROM system.columns WHERE database = {database:String} AND table = {table:String}',
    { database, table },
  );
  return new Map(rows.map((row) => [row.name, row]));
}

async function findTable(session: ClickHouseConnection, database: string, table: string): Promise<Found | undefined> {
  const rows = await session.select<Found>(
    `check the table ${database}.${table}`,
    'SELECT name, engine, engine_full, comment FROM system.tables WHERE database = {database:String} AND name = {table:String}',
    { database, table },
  );
  return rows[0];
}
