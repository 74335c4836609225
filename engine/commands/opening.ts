import type { Logger } from 'pino';
import { type Checkpoint, readCheckpoint } from '../journal/checkpoint.ts';
import { type Journal, openJournal } from '../journal/journal.ts';
import { openSentLog, type SentLog } from '../journal/sent-log.ts';
import type { Config } from '../model/config.ts';
import type { JournalRecord } from '../model/record.ts';
import type { Counters } from '../telemetry.ts';

/** Smaller where the journal may not grow large: it shrinks by whole segments. */
const SEGMENT_BYTES = 16 * 1024 * 1024;

export interface OpeningOptions {
  readonly config: Config;
  /** Durable records, in order. */
  readonly onCommit: (records: readonly JournalRecord[]) => void;
  readonly onFailure: (error: Error) => void;
  readonly log: Logger;
  readonly counters: Counters;
}

/** What earlier runs have left. */
export interface Left {
  readonly journal: Journal;
  /** What they have sent to ClickHouse. */
  readonly sent: SentLog;
  /** The newest that can be read; undefined: everything that the journal holds is to be folded. */
  readonly checkpoint: Checkpoint | undefined;
  /** Receive time of the first record that the fold will see again; undefined where there is none. */
  readonly repeatsFrom: number | undefined;
}

/** Opens what the data folder holds, which is locked; tells of what was damaged. Rejects where the journal or its checkpoints cannot be read. */
export async function openData({ config, onCommit, onFailure, log, counters }: OpeningOptions): Promise<Left> {
  const journal = await openJournal({
    folder: config.data,
    counters,
    onCommit,
    onFailure,
    onLoss: (loss) => {
      counters.journal_records_lost += loss.nextOffset - loss.firstLost;
      log.error(loss, 'the journal is damaged: these records are lost, those behind them are not');
    },
    segmentBytes: Math.min(SEGMENT_BYTES, Math.ceil(config.journal.maxBytes / 8)),
  });
  if (journal.tornBytes > 0) log.warn({ bytes: journal.tornBytes }, 'the journal ended in half a record, now cut off');
  const checkpoint = await findCheckpoint(config.data, journal.id, log, counters);
  const repeatsFrom = await firstInstant(journal, checkpoint?.nextOffset ?? journal.firstOffset);
  const sent = await openSentLog(config.data, journal.id);
  if (sent.damaged > 0)
    log.warn({ lines: sent.damaged }, 'the log of inserts ended in half a line, or has damaged ones');
  return { journal, sent, checkpoint, repeatsFrom };
}

async function findCheckpoint(
  folder: string,
  journalId: string,
  log: Logger,
  counters: Counters,
): Promise<Checkpoint | undefined> {
  const { checkpoint, unreadable } = await readCheckpoint(folder);
  if (unreadable !== undefined) {
    counters.checkpoints_unreadable += 1;
    log.error({ reason: unreadable, nextOffset: checkpoint?.nextOffset }, 'going on from the checkpoint before');
  }
  if (checkpoint === undefined || checkpoint.journalId === journalId) return checkpoint;
  log.warn('the checkpoint belongs to another journal: it is left out');
  return undefined;
}

async function firstInstant(journal: Journal, from: number): Promise<number | undefined> {
  for await (const records of journal.read(from)) return records[0]?.at;
  return undefined;
}
