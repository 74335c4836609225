import type { Logger } from 'pino';
import type { Outbox } from '../delivery/outbox.ts';
import { type Checkpoint, writeCheckpoint } from '../journal/checkpoint.ts';
import type { Disk } from '../journal/disk.ts';
import type { Journal } from '../journal/journal.ts';
import type { SentLog } from '../journal/sent-log.ts';
import type { JournalRecord } from '../model/record.ts';
import type { StreamPositions } from '../ports.ts';
import type { Counters } from '../telemetry.ts';
import { createCheckpointer } from './checkpointer.ts';
import type { Fold } from './fold.ts';

export interface CheckpointingOptions {
  /** The data folder. */
  readonly folder: string;
  /** Where the checkpoints are written. Default: the disk of this machine. */
  readonly disk?: Disk | undefined;
  readonly journal: Pick<Journal, 'id' | 'release' | 'firstOffset'>;
  readonly sent: Pick<SentLog, 'release'>;
  readonly fold: Pick<Fold, 'feed' | 'snapshot'>;
  readonly outboxes: readonly Pick<Outbox, 'position' | 'isConfirmed'>[];
  /** `nextOffset` of the newest checkpoint on disk; undefined if there is none. */
  readonly newest: number | undefined;
  /** The positions of the event streams, see `EventSink.positions`; undefined if they are unknown. */
  readonly eventPositions: () => StreamPositions | undefined;
  /** Appends a `cut` mark to the journal. */
  readonly requestCut: () => void;
  /** Called after a checkpoint is on disk; the journal may be shorter than before. */
  readonly onWritten: () => void;
  readonly counters: Counters;
  readonly log: Logger;
}

/** Feeds the fold, and writes its state to the disk on request. */
export interface Checkpointing {
  /** Folds durable records. A checkpoint holds the state right after its cut, so it is made before the records after the cut are folded. */
  feed(records: readonly JournalRecord[]): void;
  /** Begins a checkpoint, unless one is in progress. */
  request(): void;
  /** Call it when a sink has confirmed something. */
  onProgress(): void;
  /** Resolves once a checkpoint on disk covers all records appended so far. While a sink does not accept its outputs, it does not resolve. */
  complete(): Promise<void>;
}

export function createCheckpointing(options: CheckpointingOptions): Checkpointing {
  const { folder, disk, journal, sent, fold, outboxes, counters, log } = options;
  let newest = options.newest;

  const reportFailure = (error: unknown): void => {
    counters.checkpoints_failed += 1;
    log.error(
      { err: error },
      'the checkpoint could not be written; the previous checkpoint and the journal are kept, and Weir tries again',
    );
  };
  /** Undefined if a part of the state is too long to be read back: an unreadable checkpoint would be worse than none. */
  const makeCheckpoint = (nextOffset: number): Checkpoint | undefined => {
    try {
      const events = options.eventPositions();
      const state = fold.snapshot();
      return { journalId: journal.id, nextOffset, ...(events !== undefined && { events }), state };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      reportFailure(error);
      return undefined;
    }
  };
  const write = async (checkpoint: Checkpoint): Promise<void> => {
    try {
      await writeCheckpoint(folder, checkpoint, disk);
      // The previous checkpoint stays on disk, and a fold from it needs its records.
      if (newest !== undefined) await journal.release(newest);
      await sent.release(journal.firstOffset);
      newest = checkpoint.nextOffset;
      options.onWritten();
    } catch (error) {
      reportFailure(error);
    }
  };
  const checkpointer = createCheckpointer({
    requestCut: options.requestCut,
    makeCheckpoint,
    positions: () => outboxes.map((outbox) => outbox.position),
    areConfirmed: (positions) => outboxes.every((outbox, i) => outbox.isConfirmed(positions[i]!)),
    write,
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
    request: () => checkpointer.request(),
    onProgress: () => checkpointer.onProgress(),
    async complete() {
      await checkpointer.settled();
      checkpointer.request();
      await checkpointer.settled();
    },
  };
}
