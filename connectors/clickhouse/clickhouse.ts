import { createHash } from 'node:crypto';
import type { ClickHouseSettings } from '@clickhouse/client';
import type { ClickHouseConfig, ResolvedTls } from '../../engine/model/config.ts';
import type { Batch } from '../../engine/model/output.ts';
import type { Table } from '../../engine/model/table.ts';
import { DeliveryError, type PortStatus, TABLE_BROKEN, type TableSink } from '../../engine/ports.ts';
import { createConnection } from './connection.ts';
import { AnswerError } from './errors.ts';
import { applyMigrations } from './migrations.ts';
import { insertSql } from './sql.ts';
import { findStoredRows } from './stored-rows.ts';
import { findDrift, updateTable } from './tables.ts';

export interface ClickHouseSinkOptions {
  readonly config: ClickHouseConfig;
  /** The user, resolved from the config. Default: ClickHouse's user `default`, without a password. */
  readonly username?: string;
  readonly password?: string;
  /** TLS options for an https URL. Default: the certificate authorities of Node, and no client certificate. */
  readonly tls?: ResolvedTls;
  /** Called when a materialized view that is not Weir's failed, and an insert was written without it. `view` is the server's name of it. */
  readonly onViewSkipped?: (view: string, reason: string) => void;
}

/** The key of failures that concern the whole server, in place of a table name. */
const SERVER = '';

/** A batch of up to a million rows is one block, so that one token covers it in each of its partitions. */
const BLOCK_ROWS = 1_048_576;
const BLOCK_BYTES = 1_073_741_824;

/** Must be equal in each attempt of a batch: ClickHouse detects a duplicate by the token, and these settings decide how it cuts blocks. */
const INSERT_SETTINGS: ClickHouseSettings = {
  // The answer must wait until the rows are in the table, and a buffered insert would lose the bounds of the batch.
  async_insert: 0,
  insert_deduplicate: 1,
  deduplicate_blocks_in_dependent_materialized_views: 1,
  max_insert_threads: '1',
  max_insert_block_size: String(BLOCK_ROWS),
  min_insert_block_size_rows: String(BLOCK_ROWS),
  min_insert_block_size_bytes: String(BLOCK_BYTES),
  // A batch with readings of many months (a device with a broken clock, a backfill) must not be refused every time.
  max_partitions_per_insert_block: '0',
};

const UNKNOWN_TABLE = '60';
const UNKNOWN_DATABASE = '81';

/** The query id of a batch. It is the same in each attempt, so that the server can be asked whether an earlier insert still runs. */
function queryIdOf(token: string): string {
  return `weir-${createHash('sha256').update(token).digest('hex').slice(0, 32)}`;
}

/** The DeliveryError of a promise; undefined if it succeeds. Other errors are thrown. */
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
 * The sink that writes the tables of one ClickHouse database. Rows are sent over HTTP as RowBinary, a batch in one request and one block
 * per partition. The server remembers the tokens of each table's last 10,000 batches per partition, so a repeated batch that was written
 * in part adds only the rest. A table that was dropped is created again by the next insert.
 */
export function createClickHouseSink(options: ClickHouseSinkOptions): TableSink {
  const { database } = options.config;
  const session = createConnection(options);
  const tables = new Map<string, { readonly table: Table; readonly sql: string; isUpToDate: boolean }>();
  /** Why the last attempt failed, by table or `SERVER`. Tables are independent: one that cannot be written does not stop the others. */
  const failures = new Map([[SERVER, 'not open yet']]);

  /** Records whether the work succeeded, for `status`. A bad row is not a failure of the table. */
  async function trackFailure<T>(what: string, work: Promise<T>): Promise<T> {
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

  /** Resolves only if all tables exist and are up to date. */
  async function open(wanted: readonly Table[]): Promise<void> {
    const broken = await trackFailure(SERVER, openTables(wanted));
    if (broken !== undefined) throw new DeliveryError('fatal', broken.message, TABLE_BROKEN, broken);
  }

  /** Prepares every table, so that one that needs repair does not stop the others. Returns why the first of those cannot be written. */
  async function openTables(wanted: readonly Table[]): Promise<DeliveryError | undefined> {
    await applyMigrations(session, database);
    let broken: DeliveryError | undefined;
    for (const table of wanted) {
      const error = await failureOf(trackFailure(table.name, updateTable(session, database, table)));
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
      // The table is created again, as at a start. If that fails too, the first error has the reason.
      const making = applyMigrations(session, database).then(() => updateTable(session, database, table));
      if ((await failureOf(making)) === undefined) error = await failureOf(send());
    }
    const view = error === undefined ? undefined : foreignView(error, table);
    if (error !== undefined && view !== undefined) {
      const reason = error.message;
      error = await failureOf(send({ materialized_views_ignore_errors: 1 }));
      if (error === undefined) options.onViewSkipped?.(view, reason);
    }
    if (error !== undefined) await handleRefusal(error, batch, table, queryId);
  }

  /** The failed materialized view if it is not Weir's own; a failure of such a view must not stop Weir's inserts. */
  function foreignView(error: DeliveryError, { name, rollup }: Table): string | undefined {
    if (!(error instanceof AnswerError)) return undefined;
    // The target table of a foreign view is missing, because our own tables have just been checked.
    if (error.code === UNKNOWN_TABLE) return /\bof view '(.+?)'/.exec(error.message)?.[1];
    const own = rollup === undefined ? undefined : `${name}_1m_feed`;
    const parts = error.view?.replaceAll('`', '').split('.');
    return parts === undefined || parts.at(-1) === own ? undefined : error.view;
  }

  /**
   * Handles a refused insert: rejects with the error for the caller, or resolves if the rows are stored after all. A server may refuse an
   * insert that it has already written. So `bad-row` and `overload`, after which a batch may be split, are reported only if ClickHouse has
   * none of its rows.
   */
  async function handleRefusal(error: DeliveryError, batch: Batch, table: Table, queryId: string): Promise<void> {
    if (error.class !== 'bad-row' && error.class !== 'overload') throw error;
    if (error.class === 'bad-row') {
      // If the columns of the table were changed, every row looks bad; the cause is then the table and not the rows.
      const drift = await findDrift(session, database, table);
      if (drift !== undefined) throw new DeliveryError('fatal', `${error.message}: ${drift}`, error.code, error);
    }
    const stored = await findStoredRows(session, database, table, batch, queryId);
    if (stored === 'none') throw error;
    const inFeed = error instanceof AnswerError && error.view !== undefined;
    if (stored === 'all' && error.class === 'bad-row' && !inFeed) return;
    throw new DeliveryError('transient', `${error.message}: some of the rows may already be stored`, error.code, error);
  }

  return {
    open,
    insert: (batch, token) => trackFailure(batch.table, insert(batch, token)),
    status: () => statusOf(failures),
    close: async () => {
      failures.set(SERVER, 'closed');
      await session.close();
    },
  };
}

/** The reason of the server if there is one, otherwise each table that cannot be written. */
function statusOf(failures: ReadonlyMap<string, string>): PortStatus {
  if (failures.size === 0) return { name: 'clickhouse', ready: true };
  const reasons = Array.from(failures, ([table, reason]) => (table === SERVER ? reason : `table ${table}: ${reason}`));
  return { name: 'clickhouse', ready: false, reason: failures.get(SERVER) ?? reasons.join('; ') };
}
