import type { Batch } from '../model/output.ts';

/** A place among the rows of one table: the journal offset that caused a row, and its index among the rows with that offset. */
export interface Place {
  readonly offset: number;
  readonly index: number;
}

/** Rows of one table that went to ClickHouse together, or may have. */
export interface SentRange {
  readonly table: string;
  /** First and last row. */
  readonly from: Place;
  readonly to: Place;
  /** Token of the insert, by which ClickHouse knows it again. */
  readonly token: string;
  /** Its one row stands among the dead letters, and must not go to its table any more. */
  readonly dead?: boolean;
}

/** The rows of a batch, under the token that it is sent with. */
export function rangeOf({ table, rowOffsets, fromIndex }: Batch, token: string): SentRange {
  const last = rowOffsets.length - 1;
  return {
    table,
    from: { offset: rowOffsets[0]!, index: fromIndex },
    to: { offset: rowOffsets[last]!, index: indexOf(rowOffsets, fromIndex, last) },
    token,
  };
}

/** Index of a row among those with its offset, where the first of `rowOffsets` has the index `fromIndex`. */
export function indexOf(rowOffsets: Float64Array, fromIndex: number, row: number): number {
  let first = row;
  while (first > 0 && rowOffsets[first - 1] === rowOffsets[row]) first--;
  return row - first + (first === 0 ? fromIndex : 0);
}

/** Follows the rows of a table through the fold, and knows how an earlier run had cut them. */
export interface RangeFollower {
  /** Index of the newest row among those with its offset. */
  readonly index: number;
  /** The range of the next row; undefined where no earlier run has sent it. Offsets never go down. */
  next(offset: number): SentRange | undefined;
  /** Whether the newest row is the last of its range. */
  isLast(range: SentRange): boolean;
  /** The rows of a range have gone: it takes no others, for under its token ClickHouse would drop them. */
  pass(range: SentRange): void;
}

/**
 * Under the config that they were cut by, ranges meet the same rows again. Under another one they meet what their offsets give now:
 * ClickHouse knows their tokens, so nothing that it has comes twice.
 */
export function createFollower(ranges: readonly SentRange[]): RangeFollower {
  const ahead = [...ranges].sort((a, b) => compare(a.from, b.from.offset, b.from.index));
  let offset = -1;
  let index = 0;
  let position = 0;
  return {
    get index() {
      return index;
    },
    next(of) {
      index = of === offset ? index + 1 : 0;
      offset = of;
      while (position < ahead.length && compare(ahead[position]!.to, offset, index) < 0) position++;
      const range = ahead[position];
      return range !== undefined && compare(range.from, offset, index) <= 0 ? range : undefined;
    },
    isLast: ({ to }) => compare(to, offset, index) === 0,
    pass(range) {
      if (ahead[position] === range) position++;
    },
  };
}

function compare(place: Place, offset: number, index: number): number {
  return place.offset - offset || place.index - index;
}
