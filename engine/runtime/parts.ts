import type { Logger } from 'pino';
import type { Disk } from '../journal/disk.ts';
import type { SentLog } from '../journal/sent-log.ts';
import type { Config } from '../model/config.ts';
import type { Plan } from '../model/plan/plan.ts';
import type { Clock, EventSink, Source, TableSink } from '../ports.ts';
import { addDuration, type Counters, type Timings } from '../telemetry.ts';
import { type Backpressure, createBackpressure } from './backpressure.ts';
import { createCapacityWatch } from './capacity-watch.ts';
import { type Checkpointing, createCheckpointing } from './checkpointing.ts';
import { createEventDelivery } from './event-delivery.ts';
import { createFold } from './fold.ts';
import { createIngest, type Ingest } from './ingest.ts';
import { createJumpLog, type JumpLog } from './jump-log.ts';
import type { RecoveredData } from './recovery.ts';
import { gaugesOf, type Observed } from './status.ts';
import { createTableDelivery } from './table-delivery.ts';

export interface PartsOptions {
  readonly config: Config;
  readonly plan: Plan;
  /** Creates the source. `hadSession`: whether the brokers may have a session of an earlier run. */
  readonly createSource: (hadSession: boolean) => Source;
  readonly tableSink: TableSink;
  readonly eventSink: EventSink;
  /** Where the journal, the checkpoints and the log of inserts are written. Default: the disk of this machine. */
  readonly disk?: Disk | undefined;
  readonly clock: Clock;
  /** Numbers in [0, 1), for the backoff of retries. */
  readonly random: () => number;
  readonly log: Logger;
  readonly counters: Counters;
  readonly timings: Timings;
}

/** The connected parts of a running engine. */
export interface Parts extends Observed {
  readonly sent: SentLog;
  readonly backpressure: Backpressure;
  readonly checkpointing: Checkpointing;
  readonly jumps: JumpLog;
  /** First offset that recovery folds. */
  readonly recoverFrom: number;
}

/**
 * Creates and connects the parts: source → ingest → journal → checkpointing → fold → delivery of batches and events. Confirmations of the
 * sinks go back to checkpointing and backpressure. No message arrives before the source is started.
 */
export function createParts(options: PartsOptions, data: RecoveredData): Parts {
  const { config, plan, counters, log } = options;
  const { journal, sent, store, checkpoint, repeatsFrom } = data;
  const update = (): void => {
    backpressure.update();
    ingest.regulate();
  };
  const onProgress = (): void => {
    checkpointing.onProgress();
    update();
  };
  const tables = createTableDelivery({ ...options, journal, sent, onProgress });
  const events = createEventDelivery({
    ...options,
    eventSink: measured(options),
    repeatsFrom,
    after: checkpoint?.events,
    onProgress,
    insertUndeliverable: (event, error) => tables.insertUndeliverable(event, error),
  });
  const jumps = createJumpLog({ ...options, streams: config.streams });
  const fold = createFold({
    ...options,
    journalId: journal.id,
    checkpoint,
    earlier: sent.earlier,
    onEvent: (event) => events.push(event),
    onBatch: (batch) => tables.push(batch),
    onJump: (reading, from) => jumps.add(reading, from),
  });
  const backpressure = createBackpressure({ config, journal, tables: tables.outbox, events: events.outbox });
  const checkpointing: Checkpointing = createCheckpointing({
    store,
    clock: options.clock,
    journal,
    sent,
    fold,
    outboxes: [tables.outbox, events.outbox],
    eventPositions: () => options.eventSink.positions?.(),
    requestCut: () => ingest.cut(),
    onWritten: update,
    counters,
    log,
  });
  const ingest: Ingest = createIngest({
    ...options,
    journal,
    feed: (records) => checkpointing.feed(records),
    hasMoreDue: () => fold.hasMoreDue,
    fullest: () => backpressure.fullest(),
    figures: () => gaugesOf({ journal, fold, tables, events, ingest }, plan),
  });
  return {
    journal,
    sent,
    fold,
    tables,
    events,
    backpressure,
    checkpointing,
    ingest,
    jumps,
    source: options.createSource(journal.nextOffset > 0),
    capacity: createCapacityWatch({ ...options, fullLimits: () => fold.fullLimits() }),
    recoverFrom: checkpoint?.nextOffset ?? journal.firstOffset,
  };
}

/** The sink of events, which counts how long each publication takes. */
function measured({ eventSink, clock, timings }: PartsOptions): EventSink {
  return {
    ...eventSink,
    publish(event) {
      const startedAt = clock.steady();
      const published = eventSink.publish(event);
      published.then(
        () => addDuration(timings.event_publish, clock.steady() - startedAt),
        () => undefined,
      );
      return published;
    },
  };
}
