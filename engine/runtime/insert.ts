import { createHash } from 'node:crypto';
import { split } from '../delivery/batches.ts';
import { rangeOf, type SentRange } from '../delivery/ranges.ts';
import type { Batch } from '../model/output.ts';
import { DeliveryError, type TableSink } from '../ports.ts';

export interface InsertOptions {
  readonly sink: TableSink;
  readonly journalId: string;
  /** Takes a row that the server will never accept. Resolves when it is safely among the dead letters. */
  readonly onDeadRow: (row: Batch, error: DeliveryError) => Promise<void>;
  /** Makes durable what goes out, before it does; not wanted for rows that the fold does not make again. */
  readonly note?: (ranges: readonly SentRange[], instead?: string) => Promise<void>;
}

/** Below this many rows an overloaded server is not helped by less. */
const SMALLEST_HALVED_ROWS = 500;

/** What earlier tries of a batch came to. A later one must go the same way, since parts of it may be in the table already. */
interface InsertProgress {
  done: boolean;
  /** It is durable that the batch, with its token, goes out. */
  noted: boolean;
  halves: readonly Batch[] | undefined;
}

const courses = new WeakMap<Batch, InsertProgress>();

/**
 * Inserts a batch. Where the server refuses rows, halves it until the bad ones stand alone; where it is overloaded, halves it to go
 * easier. Every part has a token that follows from its rows alone, so that a later try of the same batch adds nothing twice.
 */
export async function insertBatch(batch: Batch, options: InsertOptions): Promise<void> {
  const course = courses.get(batch) ?? { done: false, noted: batch.earlier?.isWhole === true, halves: undefined };
  courses.set(batch, course);
  if (course.done) return;
  if (course.halves === undefined) await insertWhole(batch, course, options);
  for (const half of course.halves ?? []) await insertBatch(half, options);
  course.done = true;
}

/** Resolves when the rows are in, or the only one is dead, or the batch is to be halved. */
async function insertWhole(batch: Batch, course: InsertProgress, options: InsertOptions): Promise<void> {
  const { sink, journalId, onDeadRow } = options;
  const token = batch.earlier?.token ?? tokenOf(batch, journalId);
  // Of rows that are fewer now, the others must not be taken for sent.
  if (!course.noted) await note([rangeOf(batch, token)], options);
  course.noted = true;
  try {
    await sink.insert(batch, token);
  } catch (error) {
    if (!(error instanceof DeliveryError)) throw error;
    if (error.class === 'bad-row' && batch.rows === 1) {
      await onDeadRow(batch, error);
      return note([{ ...rangeOf(batch, token), dead: true }], options, token);
    }
    // Both say that nothing of the batch is in. After any other error the same batch must go again, with the same token.
    const easier = error.class === 'overload' && batch.rows > SMALLEST_HALVED_ROWS;
    if (error.class !== 'bad-row' && !easier) throw error;
    const halves = split(batch).map((half) => ({
      ...half,
      earlier: { token: tokenOf(half, journalId), isWhole: true },
    }));
    // The whole must never go out again: the server may take it by then.
    await note(
      halves.map((half) => rangeOf(half, half.earlier.token)),
      options,
      token,
    );
    course.halves = halves;
  }
}

/** Notes what goes out; where the disk does not take it, nothing goes out. */
async function note(ranges: readonly SentRange[], options: InsertOptions, instead?: string): Promise<void> {
  try {
    await options.note?.(ranges, instead);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DeliveryError('transient', `the log of inserts cannot be written: ${reason}`, undefined, error);
  }
}

/** `<journal>:<table>:<first offset>-<last offset>:<rows>:<hash of the bytes>` */
function tokenOf(batch: Batch, journalId: string): string {
  const hash = createHash('sha256').update(batch.bytes).digest('hex').slice(0, 16);
  return `${journalId}:${batch.table}:${batch.fromOffset}-${batch.toOffset}:${batch.rows}:${hash}`;
}
