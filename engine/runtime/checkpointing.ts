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
  /** Default: the disk of this machine. */
  readonly disk?: Disk | undefined;
  readonly journal: Pick<Journal, 'id' | 'release' | 'firstOffset'>;
  readonly sent: Pick<SentLog, 'release'>;
  readonly fold: Pick<Fold, 'feed' | 'takeState'>;
  readonly outboxes: readonly Outbox[];
  /** Where the newest checkpoint on disk goes on; undefined if there is none. */
  readonly newest: number | undefined;
  /** See `EventSink.positions`. */
  readonly eventPositions: () => StreamPositions | undefined;
  /** Appends a `cut` mark to the journal. */
  readonly requestCut: () => void;
  /** A checkpoint is on disk, and the journal may be shorter. */
  readonly onWritten: () => void;
  readonly counters: Counters;
  readonly log: Logger;
}

/** Feeds the fold, and writes its state to the disk from time to time. */
export interface Checkpointing {
  /** Folds durable records. A checkpoint holds the state right after its cut, so the records after a cut wait until it is taken. */
  feed(records: readonly JournalRecord[]): void;
  /** Begins a checkpoint, unless one is under way. */
  request(): void;
  /** To be called when a sink has confirmed something. */
  onProgress(): void;
  /** Resolves with a checkpoint on disk that covers all that was appended until now. Never, while a sink does not take its outputs. */
  complete(): Promise<void>;
}

export function createCheckpointing(options: CheckpointingOptions): Checkpointing {
  const { folder, disk, journal, sent, fold, outboxes, counters, log } = options;
  let newest = options.newest;

  const refuse = (error: unknown): void => {
    counters.checkpoints_failed += 1;
    log.error({ err: error }, 'the checkpoint could not be written; the one before it and the journal are kept');
  };
  /** Undefined if a part of the state could not be read back: no checkpoint is better than that one. */
  const take = (nextOffset: number): Checkpoint | undefined => {
    try {
      const events = options.eventPositions();
      const state = fold.takeState();
      return { journalId: journal.id, nextOffset, ...(events !== undefined && { events }), state };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      refuse(error);
      return undefined;
    }
  };
  const write = async (checkpoint: Checkpoint): Promise<void> => {
    try {
      await writeCheckpoint(folder, checkpoint, disk);
      // The one before it stays on disk, and needs its records.
      if (newest !== undefined) await journal.release(newest);
      await sent.release(journal.firstOffset);
      newest = checkpoint.nextOffset;
      options.onWritten();
    } catch (error) {
      refuse(error);
    }
  };
  const checkpointer = createCheckpointer({
    requestCut: options.requestCut,
    take,
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
