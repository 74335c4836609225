import type { Logger } from 'pino';
import { putAside, readCheckpoint, type StoredCheckpoint } from '../journal/checkpoint.ts';
import type { Disk } from '../journal/disk.ts';
import { type Journal, openJournal } from '../journal/journal.ts';
import { openSentLog, type SentLog } from '../journal/sent-log.ts';
import type { Config } from '../model/config.ts';
import type { JournalRecord } from '../model/record.ts';
import type { Counters } from '../telemetry.ts';

/** Smaller where the journal may not grow large: it shrinks by whole segments. */
const SEGMENT_BYTES = 16 * 1024 * 1024;

export interface RecoveryOptions {
  readonly config: Config;
  readonly onFailure: (error: Error) => void;
  readonly log: Logger;
  readonly counters: Counters;
  /** Default: the disk of this machine. */
  readonly disk?: Disk | undefined;
}

/** What earlier runs have left in the data folder. */
export interface RecoveredData {
  readonly journal: Journal;
  /** What they have sent to ClickHouse. */
  readonly sent: SentLog;
  /** The newest that can be used; undefined: everything that the journal holds is to be folded. */
  readonly checkpoint: StoredCheckpoint | undefined;
  /** Receive time of the first record that the fold will see again; undefined where there is none. */
  readonly repeatsFrom: number | undefined;
}

/**
 * Opens what the data folder holds, which is locked, and logs what was damaged. Rejects where the journal cannot be read, and where its
 * checkpoints cannot be used although the journal no longer holds what they stand for.
 */
export async function openData({ config, onFailure, log, counters, disk }: RecoveryOptions): Promise<RecoveredData> {
  const journal = await openJournal({
    folder: config.data,
    counters,
    onFailure,
    onLoss: (loss) => {
      counters.journal_records_lost += loss.nextOffset - loss.firstLost;
      log.error(loss, 'the journal is damaged: these records are lost, those behind them are not');
    },
    segmentBytes: Math.min(SEGMENT_BYTES, Math.ceil(config.journal.maxBytes / 8)),
    disk,
  });
  if (journal.tornBytes > 0) log.warn({ bytes: journal.tornBytes }, 'the journal ended in half a record, now cut off');
  const checkpoint = await findCheckpoint(config.data, journal, log, counters);
  if (checkpoint !== undefined && checkpoint.nextOffset > journal.nextOffset) {
    const { nextOffset } = checkpoint;
    log.error(
      { journalEndsAt: journal.nextOffset, nextOffset },
      'the journal ends before its checkpoint: its last records are gone. The checkpoint holds what they led to, as far as it goes; the journal goes on behind it',
    );
    journal.skipTo(nextOffset);
  }
  const repeatsFrom = await firstInstant(journal, checkpoint?.nextOffset ?? journal.firstOffset);
  const sent = await openSentLog(config.data, journal.id, disk);
  if (sent.damaged > 0)
    log.warn({ lines: sent.damaged }, 'the log of inserts ended in half a line, or has damaged ones');
  return { journal, sent, checkpoint, repeatsFrom };
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
 * Folds the journal from an offset on, no faster than the sinks take the outputs: after a long outage they would not fit into memory. Returns
 * how many records it has folded; undefined where it was stopped before the end.
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
  return folded;
}

async function findCheckpoint(
  folder: string,
  journal: Journal,
  log: Logger,
  counters: Counters,
): Promise<StoredCheckpoint | undefined> {
  const foreign: string[] = [];
  const { checkpoint, unreadable } = await readCheckpoint(folder, ({ journalId }) => {
    if (journalId !== journal.id) foreign.push(journalId);
    return journalId === journal.id;
  });
  counters.checkpoints_unreadable += unreadable.length;
  const unusable = [...unreadable, ...foreign.map((id) => `a checkpoint belongs to the journal ${id}`)];
  const { firstOffset, nextOffset } = journal;
  if (unusable.length === 0) {
    if (checkpoint === undefined && firstOffset > 0) {
      log.warn({ firstOffset }, 'there is no checkpoint: what was remembered from before the first record is gone');
    }
    return checkpoint;
  }
  if (checkpoint === undefined && firstOffset > 0) throw new Error(nothingLeft(folder, unusable, firstOffset));
  const reason = unusable.join('; ');
  const kept = await putAside(folder);
  if (checkpoint !== undefined) {
    log.error({ reason, kept, nextOffset: checkpoint.nextOffset }, 'going on from the checkpoint before');
  } else if (nextOffset > 0) {
    log.error(
      { reason, kept, records: nextOffset },
      'no checkpoint can be used: folding the journal from its start, which comes to the same',
    );
  } else log.warn({ reason, kept }, 'no checkpoint can be used, and the journal is new: beginning with nothing');
  return checkpoint;
}

function nothingLeft(folder: string, unusable: readonly string[], firstOffset: number): string {
  return (
    `No checkpoint in ${folder} can be used (${unusable.join('; ')}), and the journal no longer begins at 0 but at ${firstOffset}: ` +
    'what rules remembered, and which alerts are open, stands nowhere else. Restore the files checkpoint*.jsonl and journal-*.wal of this folder ' +
    'from one backup. Or move checkpoint*.jsonl out of it to begin with what the journal holds; then alerts that are open stay so until their conditions hold again.'
  );
}

async function firstInstant(journal: Journal, from: number): Promise<number | undefined> {
  for await (const records of journal.read(from)) return records[0]?.at;
  return undefined;
}
