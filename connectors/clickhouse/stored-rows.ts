import type { ClickHouseSettings } from '@clickhouse/client';
import type { Batch } from '../../engine/model/output.ts';
import type { Table } from '../../engine/model/table.ts';
import { DeliveryError } from '../../engine/ports.ts';
import type { ClickHouseConnection } from './connection.ts';
import { quoteName, quoteText } from './sql.ts';

/** How much of a batch is stored in its table; `unknown` while an insert of it still runs. */
export type StoredPart = 'none' | 'some' | 'all' | 'unknown';

/** QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING */
const QUERY_IS_RUNNING = '216';
/** One query asks for rows of at most this many bytes; a larger row is asked for alone. */
const CHUNK_BYTES = 262_144;
/** Room in a query for the text beside the rows. */
const QUERY_BYTES = 262_144;

/**
 * Asks ClickHouse how much of a batch is stored. A row counts as stored if the table has one with its sorting key and journal offset.
 * ClickHouse writes the table before it feeds the views, so if no row is in the table, no view has one. `queryId` is that of the insert.
 */
export async function findStoredRows(
  session: ClickHouseConnection,
  database: string,
  table: Table,
  batch: Batch,
  queryId: string,
): Promise<StoredPart> {
  const action = `search rows in ${database}.${table.name}`;
  let sent = 0;
  let stored = 0;
  for (const rows of chunksOf(batch)) {
    const settings = { max_query_size: String(2 * rows.length + QUERY_BYTES) };
    const counts = await count(session, { action, sql: countSql(database, table, rows), settings, queryId });
    if (counts === undefined) return 'unknown';
    sent += counts.sent;
    stored += counts.stored;
    if (stored > 0 && stored < sent) return 'some';
  }
  return stored === 0 ? 'none' : 'all';
}

interface Counts {
  readonly sent: number;
  readonly stored: number;
}

interface Question {
  readonly action: string;
  readonly sql: string;
  readonly settings: ClickHouseSettings;
  readonly queryId: string;
}

/** Runs the query with the id of the insert. The server refuses it while the insert runs; the result is then undefined. */
async function count(session: ClickHouseConnection, { action, sql, ...more }: Question): Promise<Counts | undefined> {
  try {
    const [counts] = await session.select<Counts>(action, sql, {}, more);
    return counts;
  } catch (error) {
    if (error instanceof DeliveryError && error.code === QUERY_IS_RUNNING) return undefined;
    throw error;
  }
}

function* chunksOf({ bytes, rowEnds }: Batch): Generator<Uint8Array> {
  let from = 0;
  for (let i = 0; i < rowEnds.length; i++) {
    const [end, next] = [rowEnds[i]!, rowEnds[i + 1]];
    if (next !== undefined && next - from <= CHUNK_BYTES) continue;
    yield bytes.subarray(from, end);
    from = end;
  }
}

function countSql(database: string, table: Table, rows: Uint8Array): string {
  const key = [...new Set([...table.orderBy, 'offset'])].filter((name) =>
    table.columns.some((each) => each.name === name),
  );
  const names = key.map(quoteName).join(', ');
  const structure = table.columns.map(({ name, type }) => `${quoteName(name)} ${type}`).join(', ');
  const data = `unhex('${Buffer.from(rows).toString('hex')}')`;
  const live = `${quoteName(database)}.${quoteName(table.name)}`;
  return (
    `WITH sent AS (SELECT DISTINCT ${names} FROM format(RowBinary, ${quoteText(structure)}, ${data})) ` +
    `SELECT toUInt32(count()) AS sent, ` +
    `toUInt32(countIf((${names}) IN (SELECT ${names} FROM ${live} WHERE (${names}) IN (SELECT ${names} FROM sent)))) AS stored ` +
    `FROM sent`
  );
}
