import type { FieldValue } from '../model/field.ts';
import type { Reading } from '../model/reading.ts';
import type { Column, ColumnType, Table } from '../model/table.ts';
import { type EncodedRows, RowBuffer } from './row-buffer.ts';

/** What both encoders share: rows accumulate until they are taken. */
interface Encoder {
  /** Number of rows since the last `take`. */
  readonly rows: number;
  /** Bytes of these rows. */
  readonly byteLength: number;
  /** Returns the rows as a copy, and clears the encoder. */
  take(): EncodedRows;
}

/** Encodes readings into the rows of their stream's table. */
export interface ReadingEncoder extends Encoder {
  /** Appends one row. The reading's labels and values must be those of the table's stream, with values of the declared types. */
  encodeReading(reading: Reading): void;
}

/** Encodes rows of any table from a value per column. It is for tables with few rows. */
export interface RowEncoder extends Encoder {
  /**
   * Appends one row. `offset` is the journal offset that caused it. Values are in the order of the columns:
   * times as milliseconds, UInt64 as a safe integer or a bigint, String as text or bytes, Map as a record, `null` or
   * `undefined` for no value of a Nullable or Map. Throws a TypeError on any other value, and then appends no part of the row.
   */
  encodeRow(values: readonly unknown[], offset: number): void;
}

const NUMBER = 0;
const BOOLEAN = 1;

/** The columns of a stream's table before its labels (`HEAD`) and after its fields (`TAIL`), as `streamTable` defines them. */
const HEAD = ['time', 'received', 'device'];
const TAIL = ['extra', 'late', 'clamped', 'offset', 'id'];

/** Compiles the encoder of a table that `streamTable` made. Throws a TypeError on another table. */
export function createReadingEncoder(table: Table): ReadingEncoder {
  const { labelCount, fieldKinds } = planOf(table);
  const fieldCount = fieldKinds.length;
  const buffer = createBuffer(table.columns);
  return {
    get rows() {
      return buffer.rows;
    },
    get byteLength() {
      return buffer.byteLength;
    },
    take: () => buffer.take(),
    encodeReading(reading) {
      const { labels, values, extra } = reading;
      buffer.writeTime(reading.time);
      buffer.writeTime(reading.receivedAt);
      buffer.writeString(reading.device);
      for (let i = 0; i < labelCount; i++) buffer.writeString(labels[i] as string);
      for (let i = 0; i < fieldCount; i++) {
        const value = values[i];
        if (value === undefined) buffer.writeByte(1);
        else writeField(buffer, fieldKinds[i] as number, value);
      }
      if (extra === undefined) buffer.writeByte(0);
      else buffer.writeMap(extra);
      buffer.writeBool(reading.late);
      buffer.writeBool(reading.clamped);
      buffer.writeUInt64(reading.offset);
      buffer.writeHalves(reading.idHigh, reading.idLow);
      buffer.endRow(reading.offset);
    },
  };
}

function writeField(buffer: RowBuffer, kind: number, value: FieldValue): void {
  buffer.writeByte(0);
  if (kind === NUMBER) buffer.writeFloat64(value as number);
  else if (kind === BOOLEAN) buffer.writeBool(value as boolean);
  else buffer.writeString(value as string);
}

function planOf(table: Table): { labelCount: number; fieldKinds: Uint8Array } {
  const { columns } = table;
  const names = columns.map((column) => column.name);
  const inner = columns.slice(HEAD.length, -TAIL.length);
  const firstField = inner.findIndex((column) => column.type !== 'LowCardinality(String)');
  const labelCount = firstField < 0 ? inner.length : firstField;
  const kinds = inner.slice(labelCount).map(kindOf);
  const framed =
    HEAD.every((name, i) => names[i] === name) && TAIL.every((name, i) => names.at(i - TAIL.length) === name);
  if (!framed || kinds.includes(-1)) throw new TypeError(`Table ${table.name} is not the table of a stream.`);
  return { labelCount, fieldKinds: Uint8Array.from(kinds) };
}

function kindOf(column: Column): number {
  return ['Nullable(Float64)', 'Nullable(Bool)', 'Nullable(String)'].indexOf(column.type);
}

/** Compiles the encoder of any table. */
export function createRowEncoder(table: Table): RowEncoder {
  const { columns } = table;
  const codecs: readonly Codec[] = columns.map(({ type }) => CODECS[type]);
  const buffer = createBuffer(columns);
  return {
    get rows() {
      return buffer.rows;
    },
    get byteLength() {
      return buffer.byteLength;
    },
    take: () => buffer.take(),
    encodeRow(values, offset) {
      if (values.length !== codecs.length) {
        throw new TypeError(`${table.name}: ${values.length} values for ${codecs.length} columns`);
      }
      for (let i = 0; i < codecs.length; i++) {
        const value = values[i];
        if (codecs[i]!.holds(value)) continue;
        const { name, type } = columns[i]!;
        throw new TypeError(`${table.name}.${name}: ${type} cannot hold ${typeof value} ${value}`);
      }
      for (let i = 0; i < codecs.length; i++) codecs[i]!.write(buffer, values[i]);
      buffer.endRow(offset);
    },
  };
}

/** How the generic encoder writes a column type. */
interface Codec {
  /** Bytes that a value writes without reserving them first. The varint of a length counts 5. */
  readonly fixedBytes: number;
  /** Whether the column type can hold the value. */
  readonly holds: (value: unknown) => boolean;
  /** Writes a value that the type can hold. */
  readonly write: (buffer: RowBuffer, value: unknown) => void;
}

const float64: Codec = {
  fixedBytes: 8,
  holds: (value) => typeof value === 'number',
  write: (buffer, value) => buffer.writeFloat64(value as number),
};

const bool: Codec = {
  fixedBytes: 1,
  holds: (value) => typeof value === 'boolean',
  write: (buffer, value) => buffer.writeBool(value as boolean),
};

const string: Codec = {
  fixedBytes: 5,
  holds: (value) => typeof value === 'string' || value instanceof Uint8Array,
  write: (buffer, value) =>
    typeof value === 'string' ? buffer.writeString(value) : buffer.writeBytes(value as Uint8Array),
};

const isNone = (value: unknown): boolean => value === null || value === undefined;

const nullable = (inner: Codec): Codec => ({
  fixedBytes: 1 + inner.fixedBytes,
  holds: (value) => isNone(value) || inner.holds(value),
  write: (buffer, value) => {
    buffer.writeByte(isNone(value) ? 1 : 0);
    if (!isNone(value)) inner.write(buffer, value);
  },
});

const time: Codec = {
  fixedBytes: 8,
  holds: (value) => Number.isFinite(value),
  write: (buffer, value) => buffer.writeTime(value as number),
};

const CODECS = {
  'DateTime64(6)': time,
  'Nullable(DateTime64(6))': nullable(time),
  UInt8: {
    fixedBytes: 1,
    holds: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255,
    write: (buffer, value) => buffer.writeByte(value as number),
  },
  UInt64: {
    fixedBytes: 8,
    holds: (value) =>
      typeof value === 'bigint'
        ? value === BigInt.asUintN(64, value)
        : Number.isSafeInteger(value) && (value as number) >= 0,
    write: (buffer, value) => {
      if (typeof value === 'number') buffer.writeUInt64(value);
      else buffer.writeHalves(Number((value as bigint) >> 32n), Number((value as bigint) & 0xffff_ffffn));
    },
  },
  Float64: float64,
  'Nullable(Float64)': nullable(float64),
  'Nullable(Bool)': nullable(bool),
  'Nullable(String)': nullable(string),
  Bool: bool,
  String: string,
  'LowCardinality(String)': string,
  'Map(String, String)': {
    fixedBytes: 5,
    holds: (value) => isNone(value) || isRecordOf('string', value),
    write: (buffer, value) => buffer.writeMap((value ?? {}) as Readonly<Record<string, string>>),
  },
  'Map(String, Float64)': {
    fixedBytes: 5,
    holds: (value) => isNone(value) || isRecordOf('number', value),
    write: (buffer, value) => buffer.writeNumbers((value ?? {}) as Readonly<Record<string, number>>),
  },
} satisfies Record<ColumnType, Codec>;

function isRecordOf(type: 'string' | 'number', value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every((entry) => typeof entry === type);
}

function createBuffer(columns: readonly Column[]): RowBuffer {
  return new RowBuffer(columns.reduce((sum, column) => sum + CODECS[column.type].fixedBytes, 0));
}
