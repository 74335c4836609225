/** ClickHouse column types that Weir writes. Times are microseconds in RowBinary, milliseconds with fraction in code. */
export type ColumnType =
  | 'DateTime64(6)'
  | 'Nullable(DateTime64(6))'
  | 'UInt8'
  | 'UInt64'
  | 'Float64'
  | 'Nullable(Float64)'
  | 'Nullable(Bool)'
  | 'Nullable(String)'
  | 'Bool'
  | 'String'
  | 'LowCardinality(String)'
  | 'Map(String, String)'
  | 'Map(String, Float64)';

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** One line for `DESCRIBE TABLE`; carries the unit of a field. */
  readonly comment?: string;
}

/** A table that Weir writes, as both the encoder and the migrations see it. */
export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  /** Columns of the sorting key; rows equal in all of them are one row. */
  readonly orderBy: readonly string[];
  /** Days to keep; undefined keeps for ever. */
  readonly ttlDays?: number;
  /** Keep the view `<name>_1m`, a row per device and minute; undefined keeps none. */
  readonly rollup?: {
    /** Columns whose last value stands in the row. */
    readonly labels: readonly string[];
    /** Numeric columns whose `avg_`, `min_` and `max_` stand in the row. */
    readonly fields: readonly string[];
  };
}
