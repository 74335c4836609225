import { FIXED_TABLES, streamTable } from '../../engine/delivery/tables.ts';
import type { StreamConfig } from '../../engine/model/config.ts';
import type { Batch } from '../../engine/model/output.ts';
import type { ColumnType, Table } from '../../engine/model/table.ts';

/** A row by the names of its columns: times in milliseconds, integers as numbers, maps as objects. */
export type Row = Record<string, unknown>;

/** Reads the rows of a batch back, from RowBinary's specification alone. */
export function readRows(batch: Batch, streams: readonly StreamConfig[]): Row[] {
  const table = [...streams.map(streamTable), ...FIXED_TABLES].find(({ name }) => name === batch.table);
  if (table === undefined) throw new Error(`no table ${batch.table}`);
  const next = createReader(batch.bytes, table);
  const rows: Row[] = [];
  for (let i = 0; i < batch.rows; i++) {
    const { row, end } = next();
    if (end !== batch.rowEnds[i]) throw new Error(`row ${i} of ${batch.table} ends at ${end}, not ${batch.rowEnds[i]}`);
    rows.push(row);
  }
  if ((batch.rowEnds.at(-1) ?? 0) !== batch.bytes.length) throw new Error(`${batch.table}: bytes behind the last row`);
  return rows;
}

function createReader(bytes: Uint8Array, table: Table): () => { row: Row; end: number } {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const skip = (size: number) => (at += size) - size;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = data.getUint8(skip(1));
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  const text = () => {
    const length = varint();
    return new TextDecoder('utf-8').decode(bytes.subarray(at, skip(length) + length));
  };
  const nullable = (inner: () => unknown) => () => (data.getUint8(skip(1)) === 1 ? null : inner());
  const bool = () => data.getUint8(skip(1)) === 1;
  const float = () => data.getFloat64(skip(8), true);
  const read: Record<ColumnType, () => unknown> = {
    'DateTime64(6)': () => Number(data.getBigInt64(skip(8), true)) / 1_000,
    UInt8: () => data.getUint8(skip(1)),
    UInt64: () => data.getBigUint64(skip(8), true).toString(),
    Float64: float,
    Bool: bool,
    String: text,
    'LowCardinality(String)': text,
    'Nullable(Float64)': nullable(float),
    'Nullable(Bool)': nullable(bool),
    'Nullable(String)': nullable(text),
    'Nullable(DateTime64(6))': nullable(() => Number(data.getBigInt64(skip(8), true)) / 1_000),
    'Map(String, String)': () => Object.fromEntries(Array.from({ length: varint() }, () => [text(), text()])),
    'Map(String, Float64)': () => Object.fromEntries(Array.from({ length: varint() }, () => [text(), float()])),
  };
  return () => {
    const row = Object.fromEntries(table.columns.map(({ name, type }) => [name, read[type]()]));
    return { row, end: at };
  };
}
