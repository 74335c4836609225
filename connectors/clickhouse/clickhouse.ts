import { createHash } from 'node:crypto';
import type { ClickHouseSettings } from '@clickhouse/client';
import type { ClickHouseConfig, ResolvedTls } from '../../engine/model/config.ts';
import type { Batch } from '../../engine/model/output.ts';
import type { Table } from '../../engine/model/table.ts';
import { DeliveryError, type PortStatus, TABLE_BROKEN, type TableSink } from '../../engine/ports.ts';
import { createConnection } from './connection.ts';
import { AnswerError } from './errors.ts';
import { findHeld } from './held.ts';
import { applyMigrations } from './migrations.ts';
import { insertSql } from './sql.ts';
import { findDrift, updateTable } from './tables.ts';

export interface ClickHouseSinkOptions {
  readonly config: ClickHouseConfig;
  /** Resolved from the config; default: ClickHouse's `default`, without a password. */
  readonly username?: string;
  readonly password?: string;
  /** For an https URL; default: the authorities that Node trusts, and no certificate of our own. */
  readonly tls?: ResolvedTls;
  /** A materialized view that is not Weir's (by the server's spelling) failed, and went without the rows of an insert. */
  readonly onViewSkipped?: (view: string, reason: string) => void;
}

/** In place of a table's name. */
const OPENING = '';

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

const UNKNOWN_TABLE = '60';
const UNKNOWN_DATABASE = '81';

/** The same for each try of a batch, so that the server can be asked whether an earlier one is still at work. */
function queryIdOf(token: string): string {
  return `weir-${createHash('sha256').update(token).digest('hex').slice(0, 32)}`;
}

/** What a promise of the session rejects with; undefined where it does not. */
async function failureOf(work: Promise<void>): Promise<DeliveryError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof DeliveryError) return error;
    throw error;
  }
}

/**
 * The tables of one ClickHouse database. Rows go over HTTP as RowBinary, a batch in one request and one block per partition;
 * the server remembers the tokens of each table's last 10,000 batches, partition by partition, so that repeating a batch
 * that arrived in part adds the rest. A table that somebody has dropped is made again by the next insert.
 */
export function createClickHouseSink(options: ClickHouseSinkOptions): TableSink {
  const { database } = options.config;
  const session = createConnection(options);
  const tables = new Map<string, { readonly table: Table; readonly sql: string; isUpToDate: boolean }>();
  /** By table, or `OPENING`: why the last try failed. Each table has its own: one that is broken does not stop the others. */
  const failures = new Map([[OPENING, 'not opened yet']]);

  /** Notes whether the server did what it was asked; a bad row is the row's fault. */
  async function noting<T>(what: string, work: Promise<T>): Promise<T> {
    try {
      const result = await work;
      failures.delete(what);
      return result;
    } catch (error) {
      if (error instanceof DeliveryError && error.class === 'bad-row') failures.delete(what);
      else failures.set(what, error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  /** Nobody may take the sink for ready before all of its tables are there. */
  async function open(wanted: readonly Table[]): Promise<void> {
    const broken = await noting(OPENING, openTables(wanted));
    if (broken !== undefined) throw new DeliveryError('fatal', broken.message, TABLE_BROKEN, broken);
  }

  /** Every table is tried, so that one that somebody has to mend does not keep the others from their rows; returns why the first cannot be written. */
  async function openTables(wanted: readonly Table[]): Promise<DeliveryError | undefined> {
    await applyMigrations(session, database);
    let broken: DeliveryError | undefined;
    for (const table of wanted) {
      const error = await failureOf(noting(table.name, updateTable(session, database, table)));
      if (error !== undefined && error.class !== 'fatal') throw error;
      tables.set(table.name, { table, sql: insertSql(database, table), isUpToDate: error === undefined });
      broken ??= error;
    }
    return broken;
  }

  async function insert(batch: Batch, token: string): Promise<void> {
    if (batch.rows === 0) return;
    const known = tables.get(batch.table);
    if (known === undefined) throw new DeliveryError('fatal', `the table ${batch.table} has not been opened`);
    const { table, sql } = known;
    if (!known.isUpToDate) await updateTable(session, database, table);
    known.isUpToDate = true;
    const queryId = queryIdOf(token);
    const send = (settings: ClickHouseSettings = {}) =>
      session.insert(
        `insert ${batch.rows} rows into ${database}.${batch.table}`,
        sql,
        batch.bytes,
        { ...INSERT_SETTINGS, ...settings, insert_deduplication_token: token },
        queryId,
      );
    let error = await failureOf(send());
    if (error?.code === UNKNOWN_TABLE || error?.code === UNKNOWN_DATABASE) {
      // Made anew, as at a start; where that fails too, the first error says why.
      const making = applyMigrations(session, database).then(() => updateTable(session, database, table));
      if ((await failureOf(making)) === undefined) error = await failureOf(send());
    }
    const view = error === undefined ? undefined : foreignView(error, table);
    if (error !== undefined && view !== undefined) {
      const reason = error.message;
      error = await failureOf(send({ materialized_views_ignore_errors: 1 }));
      if (error === undefined) options.onViewSkipped?.(view, reason);
    }
    if (error !== undefined) await judge(error, batch, table, queryId);
  }

  /** The view that failed, where it is not the one that we keep: its rows are no business of ours. */
  function foreignView(error: DeliveryError, { name, rollup }: Table): string | undefined {
    if (!(error instanceof AnswerError)) return undefined;
    // The target of somebody's view is gone, for ours have just been looked at.
    if (error.code === UNKNOWN_TABLE) return /\bof view '(.+?)'/.exec(error.message)?.[1];
    const own = rollup === undefined ? undefined : `${name}_1m_feed`;
    const parts = error.view?.replaceAll('`', '').split('.');
    return parts === undefined || parts.at(-1) === own ? undefined : error.view;
  }

  /**
   * Rejects with what is to be done; resolves where the rows are in after all. A server may refuse what it has already written, so
   * `bad-row` and `overload`, by which a batch may be split, are said only where ClickHouse has none of its rows.
   */
  async function judge(error: DeliveryError, batch: Batch, table: Table, queryId: string): Promise<void> {
    if (error.class !== 'bad-row' && error.class !== 'overload') throw error;
    if (error.class === 'bad-row') {
      // Every row looks bad to a table whose columns somebody has changed: that is not the rows' fault.
      const drift = await findDrift(session, database, table);
      if (drift !== undefined) throw new DeliveryError('fatal', `${error.message}: ${drift}`, error.code, error);
    }
    const held = await findHeld(session, database, table, batch, queryId);
    if (held === 'none') throw error;
    const inFeed = error instanceof AnswerError && error.view !== undefined;
    if (held === 'all' && error.class === 'bad-row' && !inFeed) return;
    throw new DeliveryError('transient', `${error.message}: some of the rows may be in already`, error.code, error);
  }

  return {
    open,
    insert: (batch, token) => noting(batch.table, insert(batch, token)),
    status: () => statusOf(failures),
    close: async () => {
      failures.set(OPENING, 'closed');
      await session.close();
    },
  };
}

/** The whole server, where that is at fault, else each table that cannot be written. */
function statusOf(failures: ReadonlyMap<string, string>): PortStatus {
  if (failures.size === 0) return { name: 'clickhouse', ready: true };
  const reasons = Array.from(failures, ([table, reason]) => (table === OPENING ? reason : `table ${table}: ${reason}`));
  return { name: 'clickhouse', ready: false, reason: failures.get(OPENING) ?? reasons.join('; ') };
}
