import type { Logger } from 'pino';
import { openCheckpoints, type StoredCheckpoint } from '../journal/checkpoint/open.ts';
import type { CheckpointStore } from '../journal/checkpoint/store.ts';
import type { Disk } from '../journal/disk.ts';
import { type Journal, openJournal } from '../journal/journal.ts';
import { openSentLog, type SentLog } from '../journal/sent-log.ts';
import type { Config } from '../model/config.ts';
import type { JournalRecord } from '../model/record.ts';
import type { Counters } from '../telemetry.ts';

/** The largest segment. A small journal has smaller segments, because it shrinks by whole segments. */
const SEGMENT_BYTES = 16 * 1024 * 1024;

export interface RecoveryOptions {
  readonly config: Config;
  readonly onFailure: (error: Error) => void;
  readonly log: Logger;
  readonly counters: Counters;
  /** Default: the disk of this machine. */
  readonly disk?: Disk | undefined;
}

/** The data of earlier runs in the data folder. */
export interface RecoveredData {
  readonly journal: Journal;
  /** The log of inserts that earlier runs have sent to ClickHouse. */
  readonly sent: SentLog;
  /** Where checkpoints are written. */
  readonly store: CheckpointStore;
  /** The newest usable checkpoint; undefined if the fold must begin with the first record of the journal. */
  readonly checkpoint: StoredCheckpoint | undefined;
  /** Receive time of the first record that is folded again, milliseconds since the epoch; undefined if there is none. */
  readonly repeatsFrom: number | undefined;
}

/**
 * Opens the data in the data folder, and logs damage. The caller has locked the folder. Rejects if the journal cannot be read, and if no
 * checkpoint is usable although the journal no longer has its first records.
 */
export async function openData({ config, onFailure, log, counters, disk }: RecoveryOptions): Promise<RecoveredData> {
  let reportedTo = 0;
  const journal = await openJournal({
    folder: config.data,
    counters,
    onFailure,
    onLoss: (loss) => {
      // The journal may be read more than once.
      if (loss.nextOffset <= reportedTo) return;
      reportedTo = loss.nextOffset;
      counters.journal_records_lost += loss.nextOffset - loss.firstLost;
      log.error(
        loss,
        'the journal is damaged: the records from firstLost up to nextOffset (exclusive) are lost; later records are not. Check the disk, then run `weir journal verify`',
      );
    },
    segmentBytes: Math.min(SEGMENT_BYTES, Math.ceil(config.journal.maxBytes / 8)),
    disk,
  });
  if (journal.tornBytes > 0)
    log.warn(
      { bytes: journal.tornBytes },
      'the journal ended in half a record, which was cut off; this is normal after a crash',
    );
  const { store, checkpoint } = await findCheckpoint(config.data, journal, disk, log, counters);
  if (checkpoint !== undefined && checkpoint.nextOffset > journal.nextOffset) {
    const { nextOffset } = checkpoint;
    log.error(
      { journalEndsAt: journal.nextOffset, nextOffset },
      'the journal ends before its checkpoint: its last records are gone. The checkpoint has their effects up to its own offset (nextOffset); new records continue after that offset',
    );
    journal.skipTo(nextOffset);
  }
  const repeatsFrom = await firstInstant(journal, checkpoint?.nextOffset ?? journal.firstOffset);
  const sent = await openSentLog(config.data, journal.id, disk);
  if (sent.damaged > 0)
    log.warn(
      { lines: sent.damaged },
      'the log of inserts (sent.jsonl) ended in half a line, or has damaged lines: rows of a damaged line may be inserted a second time',
    );
  return { journal, sent, store, checkpoint, repeatsFrom };
}

export interface ReplayOptions {
  readonly journal: Pick<Journal, 'read'>;
  /** The first offset to fold. */
  readonly from: number;
  /** Folds records. */
  readonly feed: (records: readonly JournalRecord[]) => void;
  /** Resolves once the delivery queues have room for more outputs. */
  readonly room: () => Promise<void>;
  readonly isStopped: () => boolean;
}

/**
 * Folds the journal from an offset on. It waits until the sinks have accepted outputs: after a long outage, all outputs together would not fit
 * into memory. Resolves with the number of folded records; undefined if it was stopped before the end.
 */
export async function replayJournal({
  journal,
  from,
  feed,
  room,
  isStopped,
}: ReplayOptions): Promise<number | undefined> {
  let folded = 0;
  for await (const records of journal.read(from)) {
    feed(records);
    folded += records.length;
    await room();
    if (isStopped()) return undefined;
  }
  // It may have been stopped before the first record, or there is none.
  return isStopped() ? undefined : folded;
}

async function findCheckpoint(
  folder: string,
  journal: Journal,
  disk: Disk | undefined,
  log: Logger,
  counters: Counters,
): Promise<Pick<RecoveredData, 'store' | 'checkpoint'>> {
  const unfit: string[] = [];
  const fits = ({ journalId }: StoredCheckpoint) => {
    if (journalId !== journal.id) unfit.push(`a checkpoint belongs to the journal ${journalId}`);
    return journalId === journal.id;
  };
  const { store, checkpoint, unreadable, repaired } = await openCheckpoints(folder, fits, disk);
  if (repaired.length > 0) {
    log.warn(
      { damage: repaired },
      'one of the two copies of a checkpoint is damaged; the other one is used, and nothing is lost. Check the disk',
    );
  }
  if (checkpoint !== undefined && checkpoint.nextOffset < journal.firstOffset) {
    log.error(
      { nextOffset: checkpoint.nextOffset, firstOffset: journal.firstOffset },
      'the journal begins after its checkpoint: the records in between are gone, and the state does not have their effects. Restore the folder from a backup if you have one that is newer',
    );
  }
  counters.checkpoints_unreadable += unreadable.length;
  const unusable = [...unreadable, ...unfit];
  const { firstOffset, nextOffset } = journal;
  if (unusable.length === 0) {
    if (checkpoint === undefined && firstOffset > 0) {
      log.warn(
        { firstOffset },
        'there is no checkpoint: the state from before the first record of the journal is lost',
      );
    }
    return { store, checkpoint };
  }
  if (checkpoint === undefined && firstOffset > 0) throw new Error(explainUnusable(folder, unusable, firstOffset));
  const reason = unusable.join('; ');
  if (checkpoint !== undefined) {
    log.error(
      { reason, nextOffset: checkpoint.nextOffset },
      'the newest checkpoint cannot be used: continuing from the previous checkpoint',
    );
  } else if (nextOffset > 0) {
    log.error(
      { reason, records: nextOffset },
      'no checkpoint can be used: folding the whole journal from its start; this takes longer, and nothing is lost',
    );
  } else log.warn({ reason }, 'no checkpoint can be used, and the journal is new: beginning with an empty state');
  return { store, checkpoint };
}

function explainUnusable(folder: string, unusable: readonly string[], firstOffset: number): string {
  return (
    `No checkpoint in ${folder} can be used (${unusable.join('; ')}), and the journal no longer begins at 0 but at ${firstOffset}: ` +
    'the state of the rules and the open alerts are stored nowhere else. Restore the files checkpoint* and journal-*.wal of this folder ' +
    'from one backup. Or move checkpoint* out of this folder, to begin with the records that the journal still has; then alerts that are open now stay open until their conditions hold again.'
  );
}

/** Receive time of the first record from an offset on. */
async function firstInstant(journal: Journal, from: number): Promise<number | undefined> {
  for await (const records of journal.read(from)) return records[0]?.at;
  return undefined;
}
