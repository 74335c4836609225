import type { Logger } from 'pino';
import type { Journal } from '../journal/journal.ts';
import type { JournalRecord, MarkName, MarkRecord, NewRecord } from '../model/record.ts';
import type { Clock, Inbound, PortStatus, SourceHandler } from '../ports.ts';
import type { Counters } from '../telemetry.ts';
import type { Fullness } from './backpressure.ts';
import { createIntake } from './intake.ts';
import { createReceiveClock, STEP_MS } from './receive-clock.ts';

export interface IngestOptions {
  readonly journal: Pick<Journal, 'append' | 'commitTo'>;
  /** Takes durable records, in order: the fold. */
  readonly feed: (records: readonly JournalRecord[]) => void;
  /** The fullest part of the engine. */
  readonly fullest: () => Fullness;
  /** What is logged beside the reason when intake stops. */
  readonly figures: () => object;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly log: Logger;
}

/** A record of the journal without its receive time, which is the moment at which it is appended. */
type Undated = NewRecord extends infer D ? (D extends NewRecord ? Omit<D, 'at'> : never) : never;

/**
 * The way into the journal. A message passes it once: a source hands it over, it is appended, acknowledged once it is durable, and then fed to
 * the fold. Everything else that can change an outcome comes the same way, with the same clock.
 */
export interface Ingest {
  /** What sources hand their messages to. */
  readonly handler: SourceHandler;
  /** Whether messages are held back or shed, because something is full. */
  readonly paused: boolean;
  /** How old the newest record was when the fold had taken it; milliseconds. */
  readonly lagMs: number;
  /** The receive time of this moment; milliseconds since the epoch. It never goes back within a journal. */
  now(): number;
  /**
   * Opens the way, after recovery, with the mark `started`: receive times go on after this one, which an earlier run has written. Until then
   * nothing may be appended, and `regulate` does nothing.
   */
  open(after: number): void;
  /** Appends the mark `cut`: the state right after it is a checkpoint. */
  cut(): void;
  /** Nothing more is appended: the journal is about to be closed. */
  close(): void;
  /** Appends records, all received now. `durable` is called once they are safe. */
  append(records: readonly Undated[], durable?: () => void): void;
  /** Appends records that have their receive time. */
  appendDated(records: readonly NewRecord[], durable?: () => void): void;
  /** Stops or continues intake by how full everything is. To be called about once a second at least. */
  regulate(): void;
  /** The source has stopped: messages that are held back go to the journal, so that they can be acknowledged. */
  release(): void;
  status(): PortStatus;
}

export function createIngest({ journal, feed, fullest, figures, clock, counters, log }: IngestOptions): Ingest {
  const receive = createReceiveClock(clock, ({ byMs, at, steppedMs }) => {
    counters.clock_steps += 1;
    const what = byMs < 0 ? 'back: time goes on from where it was, a little slower' : 'forward: time follows';
    log.warn({ byMs }, `the clock of this machine was set ${what}`);
    // Before the records that come at the new time. The first mark of a run says how the clocks are by then.
    if (isOpen) journal.append([{ ...markAt('clock-stepped', at), ...(steppedMs > 0 && { steppedMs }) }]);
  });
  let isOpen = false;
  let lagMs = 0;

  const markAt = (mark: MarkName, at: number): Omit<MarkRecord, 'offset'> => {
    const { aheadMs } = receive;
    return { kind: 'mark', at, mark, connection: -1, ...(aheadMs > STEP_MS && { aheadMs: Math.round(aheadMs) }) };
  };
  const appendMessages = (connection: number, messages: readonly Inbound[], acknowledge: () => void): void => {
    const at = receive.now();
    const records: NewRecord[] = [];
    for (let i = 0; i < messages.length; i++) {
      const { topic, payload, qos, retain, dup, packetId } = messages[i]!;
      records.push({ kind: 'message', at, connection, topic, payload, qos, retain, dup, packetId });
    }
    const count = records.length;
    // The closure holds none of the messages: they are bytes of the journal by now, and their memory can be freed.
    journal.append(records, () => {
      counters.messages_journaled += count;
      acknowledge();
    });
  };
  const intake = createIntake({
    clock: { now: () => receive.now(), steady: () => clock.steady() },
    take: appendMessages,
    append: (records) => journal.append(records),
    fullest,
    figures,
    counters,
    log,
  });
  journal.commitTo((records) => {
    feed(records);
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
      // During recovery its mark would go into the journal that is being read.
      if (isOpen) intake.regulate();
    },
    release: () => intake.release(),
    close() {
      isOpen = false;
    },
    status: () => intake.status(),
  };
}
