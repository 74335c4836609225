import { createHash } from 'node:crypto';
import { split } from '../delivery/batches.ts';
import type { Batch } from '../model/output.ts';
import { DeliveryError, type TableSink } from '../ports.ts';

export interface InsertOptions {
  readonly sink: TableSink;
  readonly journalId: string;
  /** Takes a row that the server will never accept. Resolves when it is safely among the dead letters. */
  readonly onDeadRow: (row: Batch, error: DeliveryError) => Promise<void>;
}

/** Below this many rows an overloaded server is not helped by less. */
const SMALLEST_HALVED_ROWS = 500;

/**
 * Inserts a batch. Where the server refuses rows, halves it until the bad ones stand alone; where it is overloaded, halves it to go
 * easier. Every part has a token that follows from its rows alone, so that a later try of the whole adds nothing twice.
 */
export async function insertBatch(batch: Batch, options: InsertOptions): Promise<void> {
  try {
    await options.sink.insert(batch, tokenOf(batch, options.journalId));
  } catch (error) {
    if (!(error instanceof DeliveryError)) throw error;
    if (error.class === 'bad-row' && batch.rows === 1) return options.onDeadRow(batch, error);
    if (error.class !== 'bad-row' && !(error.class === 'overload' && batch.rows > SMALLEST_HALVED_ROWS)) throw error;
    for (const half of split(batch)) await insertBatch(half, options);
  }
}

/** `<journal>:<table>:<first offset>-<last offset>:<rows>:<hash of the bytes>` */
function tokenOf(batch: Batch, journalId: string): string {
  const hash = createHash('sha256').update(batch.bytes).digest('hex').slice(0, 16);
  return `${journalId}:${batch.table}:${batch.fromOffset}-${batch.toOffset}:${batch.rows}:${hash}`;
}
