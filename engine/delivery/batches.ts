import type { Batch } from '../model/output.ts';
import type { Table } from '../model/table.ts';
import type { SentRange } from './ranges.ts';
import type { EncodedRows } from './row-buffer.ts';

/** When a batch is complete: at whichever comes first. */
export interface BatchLimits {
  readonly rows: number;
  readonly bytes: number;
  /** Age of its first row, in milliseconds of receive time. */
  readonly ageMs: number;
}

/** The rows of one table that wait for their batch to be complete. */
export interface OpenBatch {
  readonly table: Table;
  /** Counts what was encoded into it. */
  readonly encoder: { readonly rows: number; readonly byteLength: number; take(): EncodedRows };
  /** Receive time of the record behind the first row. */
  openedAt: number;
  /** What an earlier run has sent these rows in. */
  readonly range?: SentRange | undefined;
}

/**
 * Whether the batch must be cut at a receive time. Looks at nothing but what the journal holds, so that
 * folding the journal again cuts the same batches.
 */
export function isComplete(batch: OpenBatch, limits: BatchLimits, at: number): boolean {
  const { rows, byteLength } = batch.encoder;
  return rows > 0 && (rows >= limits.rows || byteLength >= limits.bytes || at - batch.openedAt >= limits.ageMs);
}

/** Takes the rows out as a batch; there must be some. */
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
    ...(batch.range !== undefined && { earlier: againOf(batch.range, rows.rows) }),
  };
}

/** A range meets its own rows or fewer. */
function againOf({ token, rows }: SentRange, now: number): NonNullable<Batch['earlier']> {
  return { token, isWhole: rows === now };
}

/** The same rows in two batches, in order. A batch of one row cannot be split. */
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
