import type { Batch } from '../model/output.ts';
import type { Table } from '../model/table.ts';
import type { SentRange } from './ranges.ts';
import type { EncodedRows } from './row-buffer.ts';

/** A batch is complete when it reaches any of these limits. */
export interface BatchLimits {
  readonly rows: number;
  readonly bytes: number;
  /** The age of its first row, in milliseconds of receive time. */
  readonly ageMs: number;
}

/** An open batch: the rows of one table that are not cut into a batch yet. */
export interface OpenBatch {
  readonly table: Table;
  /** The encoder that has the rows. */
  readonly encoder: { readonly rows: number; readonly byteLength: number; take(): EncodedRows };
  /** Receive time of the record that caused the first row. */
  openedAt: number;
  /** The insert of an earlier run that had these rows. Undefined: no earlier run sent them. */
  readonly range?: SentRange | undefined;
}

/**
 * Whether the batch must be cut at this receive time. It depends only on the content of the journal, so
 * folding the journal again cuts the same batches.
 */
export function isComplete(batch: OpenBatch, limits: BatchLimits, at: number): boolean {
  const { rows, byteLength } = batch.encoder;
  return rows > 0 && (rows >= limits.rows || byteLength >= limits.bytes || at - batch.openedAt >= limits.ageMs);
}

/** Cuts the rows into a batch. There must be at least one row. */
export function cut(batch: OpenBatch): Batch {
  const rows = batch.encoder.take();
  const fromOffset = rows.rowOffsets[0]!;
  const toOffset = rows.rowOffsets[rows.rows - 1]!;
  return {
    kind: 'batch',
    table: batch.table.name,
    ...rows,
    fromOffset,
    toOffset,
    ...(batch.range !== undefined && { earlier: earlierOf(batch.range, rows.rows) }),
  };
}

/** The batch may have fewer rows than the range, but no other rows. */
function earlierOf({ token, rows }: SentRange, now: number): NonNullable<Batch['earlier']> {
  return { token, isWhole: rows === now };
}

/** Splits a batch into two with the same rows in order. A batch of one row must not be split. */
export function split(batch: Batch): [Batch, Batch] {
  const half = batch.rows >> 1;
  return [slice(batch, 0, half), slice(batch, half, batch.rows)];
}

function slice(batch: Batch, from: number, to: number): Batch {
  const start = from === 0 ? 0 : batch.rowEnds[from - 1]!;
  const rowOffsets = batch.rowOffsets.slice(from, to);
  return {
    kind: 'batch',
    table: batch.table,
    rows: to - from,
    bytes: batch.bytes.subarray(start, batch.rowEnds[to - 1]),
    rowEnds: batch.rowEnds.slice(from, to).map((end) => end - start),
    rowOffsets,
    fromOffset: rowOffsets[0]!,
    toOffset: rowOffsets.at(-1)!,
  };
}
