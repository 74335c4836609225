import type { Batch } from '../model/output.ts';
import { FIXED_TABLES } from './tables.ts';

/** Rows of one table that were sent to ClickHouse in one insert, or may have been. It is written to the log of inserts as JSON. */
export interface SentRange {
  readonly table: string;
  /** Offsets of the first and the last row. */
  readonly from: number;
  readonly to: number;
  /** The number of rows. */
  readonly rows: number;
  /** For each row the distance of its offset from `from`. Numbers of 32 bits, little-endian, in base64. */
  readonly distances: string;
  /** For each row its fingerprint, in the same format. */
  readonly prints: string;
  /** Token of the insert, by which ClickHouse deduplicates it. */
  readonly token: string;
  /** True: its only row is a dead letter, and must not be sent to its table again. */
  readonly dead?: boolean;
}

/** The range of a batch that is sent with a token. */
export function rangeOf(batch: Batch, token: string): SentRange {
  const { table, rowOffsets, rows } = batch;
  const [from, to] = [rowOffsets[0]!, rowOffsets[rows - 1]!];
  const distances = Buffer.alloc(4 * rows);
  const prints = Buffer.alloc(4 * rows);
  const ofReadings = isStreamTable(table);
  for (let i = 0; i < rows; i++) {
    distances.writeUInt32LE(rowOffsets[i]! - from, 4 * i);
    prints.writeUInt32LE(fingerprintOfRow(batch, i, ofReadings), 4 * i);
  }
  return { table, from, to, rows, distances: distances.toString('base64'), prints: prints.toString('base64'), token };
}

const isStreamTable = (name: string): boolean => FIXED_TABLES.every((table) => table.name !== name);

/**
 * A fingerprint that distinguishes the rows of one offset. The row of a reading is hashed by its id only, so that changed columns do not change
 * the fingerprint. Any other row is hashed as a whole.
 */
export function fingerprintOf(rows: Pick<Batch, 'table' | 'bytes' | 'rowEnds'>, row: number): number {
  return fingerprintOfRow(rows, row, isStreamTable(rows.table));
}

function fingerprintOfRow(
  { bytes, rowEnds }: Pick<Batch, 'bytes' | 'rowEnds'>,
  row: number,
  ofReading: boolean,
): number {
  const to = rowEnds[row]!;
  // A reading's id is the last column of its table.
  return fnv(bytes, ofReading ? to - 8 : row === 0 ? 0 : rowEnds[row - 1]!, to);
}

/** FNV-1a, 32 bit (Fowler, Noll, Vo). */
function fnv(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash >>> 0;
}

/** Follows the rows of a table during the fold, and finds the inserts in which an earlier run sent them. */
export interface RangeFollower {
  /** Whether a row of this offset may have been sent; `take` gives the exact answer. Offsets must never decrease. */
  isNear(offset: number): boolean;
  /** The range that has the row, from which the row is removed. Undefined: no earlier run sent the row. */
  take(offset: number, fingerprint: number): SentRange | undefined;
  /** Whether all rows of a range have been taken. */
  isEmpty(range: SentRange): boolean;
}

interface Near {
  readonly range: SentRange;
  /** The number of rows by offset and fingerprint. */
  readonly rows: Map<string, number>;
  left: number;
}

/**
 * Makes the follower of some ranges. With the same config as in the earlier run, all rows of every range are found again. With another config,
 * the rows that still exist are found, and rows without a range are sent in inserts of their own. ClickHouse knows the tokens, so no row is
 * stored twice, and none is lost.
 */
export function createFollower(ranges: readonly SentRange[]): RangeFollower {
  const ahead = [...ranges].sort((a, b) => b.from - a.from);
  let near: Near[] = [];
  return {
    isNear(offset) {
      if (ahead.length === 0 && near.length === 0) return false;
      near = near.filter(({ range, left }) => range.to >= offset && left > 0);
      while (ahead.length > 0 && ahead.at(-1)!.from <= offset) near.push(readRange(ahead.pop()!));
      return near.length > 0;
    },
    take: (offset, fingerprint) => near.find((each) => takeRow(each, `${offset} ${fingerprint}`))?.range,
    isEmpty: (range) => near.every((each) => each.range !== range || each.left === 0),
  };
}

function readRange(range: SentRange): Near {
  const [distances, prints] = [Buffer.from(range.distances, 'base64'), Buffer.from(range.prints, 'base64')];
  const rows = new Map<string, number>();
  for (let at = 0; at < distances.length; at += 4) {
    const key = `${range.from + distances.readUInt32LE(at)} ${prints.readUInt32LE(at)}`;
    rows.set(key, (rows.get(key) ?? 0) + 1);
  }
  return { range, rows, left: range.rows };
}

function takeRow(near: Near, key: string): boolean {
  const count = near.rows.get(key) ?? 0;
  if (count === 0) return false;
  near.rows.set(key, count - 1);
  near.left -= 1;
  return true;
}
