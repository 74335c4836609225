/** ClickHouse column types that Weir writes. Times are microseconds in RowBinary and milliseconds with a fraction in code. */
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

/** A column of a table in ClickHouse. */
export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** One line for `DESCRIBE TABLE`. It has the unit of a field. */
  readonly comment?: string;
}

/** A table that Weir writes. Both the encoder and the migrations use this definition. */
export interface Table {
  readonly name: string;
  readonly columns: readonly Column[];
  /** Columns of the sorting key; rows equal in all of them are one row. */
  readonly orderBy: readonly string[];
  /** Days for which rows are kept. Undefined: rows are never deleted. */
  readonly ttlDays?: number;
  /** Columns of the rollup `<name>_1m`, which has one row per device and minute. Undefined: there is no rollup. */
  readonly rollup?: {
    /** Columns whose last value is in the row. */
    readonly labels: readonly string[];
    /** Numeric columns whose `avg_`, `min_` and `max_` are in the row. */
    readonly fields: readonly string[];
  };
}
