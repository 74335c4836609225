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

/** What earlier tries of a batch came to. A later one must go the same way, since parts of it may be in the table already. */
interface Course {
  done: boolean;
  halves: readonly Batch[] | undefined;
}

const courses = new WeakMap<Batch, Course>();

/**
 * Inserts a batch. Where the server refuses rows, halves it until the bad ones stand alone; where it is overloaded, halves it to go
 * easier. Every part has a token that follows from its rows alone, so that a later try of the same batch adds nothing twice.
 */
export async function insertBatch(batch: Batch, options: InsertOptions): Promise<void> {
  const course = courses.get(batch) ?? { done: false, halves: undefined };
  courses.set(batch, course);
  if (course.done) return;
  if (course.halves === undefined) await insertWhole(batch, course, options);
  for (const half of course.halves ?? []) await insertBatch(half, options);
  course.done = true;
}

/** Resolves when the rows are in, or the only one is dead, or the batch is to be halved. */
async function insertWhole(batch: Batch, course: Course, { sink, journalId, onDeadRow }: InsertOptions): Promise<void> {
  try {
    await sink.insert(batch, tokenOf(batch, journalId));
  } catch (error) {
    if (!(error instanceof DeliveryError)) throw error;
    if (error.class === 'bad-row' && batch.rows === 1) return onDeadRow(batch, error);
    // Both say that nothing of the batch is in. After any other error the same batch must go again, with the same token.
    const easier = error.class === 'overload' && batch.rows > SMALLEST_HALVED_ROWS;
    if (error.class !== 'bad-row' && !easier) throw error;
    course.halves = split(batch);
  }
}

/** `<journal>:<table>:<first offset>-<last offset>:<rows>:<hash of the bytes>` */
function tokenOf(batch: Batch, journalId: string): string {
  const hash = createHash('sha256').update(batch.bytes).digest('hex').slice(0, 16);
  return `${journalId}:${batch.table}:${batch.fromOffset}-${batch.toOffset}:${batch.rows}:${hash}`;
}
