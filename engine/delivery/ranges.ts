import type { Batch } from '../model/output.ts';
import { FIXED_TABLES } from './tables.ts';

/** Rows of one table that went to ClickHouse together, or may have. */
export interface SentRange {
  readonly table: string;
  /** Offsets of the first and the last row. */
  readonly from: number;
  readonly to: number;
  /** How many rows there are. */
  readonly rows: number;
  /** Of each row the distance of its offset from `from`, and its print: numbers of 32 bits, little-endian, in base64. */
  readonly distances: string;
  readonly prints: string;
  /** Token of the insert, by which ClickHouse knows it again. */
  readonly token: string;
  /** Its one row stands among the dead letters, and must not go to its table any more. */
  readonly dead?: boolean;
}

/** The rows of a batch, under the token that it is sent with. */
export function rangeOf(batch: Batch, token: string): SentRange {
  const { table, rowOffsets, rows } = batch;
  const [from, to] = [rowOffsets[0]!, rowOffsets[rows - 1]!];
  const distances = Buffer.alloc(4 * rows);
  const prints = Buffer.alloc(4 * rows);
  for (let i = 0; i < rows; i++) {
    distances.writeUInt32LE(rowOffsets[i]! - from, 4 * i);
    prints.writeUInt32LE(fingerprintOf(batch, i), 4 * i);
  }
  return { table, from, to, rows, distances: distances.toString('base64'), prints: prints.toString('base64'), token };
}

const isStreamTable = (name: string): boolean => FIXED_TABLES.every((table) => table.name !== name);

/** Tells apart the rows of one offset: of a reading by its id, which no column changes; of another row by all that it holds. */
export function fingerprintOf(
  { table, bytes, rowEnds }: Pick<Batch, 'table' | 'bytes' | 'rowEnds'>,
  row: number,
): number {
  const [from, to] = [row === 0 ? 0 : rowEnds[row - 1]!, rowEnds[row]!];
  // A reading's id is the last column of its table.
  return fnv(isStreamTable(table) ? bytes.subarray(to - 8, to) : bytes.subarray(from, to));
}

/** FNV-1a, 32 bit (Fowler, Noll, Vo). */
function fnv(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash >>> 0;
}

/** Follows the rows of a table through the fold, and knows how an earlier run had cut them. */
export interface RangeFollower {
  /** Whether a row of this offset may have been sent: `take` says so for sure. Offsets never go down. */
  isNear(offset: number): boolean;
  /** The range that has the row, each time one less; undefined where no earlier run has sent it. */
  take(offset: number, print: number): SentRange | undefined;
  /** Whether a range has given all its rows. */
  isEmpty(range: SentRange): boolean;
}

interface Near {
  readonly range: SentRange;
  /** How many rows it has, by offset and print. */
  readonly rows: Map<string, number>;
  left: number;
}

/**
 * Under the config that they were cut by, ranges meet all their rows again. Under another one they meet those that there are still, and
 * rows that they did not have go by themselves: ClickHouse knows the tokens, so what it has does not come twice, and nothing is left out.
 */
export function createFollower(ranges: readonly SentRange[]): RangeFollower {
  const ahead = [...ranges].sort((a, b) => b.from - a.from);
  let near: Near[] = [];
  return {
    isNear(offset) {
      if (ahead.length === 0 && near.length === 0) return false;
      near = near.filter(({ range, left }) => range.to >= offset && left > 0);
      while (ahead.length > 0 && ahead.at(-1)!.from <= offset) near.push(approach(ahead.pop()!));
      return near.length > 0;
    },
    take: (offset, print) => near.find((each) => takeRow(each, `${offset} ${print}`))?.range,
    isEmpty: (range) => near.every((each) => each.range !== range || each.left === 0),
  };
}

function approach(range: SentRange): Near {
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
