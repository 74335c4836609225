import type { Column, Table } from '../../engine/model/table.ts';

/** A column as ClickHouse stores it. */
export interface LiveColumn {
  readonly name: string;
  /** The type as `system.columns` shows it. */
  readonly type: string;
  readonly codec?: string;
  readonly comment: string;
}

/** A table as ClickHouse stores it; used to create it, or to compare it with the existing one. */
export interface LiveTable {
  readonly name: string;
  readonly columns: readonly LiveColumn[];
  readonly engine: 'ReplacingMergeTree' | 'AggregatingMergeTree';
  /** The time column for partitions and TTL. */
  readonly time: string;
  readonly orderBy: readonly string[];
  readonly ttlDays: number | undefined;
}

/**
 * Number of inserts whose tokens a table remembers, and so the number of batches that may be repeated after a crash. With the default
 * batch size these are 100 million rows.
 */
export const DEDUPLICATION_WINDOW = 10_000;

/** The journal deletes confirmed rows, so a confirmed insert must survive a power loss. This costs 25 ms at 70k rows/s. */
const SETTINGS = [
  `non_replicated_deduplication_window = ${DEDUPLICATION_WINDOW}`,
  'fsync_after_insert = 1',
  'fsync_part_directory = 1',
];

/** Quotes an identifier with backticks. */
export function quoteName(name: string): string {
  return `\`${name.replace(/[\\`]/g, '\\$&')}\``;
}

/** Quotes a string literal. */
export function quoteText(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}

const names = (list: readonly string[]): string => list.map(quoteName).join(', ');

/**
 * Returns how ClickHouse stores a table of the engine. The codecs were measured on 1M simulated rows (1000 devices every 10 s; four
 * numbers, of which two are rounded, one has all its digits and one is a counter; two times with microseconds); without codecs a row has
 * 41.3 bytes:
 *
 *     bytes a row                    LZ4   ZSTD(1)  Delta+ZSTD  DoubleDelta+ZSTD  T64+ZSTD  Gorilla+ZSTD  FPC+ZSTD  ZSTD(3)
 *     time, received (each)         6.24     4.81        3.20              4.12      3.42
 *     four numbers                 16.21    12.37                                                  14.44     13.17    11.54
 *     offset                        4.35     1.47        0.01              0.01      0.38
 *     id (a hash)                   8.03     8.00                                      without a codec: 8.00
 *
 * With the codecs below a row has 26.2 bytes. `device` needs 0.09 bytes as String and 0.02 as LowCardinality(String), at the same speed.
 */
export function liveTable(table: Table): LiveTable {
  return {
    name: table.name,
    columns: table.columns.map(liveColumn),
    engine: 'ReplacingMergeTree',
    time: 'time',
    orderBy: table.orderBy,
    ttlDays: table.ttlDays,
  };
}

function liveColumn({ name, type, comment = '' }: Column): LiveColumn {
  switch (type) {
    case 'DateTime64(6)':
      // The time zone is explicit, so that partitions do not depend on that of the server.
      return { name, type: "DateTime64(6, 'UTC')", codec: 'Delta, ZSTD(1)', comment };
    case 'Nullable(DateTime64(6))':
      return { name, type: "Nullable(DateTime64(6, 'UTC'))", comment };
    case 'UInt64':
      return { name, type, codec: name === 'id' ? 'NONE' : 'Delta, ZSTD(1)', comment };
    case 'Float64':
    case 'Nullable(Float64)':
    case 'String':
    case 'Nullable(String)':
      return { name, type, codec: 'ZSTD(3)', comment };
    default:
      return { name, type, comment };
  }
}

/** The definition of a column for CREATE TABLE and ADD COLUMN: `name type COMMENT … CODEC(…)`. */
export function columnSql(column: LiveColumn): string {
  const comment = column.comment === '' ? '' : ` COMMENT ${quoteText(column.comment)}`;
  const codec = column.codec === undefined ? '' : ` CODEC(${column.codec})`;
  return `${quoteName(column.name)} ${column.type}${comment}${codec}`;
}

export function ttlSql(table: LiveTable): string {
  return `toDateTime(${quoteName(table.time)}) + toIntervalDay(${table.ttlDays})`;
}

/** The statement that creates a table if it does not exist. Partitions are months: there are few parts, and TTL drops whole partitions. */
export function createTableSql(database: string, table: LiveTable): string {
  return `CREATE TABLE IF NOT EXISTS ${quoteName(database)}.${quoteName(table.name)}
(
    ${table.columns.map(columnSql).join(',\n    ')}
)
ENGINE = ${table.engine}
PARTITION BY toYYYYMM(${quoteName(table.time)})
ORDER BY (${names(table.orderBy)})${table.ttlDays === undefined ? '' : `\nTTL ${ttlSql(table)}`}
SETTINGS ${SETTINGS.join(', ')}`;
}

/** The part of an INSERT before the rows. It names the columns, because the table may have others, in another order. */
export function insertSql(database: string, table: Table): string {
  const columns = names(table.columns.map(({ name }) => name));
  return `INSERT INTO ${quoteName(database)}.${quoteName(table.name)} (${columns}) FORMAT RowBinary`;
}
