import { webcrypto } from 'node:crypto';
import { split } from '../delivery/batches.ts';
import { rangeOf, type SentRange } from '../delivery/ranges.ts';
import type { Batch } from '../model/output.ts';
import { DeliveryError, type TableSink } from '../ports.ts';

export interface InsertOptions {
  readonly sink: TableSink;
  readonly journalId: string;
  /** Called with a row that the server will never accept. Resolves once the row is a dead letter in its table. */
  readonly onRefusedRow: (row: Batch, error: DeliveryError) => Promise<void>;
  /** Writes to the log of inserts, before an insert is sent. See `SentLog.write`. Absent for rows that the fold does not make again. */
  readonly logSent?: (ranges: readonly SentRange[], replaces?: string) => Promise<void>;
}

/** Smaller batches do not help an overloaded server. */
const SMALLEST_HALVED_ROWS = 500;

/** The progress of earlier attempts to insert a batch. A later attempt must continue it, because parts of the batch may be in the table already. */
interface InsertProgress {
  done: boolean;
  /** The log of inserts has the batch with its token. */
  logged: boolean;
  halves: readonly Batch[] | undefined;
}

const progressOf = new WeakMap<Batch, InsertProgress>();

/**
 * Inserts a batch. If the server refuses rows, halves the batch until each bad row is alone. If the server is overloaded, halves the batch to
 * reduce the load. The token of each part depends on its rows only, so a later attempt of the same batch adds nothing twice.
 * Rejects with a DeliveryError if the same batch must be inserted again.
 */
export async function insertBatch(batch: Batch, options: InsertOptions): Promise<void> {
  const progress = progressOf.get(batch) ?? { done: false, logged: batch.earlier?.isWhole === true, halves: undefined };
  progressOf.set(batch, progress);
  if (progress.done) return;
  if (progress.halves === undefined) await insertWhole(batch, progress, options);
  for (const half of progress.halves ?? []) await insertBatch(half, options);
  progress.done = true;
}

/** Resolves if the rows are in the table, or the only row is a dead letter, or `progress.halves` is set. */
async function insertWhole(batch: Batch, progress: InsertProgress, options: InsertOptions): Promise<void> {
  const { sink, journalId, onRefusedRow } = options;
  const token = batch.earlier?.token ?? (await tokenOf(batch, journalId));
  // A batch of an earlier run may have fewer rows now: the missing ones must not count as sent.
  if (!progress.logged) await logSent([rangeOf(batch, token)], options);
  progress.logged = true;
  try {
    await sink.insert(batch, token);
  } catch (error) {
    if (!(error instanceof DeliveryError)) throw error;
    if (error.class === 'bad-row' && batch.rows === 1) {
      await onRefusedRow(batch, error);
      return logSent([{ ...rangeOf(batch, token), dead: true }], options, token);
    }
    // Both classes say that no row is in the table. After any other error the same batch must be sent again, with the same token.
    const isHalvedForLoad = error.class === 'overload' && batch.rows > SMALLEST_HALVED_ROWS;
    if (error.class !== 'bad-row' && !isHalvedForLoad) throw error;
    const halves = await Promise.all(
      split(batch).map(async (half) => ({
        ...half,
        earlier: { token: await tokenOf(half, journalId), isWhole: true },
      })),
    );
    // The whole batch must never be sent again: by then the server may accept it.
    await logSent(
      halves.map((half) => rangeOf(half, half.earlier.token)),
      options,
      token,
    );
    progress.halves = halves;
  }
}

/** Writes to the log of inserts. If the disk fails, it rejects, so that nothing is sent. */
async function logSent(ranges: readonly SentRange[], options: InsertOptions, replaces?: string): Promise<void> {
  try {
    await options.logSent?.(ranges, replaces);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DeliveryError(
      'transient',
      `the log of inserts (sent.jsonl in the data folder) cannot be written: ${reason}`,
      undefined,
      error,
    );
  }
}

/** `<journal>:<table>:<first offset>-<last offset>:<rows>:<hash of the bytes>` */
async function tokenOf(batch: Batch, journalId: string): Promise<string> {
  // On another thread: a batch may have megabytes, and alerts would wait meanwhile.
  const digest = await webcrypto.subtle.digest('SHA-256', batch.bytes);
  const hash = Buffer.from(digest, 0, 8).toString('hex');
  return `${journalId}:${batch.table}:${batch.fromOffset}-${batch.toOffset}:${batch.rows}:${hash}`;
}
