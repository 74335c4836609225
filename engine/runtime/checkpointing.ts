import type { Logger } from 'pino';
import type { Outbox } from '../delivery/outbox.ts';
import type { CheckpointHead } from '../journal/checkpoint/format.ts';
import type { CheckpointStore } from '../journal/checkpoint/store.ts';
import type { Journal } from '../journal/journal.ts';
import type { SentLog } from '../journal/sent-log.ts';
import type { JournalRecord } from '../model/record.ts';
import type { Clock, StreamPositions } from '../ports.ts';
import type { Counters } from '../telemetry.ts';
import { createCheckpointer, type PendingCheckpoint } from './checkpointer.ts';
import type { Fold } from './fold.ts';

export interface CheckpointingOptions {
  readonly store: CheckpointStore;
  readonly journal: Pick<Journal, 'id' | 'release' | 'firstOffset'>;
  readonly sent: Pick<SentLog, 'release'>;
  readonly fold: Pick<Fold, 'feed' | 'capture'>;
  readonly outboxes: readonly Pick<Outbox, 'position' | 'isConfirmed'>[];
  /** The positions of the event streams, see `EventSink.positions`; undefined if they are unknown. */
  readonly eventPositions: () => StreamPositions | undefined;
  /** Appends a `cut` mark to the journal. */
  readonly requestCut: () => void;
  /** Called after a checkpoint is on disk; the journal may be shorter than before. */
  readonly onWritten: () => void;
  readonly clock: Pick<Clock, 'steady'>;
  readonly counters: Counters;
  readonly log: Logger;
}

/** Feeds the fold, and writes its state to the disk on request. */
export interface Checkpointing {
  /** Folds durable records. A checkpoint holds the state right after its cut, so it begins before the records after the cut are folded. */
  feed(records: readonly JournalRecord[]): void;
  /** Begins a checkpoint, unless one is in progress. */
  request(): void;
  /** Call it when a sink has confirmed something. */
  onProgress(): void;
  /** Resolves once a checkpoint on disk covers all records appended so far. While a sink does not accept its outputs, it does not resolve. */
  complete(): Promise<void>;
  /** Closes the store. A checkpoint that is not being committed yet is dropped. */
  close(): Promise<void>;
}

/** How long the state is captured before other work gets a turn. */
const SLICE_MS = 2;
/** Below this size it does not matter how often the whole state is written. */
const SMALL_BYTES = 1024 * 1024;

export function createCheckpointing(options: CheckpointingOptions): Checkpointing {
  const { store, journal, sent, fold, outboxes, clock, counters, log } = options;
  /** A part that changed may be missing in the files. */
  let isIncomplete = true;
  let isClosed = false;
  let committing: Promise<void> | undefined;

  const onFailure = (error: unknown): void => {
    isIncomplete = true;
    counters.checkpoints_failed += 1;
    log.error(
      { err: error },
      'the checkpoint could not be written; the previous checkpoint and the journal are kept, and Weir tries again',
    );
  };
  const commit = async (head: CheckpointHead): Promise<void> => {
    await store.commit(head);
    if (store.previous !== undefined) await journal.release(store.previous);
    await sent.release(journal.firstOffset);
    options.onWritten();
  };
  const begin = (nextOffset: number): PendingCheckpoint => {
    // Old versions of parts are only deleted with their file, so sections of changes must not grow without a bound.
    const isFull = isIncomplete || store.changedBytes > Math.max(store.fullBytes, SMALL_BYTES);
    isIncomplete = false;
    const events = options.eventPositions();
    store.begin(isFull);
    let failure: { readonly error: unknown } | undefined;
    const { heads, advance, end } = fold.capture(isFull, (part, content) => {
      // The fold also calls this while it processes records, and a part that is too large must not stop it.
      try {
        store.add(part, content);
      } catch (error) {
        failure ??= { error };
      }
    });
    return {
      async capture() {
        try {
          for (let done = false; !done && !isClosed; ) {
            const endAt = clock.steady() + SLICE_MS;
            done = advance(() => failure !== undefined || clock.steady() >= endAt);
            if (failure !== undefined) throw failure.error;
            await store.flush();
            if (!done) await nextTurn();
          }
        } finally {
          end();
        }
      },
      async commit() {
        if (isClosed) return;
        committing = commit({ journalId: journal.id, nextOffset, ...(events !== undefined && { events }), heads });
        await committing;
      },
    };
  };
  const checkpointer = createCheckpointer({
    requestCut: options.requestCut,
    begin,
    positions: () => outboxes.map((outbox) => outbox.position),
    areConfirmed: (positions) => outboxes.every((outbox, i) => outbox.isConfirmed(positions[i]!)),
    onFailure,
  });

  return {
    feed(records) {
      let from = 0;
      for (let i = 0; i < records.length; i++) {
        const record = records[i]!;
        if (record.kind !== 'mark' || record.mark !== 'cut') continue;
        fold.feed(records.slice(from, i + 1));
        checkpointer.onCut(record.offset);
        from = i + 1;
      }
      if (from < records.length) fold.feed(from === 0 ? records : records.slice(from));
    },
    request() {
      if (!isClosed) checkpointer.request();
    },
    onProgress: () => checkpointer.onProgress(),
    async complete() {
      await checkpointer.settled();
      this.request();
      await checkpointer.settled();
    },
    async close() {
      isClosed = true;
      await committing?.catch(() => undefined);
      await store.close();
    },
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
