import { type BatchLimits, cut, isComplete, type OpenBatch } from '../delivery/batches.ts';
import { createFollower, fingerprintOf, type RangeFollower, type SentRange } from '../delivery/ranges.ts';
import type { Item } from '../model/item/item.ts';
import type { Table } from '../model/table.ts';

type Encoder = OpenBatch['encoder'];

/** A batch that still takes rows, with its own kind of encoder. */
type Making<E extends Encoder> = OpenBatch & { readonly encoder: E };

/** The open batches of a table. */
export interface OpenBatches<E extends Encoder = Encoder> {
  readonly limits: BatchLimits;
  readonly free: Making<E>;
  /** Batches of rows that an earlier run has sent, by their range. Each is cut where it was cut before; limits do not apply. */
  readonly again: Map<SentRange, Making<E>>;
  readonly follower: RangeFollower;
  /** Encodes a single row to see its bytes; made when it is first needed. */
  trial?: E;
  readonly begin: (at: number, range?: SentRange) => Making<E>;
}

/** Opens a table. `earlier` are the ranges that earlier runs have sent; those of other tables are ignored. */
export function openBatches<E extends Encoder>(
  table: Table,
  limits: BatchLimits,
  earlier: readonly SentRange[],
  createEncoder: () => E,
): OpenBatches<E> {
  const follower = createFollower(earlier.filter((range) => range.table === table.name));
  const begin = (openedAt: number, range?: SentRange) => ({ table, encoder: createEncoder(), openedAt, range });
  return { limits, free: begin(0), again: new Map(), follower, begin };
}

/** Encodes a row, at the end of the rows that the encoder has. */
export type EncodeRow<E extends Encoder, R> = (encoder: E, row: R, offset: number) => void;

/** Adds a row. Appends the batches that it completes to `out`. */
export function addTo<E extends Encoder, R>(
  batches: OpenBatches<E>,
  row: R,
  offset: number,
  at: number,
  encode: EncodeRow<E, R>,
  out: Item[],
): void {
  const again = findAgain(batches, row, offset, at, encode);
  if (again?.range !== undefined) {
    encode(again.encoder, row, offset);
    if (batches.follower.isEmpty(again.range)) cutAgain(batches, again.range, out);
    return;
  }
  cutComplete(batches, at, out);
  const { free } = batches;
  if (free.encoder.rows === 0) free.openedAt = at;
  encode(free.encoder, row, offset);
  // A full batch does not wait for the next row.
  cutComplete(batches, at, out);
}

/** Cuts the batches that are old enough, and those of earlier runs that no further row can belong to. */
export function cutDue(batches: OpenBatches, offset: number, at: number, out: Item[]): void {
  for (const range of batches.again.keys()) if (range.to < offset) cutAgain(batches, range, out);
  cutComplete(batches, at, out);
}

/** Cuts every batch that has rows. */
export function cutAll(batches: OpenBatches, out: Item[]): void {
  for (const range of batches.again.keys()) cutAgain(batches, range, out);
  if (batches.free.encoder.rows > 0) out.push(cut(batches.free));
}

function cutComplete({ free, limits }: OpenBatches, at: number, out: Item[]): void {
  if (isComplete(free, limits, at)) out.push(cut(free));
}

function cutAgain({ again }: OpenBatches, range: SentRange, out: Item[]): void {
  const made = cut(again.get(range)!);
  again.delete(range);
  if (range.dead !== true) out.push(made);
}

/** The batch that a row belongs to, if an earlier run has sent the row; else undefined. */
function findAgain<E extends Encoder, R>(
  batches: OpenBatches<E>,
  row: R,
  offset: number,
  at: number,
  encode: EncodeRow<E, R>,
): Making<E> | undefined {
  const { follower, again, free, begin } = batches;
  if (!follower.isNear(offset)) return undefined;
  batches.trial ??= begin(at).encoder;
  const { trial } = batches;
  encode(trial, row, offset);
  const range = follower.take(offset, fingerprintOf({ table: free.table.name, ...trial.take() }, 0));
  if (range === undefined) return undefined;
  const batch = again.get(range) ?? begin(at, range);
  again.set(range, batch);
  return batch;
}
