import type { Logger } from 'pino';
import type { Journal } from '../journal/journal.ts';
import type { JournalRecord, MarkName, MarkRecord, NewRecord } from '../model/record.ts';
import type { Clock, Inbound, PortStatus, SourceHandler } from '../ports.ts';
import { addDuration, type Counters, type Timings } from '../telemetry.ts';
import type { Fullness } from './backpressure.ts';
import { createIntake } from './intake.ts';
import { createReceiveClock, STEP_MS } from './receive-clock.ts';

export interface IngestOptions {
  readonly journal: Pick<Journal, 'append' | 'appendMessages' | 'commitTo'>;
  /** Passes durable records to the fold, in order. */
  readonly feed: (records: readonly JournalRecord[]) => void;
  /** Whether the last tick has left work that is due, see `Fold.hasMoreDue`. */
  readonly hasMoreDue: () => boolean;
  /** The part of the engine that is closest to its limit. */
  readonly fullest: () => Fullness;
  /** Figures that are logged with the reason when intake stops. */
  readonly figures: () => object;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly timings: Pick<Timings, 'journal_commit' | 'fold'>;
  readonly log: Logger;
}

/** A record without its receive time, which is set when the record is appended. */
type Undated = NewRecord extends infer D ? (D extends NewRecord ? Omit<D, 'at'> : never) : never;

/**
 * Appends to the journal everything that can change an outcome, with one clock. A source passes a message to the handler; the message is
 * appended, acknowledged once it is durable, and then passed to the fold.
 */
export interface Ingest {
  /** Receives the messages of sources. */
  readonly handler: SourceHandler;
  /** Whether intake is stopped because something is full: QoS 1 and 2 messages are buffered, QoS 0 messages are shed. */
  readonly paused: boolean;
  /** Age of the newest record when the fold had processed it; milliseconds. */
  readonly lagMs: number;
  /** The current receive time; milliseconds since the epoch. It never decreases within a journal. */
  now(): number;
  /**
   * Starts ingestion after recovery, with the mark `started`. No receive time is earlier than `after`, the latest one of earlier runs.
   * Before this call nothing may be appended, and `regulate` does nothing.
   */
  open(after: number): void;
  /** Appends the mark `cut`: the state right after it is a checkpoint. */
  cut(): void;
  /** Ends ingestion, because the journal is about to be closed. */
  close(): void;
  /** Appends records with the current receive time. `durable` is called once they are durable. */
  append(records: readonly Undated[], durable?: () => void): void;
  /** Appends records that already have a receive time. */
  appendDated(records: readonly NewRecord[], durable?: () => void): void;
  /** Stops or resumes intake, depending on how full the engine is. Call it at least about once a second. */
  regulate(): void;
  /** Appends the buffered messages, so that they can be acknowledged. Call it when the source is stopping. */
  flush(): void;
  status(): PortStatus;
}

export function createIngest(options: IngestOptions): Ingest {
  const { journal, feed, hasMoreDue, fullest, figures, clock, counters, timings, log } = options;
  const receive = createReceiveClock(clock, ({ byMs, at, steppedMs }) => {
    counters.clock_steps += 1;
    const what =
      byMs < 0
        ? 'back: receive time continues from its last value, a little slower'
        : 'forward: receive time follows it';
    log.warn({ byMs }, `the clock of this machine was set ${what}`);
    // It precedes the records with the new time. Before `open` no mark is needed: the mark `started` records the state of the clock.
    if (isOpen) journal.append([{ ...markAt('clock-stepped', at), ...(steppedMs > 0 && { steppedMs }) }]);
  });
  let isOpen = false;
  let isContinued = false;
  let lagMs = 0;

  const markAt = (mark: MarkName, at: number): Omit<MarkRecord, 'offset'> => {
    const { aheadMs } = receive;
    return { kind: 'mark', at, mark, connection: -1, ...(aheadMs > STEP_MS && { aheadMs: Math.round(aheadMs) }) };
  };
  const appendMessages = (connection: number, messages: readonly Inbound[], acknowledge: () => void): void => {
    const startedAt = clock.steady();
    const at = receive.now();
    const count = messages.length;
    // This closure references no message: the journal has their bytes, and their memory can be freed.
    journal.appendMessages(at, connection, messages, () => {
      counters.messages_journaled += count;
      addDuration(timings.journal_commit, clock.steady() - startedAt);
      acknowledge();
    });
  };
  const intake = createIntake({
    clock: { now: () => receive.now(), steady: () => clock.steady() },
    appendMessages,
    append: (records) => journal.append(records),
    fullest,
    figures,
    counters,
    log,
  });
  /**
   * A tick does a bounded amount of work, so that messages do not wait for it. What it has left is done by another tick, which comes behind the
   * messages that have arrived meanwhile. If events or rows cannot be delivered as fast, only the regular ticks continue.
   */
  const continueTick = (records: readonly JournalRecord[]): void => {
    if (records.some(({ kind }) => kind === 'tick')) isContinued = false;
    if (!isOpen || isContinued || intake.paused || !hasMoreDue()) return;
    isContinued = true;
    journal.append([{ kind: 'tick', at: receive.now() }]);
  };
  journal.commitTo((records) => {
    const startedAt = clock.steady();
    feed(records);
    addDuration(timings.fold, clock.steady() - startedAt);
    continueTick(records);
    const newest = records.findLast((record) => record.kind !== 'message' || record.redriven === undefined);
    if (newest !== undefined) lagMs = receive.now() - newest.at;
    intake.regulate();
  });

  return {
    handler: intake,
    get paused() {
      return intake.paused;
    },
    get lagMs() {
      return lagMs;
    },
    now: () => receive.now(),
    open(after) {
      receive.startAfter(after);
      journal.append([markAt('started', receive.now())]);
      isOpen = true;
    },
    cut: () => journal.append([markAt('cut', receive.now())]),
    append(records, durable) {
      const at = receive.now();
      journal.append(
        records.map((record) => ({ ...record, at })),
        durable,
      );
    },
    appendDated: (records, durable) => journal.append(records, durable),
    regulate() {
      // During recovery, a mark would be appended to the journal that is being read.
      if (isOpen) intake.regulate();
    },
    flush: () => intake.flush(),
    close() {
      isOpen = false;
    },
    status: () => intake.status(),
  };
}
