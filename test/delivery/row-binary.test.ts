import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createReadingEncoder, createRowEncoder } from '../../engine/delivery/row-binary.ts';
import { streamTable } from '../../engine/delivery/tables.ts';
import type { StreamConfig } from '../../engine/model/config.ts';
import type { Reading } from '../../engine/model/reading.ts';
import type { ColumnType, Table } from '../../engine/model/table.ts';

/** An independent reader of RowBinary, written from its specification. */
function reader(bytes: Uint8Array) {
  const buffer = Buffer.from(bytes);
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = buffer.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(value);
    }
  };
  const string = () => {
    const length = varint();
    at += length;
    return buffer.subarray(at - length, at).toString('utf8');
  };
  const read: Record<ColumnType, () => unknown> = {
    'DateTime64(6)': () => buffer.readBigInt64LE((at += 8) - 8),
    'Nullable(DateTime64(6))': () => (buffer.readUInt8(at++) === 1 ? null : read['DateTime64(6)']()),
    UInt8: () => buffer.readUInt8(at++),
    UInt64: () => buffer.readBigUInt64LE((at += 8) - 8),
    Float64: () => buffer.readDoubleLE((at += 8) - 8),
    Bool: () => buffer.readUInt8(at++) === 1,
    String: string,
    'LowCardinality(String)': string,
    'Nullable(Float64)': () => (buffer.readUInt8(at++) === 1 ? null : read.Float64()),
    'Nullable(Bool)': () => (buffer.readUInt8(at++) === 1 ? null : read.Bool()),
    'Nullable(String)': () => (buffer.readUInt8(at++) === 1 ? null : read.String()),
    'Map(String, String)': () => Array.from({ length: varint() }, () => [string(), string()]),
    'Map(String, Float64)': () => Array.from({ length: varint() }, () => [string(), read.Float64()]),
  };
  return { row: (table: Table) => table.columns.map(({ type }) => read[type]()), position: () => at };
}

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary-ascii', minLength: 40, maxLength: 300 }),
  fc.constantFrom('', '\0', 'x'.repeat(127), 'x'.repeat(128), 'é'.repeat(64), '°'.repeat(20_000), '😀'),
);
/** Microseconds from 1970 to 2255: up to then, a double of milliseconds distinguishes all of them. */
const micros = fc.oneof(fc.bigInt(0n, 4_102_444_800_000_000n), fc.constantFrom(0n, 0xffff_ffffn, 0x1_0000_0000n));
const uint64 = fc.bigInt(0n, 0xffff_ffff_ffff_ffffn);
/** A millisecond of the year 2100 has thousands of doubles, so the double nearest to a microsecond is converted back to it. */
const msOf = (us: bigint) => Number(us) / 1000;

const values: Record<ColumnType, fc.Arbitrary<readonly [given: unknown, read: unknown]>> = {
  'DateTime64(6)': micros.map((us) => [msOf(us), us]),
  'Nullable(DateTime64(6))': fc.option(micros).map((us) => [us === null ? us : msOf(us), us]),
  UInt8: fc.nat(255).map((n) => [n, n]),
  UInt64: fc.oneof(
    uint64.map((n) => [n, n] as const),
    fc.maxSafeNat().map((n) => [n, BigInt(n)] as const),
  ),
  Float64: fc.double().map((n) => [n, n]),
  Bool: fc.boolean().map((b) => [b, b]),
  String: fc.oneof(
    text.map((s) => [s, s] as const),
    text.map((s) => [Buffer.from(s), s] as const),
  ),
  'LowCardinality(String)': text.map((s) => [s, s]),
  'Nullable(Float64)': fc.option(fc.double()).map((n) => [n, n]),
  'Nullable(Bool)': fc.option(fc.boolean()).map((b) => [b ?? undefined, b]),
  'Nullable(String)': fc.option(text).map((s) => [s, s]),
  'Map(String, String)': fc.dictionary(text, text, { maxKeys: 5 }).map((map) => [map, Object.entries(map)]),
  'Map(String, Float64)': fc.dictionary(text, fc.double(), { maxKeys: 5 }).map((map) => [map, Object.entries(map)]),
};

const types = Object.keys(values) as ColumnType[];
const tableAndRows = fc.array(fc.constantFrom(...types), { minLength: 1, maxLength: 12 }).chain((chosen) =>
  fc.record({
    table: fc.constant<Table>({ name: 't', columns: chosen.map((type, i) => ({ name: `c${i}`, type })), orderBy: [] }),
    rows: fc.array(fc.tuple(...chosen.map((type) => values[type])), { maxLength: 8 }),
  }),
);

describe('createRowEncoder', () => {
  it('writes values that an independent reader reads back', () => {
    fc.assert(
      fc.property(tableAndRows, ({ table, rows }) => {
        const encoder = createRowEncoder(table);
        rows.forEach((row, i) => {
          encoder.encodeRow(
            row.map(([given]) => given),
            i * 10,
          );
        });
        const taken = encoder.take();
        const read = reader(taken.bytes);
        const ends: number[] = [];
        for (const row of rows) {
          expect(read.row(table)).toEqual(row.map(([, expected]) => expected));
          ends.push(read.position());
        }
        expect(read.position()).toBe(taken.bytes.length);
        expect([...taken.rowEnds]).toEqual(ends);
        expect([...taken.rowOffsets]).toEqual(rows.map((_, i) => i * 10));
      }),
      { numRuns: 300 },
    );
  });

  it('replaces lone surrogates, because UTF-8 cannot encode them', () => {
    const table: Table = { name: 't', columns: [{ name: 'a', type: 'String' }], orderBy: [] };
    const encoder = createRowEncoder(table);
    encoder.encodeRow(['a\ud800b'], 0);
    expect(reader(encoder.take().bytes).row(table)).toEqual(['a\ufffdb']);
  });

  it('writes times before 1970 and whole milliseconds up to 2261', () => {
    const table: Table = { name: 't', columns: [{ name: 'a', type: 'DateTime64(6)' }], orderBy: [] };
    for (const ms of [-1, -0.001, -2_208_988_800_000, Date.UTC(2255, 5, 5), Date.UTC(2261, 11, 31, 23, 59, 59, 999)]) {
      const encoder = createRowEncoder(table);
      encoder.encodeRow([ms], 0);
      expect(reader(encoder.take().bytes).row(table)).toEqual([BigInt(Math.round(ms * 1000))]);
    }
  });

  it.each<[ColumnType, unknown]>([
    ['DateTime64(6)', Number.NaN],
    ['DateTime64(6)', '2025-01-01'],
    ['UInt8', 256],
    ['UInt64', -1],
    ['UInt64', 0.5],
    ['UInt64', 2 ** 64],
    ['UInt64', 1n << 64n],
    ['Float64', null],
    ['Bool', 1],
    ['String', null],
    ['Nullable(String)', 5],
    ['Map(String, String)', { a: 1 }],
  ])('refuses a value that %s cannot hold, and writes no byte of its row', (type, value) => {
    const table: Table = {
      name: 't',
      columns: [
        { name: 'a', type: 'String' },
        { name: 'b', type },
      ],
      orderBy: [],
    };
    const encoder = createRowEncoder(table);
    expect(() => encoder.encodeRow(['x', value], 0)).toThrow(/^t\.b: /);
    expect(() => encoder.encodeRow(['x'], 0)).toThrow('1 values for 2 columns');
    expect(encoder.byteLength).toBe(0);
  });

  it('counts rows and bytes, grows past its first size, and is empty after take', () => {
    const table: Table = { name: 't', columns: [{ name: 'a', type: 'UInt64' }], orderBy: [] };
    const encoder = createRowEncoder(table);
    for (let i = 0; i < 20_000; i++) encoder.encodeRow([i], i);
    expect([encoder.rows, encoder.byteLength]).toEqual([20_000, 160_000]);
    const first = encoder.take();
    expect([encoder.rows, encoder.byteLength]).toEqual([0, 0]);
    encoder.encodeRow([0xffff], 7);
    const second = encoder.take();
    expect(reader(second.bytes).row(table)).toEqual([0xffffn]);
    expect([...second.rowOffsets]).toEqual([7]);
    // The first rows are a copy: the second rows did not overwrite them.
    expect(Buffer.from(first.bytes).readBigUInt64LE(0)).toBe(0n);
    expect(Buffer.from(first.bytes).readBigUInt64LE(159_992)).toBe(19_999n);
  });
});

describe('growth', () => {
  // Every position at the end of the first 64 KiB: a value without a bounds check would overflow there.
  it('makes room for any last value', () => {
    const table: Table = {
      name: 't',
      columns: [
        { name: 'a', type: 'String' },
        { name: 'b', type: 'Map(String, String)' },
        { name: 'c', type: 'UInt64' },
      ],
      orderBy: [],
    };
    const map = Object.fromEntries(['', 'é', 'y'.repeat(200)].map((name) => [name, 'z'.repeat(150)]));
    for (let length = 64 * 1024 - 800; length < 64 * 1024 + 10; length++) {
      const encoder = createRowEncoder(table);
      encoder.encodeRow(['x'.repeat(length), map, 1n << 63n], 0);
      expect(reader(encoder.take().bytes).row(table).slice(1)).toEqual([Object.entries(map), 1n << 63n]);
    }
  });
});

const stream: StreamConfig = {
  name: 'sensors',
  topic: 'plant/{site}/{device}',
  qos: 1,
  format: 'json',
  device: { topic: 'device' },
  labels: [
    { name: 'site', place: { topic: 'site' } },
    { name: 'line', place: { path: 'line' } },
  ],
  fields: [
    { name: 'temp', type: 'number', unit: '°C', path: 'temp' },
    { name: 'ok', type: 'boolean', path: 'ok' },
    { name: 'mode', type: 'string', path: 'mode' },
  ],
  undeclared: 'keep',
  coerce: false,
  forgetMs: 2_592_000_000,
  limits: { bytes: 1e6, depth: 10, fields: 100, readings: 100, devices: 50_000, keys: 50_000 },
};

const readings = fc.record({
  device: text,
  labels: fc.tuple(text, text),
  time: micros,
  receivedAt: fc.nat(4_102_444_800_000),
  offset: fc.maxSafeNat(),
  id: uint64,
  values: fc.tuple(fc.option(fc.double()), fc.option(fc.boolean()), fc.option(text)),
  extra: fc.option(fc.dictionary(text, text, { maxKeys: 3 }), { nil: undefined }),
  clamped: fc.boolean(),
  late: fc.boolean(),
});

describe('createReadingEncoder', () => {
  it('writes the columns of the stream in their order', () => {
    fc.assert(
      fc.property(fc.array(readings, { maxLength: 30 }), (drafts) => {
        const table = streamTable(stream);
        const encoder = createReadingEncoder(table);
        for (const draft of drafts) {
          const reading: Reading = {
            ...draft,
            kind: 'reading',
            stream: 0,
            connection: 0,
            liveMs: 0,
            attributes: undefined,
            time: msOf(draft.time),
            idHigh: Number(draft.id >> 32n),
            idLow: Number(draft.id & 0xffffffffn),
            values: draft.values.map((value) => value ?? undefined),
          };
          encoder.encodeReading(reading);
        }
        const taken = encoder.take();
        const read = reader(taken.bytes);
        for (const draft of drafts) {
          expect(read.row(table)).toEqual([
            draft.time,
            BigInt(draft.receivedAt) * 1000n,
            draft.device,
            ...draft.labels,
            ...draft.values,
            Object.entries(draft.extra ?? {}),
            draft.late,
            draft.clamped,
            BigInt(draft.offset),
            draft.id,
          ]);
        }
        expect(read.position()).toBe(taken.bytes.length);
        expect([...taken.rowOffsets]).toEqual(drafts.map(({ offset }) => offset));
      }),
      { numRuns: 200 },
    );
  });

  it('refuses a table that is not the table of a stream', () => {
    const table = streamTable(stream);
    const columns = table.columns.filter(({ name }) => name !== 'late');
    expect(() => createReadingEncoder({ ...table, columns })).toThrow('not the table of a stream');
  });
});
