import type { ClickHouseSettings } from '@clickhouse/client';
import type { Batch } from '../../engine/model/output.ts';
import type { Table } from '../../engine/model/table.ts';
import { DeliveryError } from '../../engine/ports.ts';
import type { ClickHouseConnection } from './connection.ts';
import { quoteName, quoteText } from './sql.ts';

/** How much of a batch is in its table; `unknown` while an insert of it is still at work. */
export type Held = 'none' | 'some' | 'all' | 'unknown';

/** QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING */
const QUERY_IS_RUNNING = '216';
/** Rows of this many bytes are asked for at once; a row that is larger goes alone. */
const CHUNK_BYTES = 262_144;
/** Room in a query for what stands beside the rows. */
const QUERY_BYTES = 262_144;

/**
 * Asks how much of a batch is in its table. A row is there where one with its sorting key and its journal offset is. ClickHouse
 * writes the table first and then feeds its views, so where no row is in the table, no view has seen one. `queryId` is that of the batch's insert.
 */
export async function findHeld(
  session: ClickHouseConnection,
  database: string,
  table: Table,
  batch: Batch,
  queryId: string,
): Promise<Held> {
  const action = `look for rows in ${database}.${table.name}`;
  let sent = 0;
  let held = 0;
  for (const rows of chunksOf(batch)) {
    const settings = { max_query_size: String(2 * rows.length + QUERY_BYTES) };
    const counts = await count(session, { action, sql: countSql(database, table, rows), settings, queryId });
    if (counts === undefined) return 'unknown';
    sent += counts.sent;
    held += counts.held;
    if (held > 0 && held < sent) return 'some';
  }
  return held === 0 ? 'none' : 'all';
}

interface Counts {
  readonly sent: number;
  readonly held: number;
}

interface Question {
  readonly action: string;
  readonly sql: string;
  readonly settings: ClickHouseSettings;
  readonly queryId: string;
}

/** Asks under the id of the insert, which the server refuses while that is at work: undefined then. */
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
    `toUInt32(countIf((${names}) IN (SELECT ${names} FROM ${live} WHERE (${names}) IN (SELECT ${names} FROM sent)))) AS held ` +
    `FROM sent`
  );
}
