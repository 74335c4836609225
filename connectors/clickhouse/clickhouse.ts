import type { ClickHouseSettings } from '@clickhouse/client';
import type { ClickHouseConfig } from '../../engine/model/config.ts';
import type { Batch } from '../../engine/model/output.ts';
import type { Table } from '../../engine/model/table.ts';
import { DeliveryError, type PortStatus, type TableSink } from '../../engine/ports.ts';
import { applyMigrations } from './migrations.ts';
import { createSession } from './session.ts';
import { insertSql } from './sql.ts';
import { findDrift, updateTable } from './tables.ts';

export interface ClickHouseSinkOptions {
  readonly config: ClickHouseConfig;
  /** Resolved from the config; default: ClickHouse's `default`, without a password. */
  readonly username?: string;
  readonly password?: string;
}

/** A batch of up to a million rows is one block, and one token then covers it in each of its partitions. */
const BLOCK_ROWS = 1_048_576;
const BLOCK_BYTES = 1_073_741_824;

/** The same for each try of a batch: ClickHouse tells a repetition by the token, and cuts blocks by these. */
const INSERT_SETTINGS: ClickHouseSettings = {
  // The answer has to wait for the rows to be in the table, and a buffered insert would lose the batch's bounds.
  async_insert: 0,
  insert_deduplicate: 1,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  max_insert_threads: '1',
  max_insert_block_size: String(BLOCK_ROWS),
  min_insert_block_size_rows: String(BLOCK_ROWS),
  min_insert_block_size_bytes: String(BLOCK_BYTES),
  // Readings of many months in one batch (a device with a broken clock, a backfill) are no reason to refuse it for ever.
  max_partitions_per_insert_block: '0',
};

/**
 * The tables of one ClickHouse database. Rows go over HTTP as RowBinary, a batch in one request and one block per partition;
 * the server remembers the tokens of each table's last 10,000 batches, partition by partition, so that repeating a batch
 * that arrived in part adds the rest.
 */
export function createClickHouseSink(options: ClickHouseSinkOptions): TableSink {
  const { database } = options.config;
  const session = createSession(options);
  const tables = new Map<string, { table: Table; sql: string }>();
  let status: PortStatus = { name: 'clickhouse', ready: false, reason: 'not opened yet' };

  /** Notes whether the server did what it was asked; a bad row is the row's fault. */
  async function noting(work: Promise<void>): Promise<void> {
    try {
      await work;
      status = { name: 'clickhouse', ready: true };
    } catch (error) {
      const ready = error instanceof DeliveryError && error.class === 'bad-row';
      const reason = error instanceof Error ? error.message : String(error);
      status = ready ? { name: 'clickhouse', ready } : { name: 'clickhouse', ready, reason };
      throw error;
    }
  }

  async function open(wanted: readonly Table[]): Promise<void> {
    await applyMigrations(session, database);
    for (const table of wanted) {
      await updateTable(session, database, table);
      tables.set(table.name, { table, sql: insertSql(database, table) });
    }
  }

  async function insert(batch: Batch, token: string): Promise<void> {
    if (batch.rows === 0) return;
    const known = tables.get(batch.table);
    if (known === undefined) throw new DeliveryError('fatal', `the table ${batch.table} has not been opened`);
    const settings = { ...INSERT_SETTINGS, insert_deduplication_token: token };
    try {
      await session.insert(
        `insert ${batch.rows} rows into ${database}.${batch.table}`,
        known.sql,
        batch.bytes,
        settings,
      );
    } catch (error) {
      throw await explain(error as DeliveryError, known.table);
    }
  }

  /** Every row looks bad to a table whose columns somebody has changed: that is not the rows' fault. */
  async function explain(error: DeliveryError, table: Table): Promise<DeliveryError> {
    if (error.class !== 'bad-row') return error;
    const drift = await findDrift(session, database, table);
    return drift === undefined ? error : new DeliveryError('fatal', `${error.message}: ${drift}`, error.code, error);
  }

  return {
    open: (wanted) => noting(open(wanted)),
    insert: (batch, token) => noting(insert(batch, token)),
    status: () => status,
    close: async () => {
      status = { name: 'clickhouse', ready: false, reason: 'closed' };
      await session.close();
    },
  };
}
