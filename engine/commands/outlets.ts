import { join } from 'node:path';
import type { Logger } from 'pino';
import { cut } from '../delivery/batches.ts';
import { shorterEvents } from '../delivery/cloud-event.ts';
import { createRowEncoder } from '../delivery/row-binary.ts';
import { refusedRow, undeliverableRow } from '../delivery/rows.ts';
import { DEAD_LETTERS, FIXED_TABLES, streamTable } from '../delivery/tables.ts';
import type { Journal } from '../journal/journal.ts';
import type { SentLog } from '../journal/sent-log.ts';
import type { Config } from '../model/config.ts';
import type { Batch, EventOutput } from '../model/output.ts';
import {
  type Clock,
  DeliveryError,
  type EventSink,
  type StreamPositions,
  TABLE_BROKEN,
  type TableSink,
} from '../ports.ts';
import type { CounterName, Counters } from '../telemetry.ts';
import { insertBatch } from './insert.ts';
import { createOutlet, type Outlet, type OutletOptions } from './outlet.ts';
import { createSpill, type Parcel } from './spill.ts';

interface Common {
  readonly config: Config;
  readonly random: () => number;
  readonly clock: Pick<Clock, 'steady'>;
  readonly log: Logger;
  readonly counters: Counters;
  readonly onProgress: () => void;
}

/** Events under way at once. */
const EVENT_CONCURRENCY = 64;
/** What an event takes in memory beside its texts; bytes. */
const EVENT_OVERHEAD_BYTES = 200;

/** Folder of batches that memory has no room for, in the data folder. */
const SPILL = 'spill';
/** From this part of `clickhouse.queue` on, batches go to the disk: intake must not stop while they are on their way. */
const SPILL_FROM = 0.5;

/** An outlet whose batches go to the disk where memory has no room for them. */
export interface TableOutlet extends Pick<Outlet<Batch>, 'outbox' | 'isOpen' | 'stuck' | 'push' | 'stop'> {
  /** Bytes on the disk. */
  readonly spilledBytes: number;
  /** Puts an event that NATS will never take among the dead letters. Resolves when it is there; rejects with a DeliveryError. */
  bury(event: EventOutput, error: DeliveryError): Promise<void>;
}

/**
 * The way to ClickHouse: batches, a few inserts at a time for each table. A table that cannot be written keeps its own batches waiting, and no
 * others.
 */
export function createTableOutlet(
  options: Common & { readonly tableSink: TableSink; readonly journal: Journal; readonly sent: Pick<SentLog, 'note'> },
): TableOutlet {
  const { config, tableSink: sink, counters, journal, sent, log } = options;
  const tables = [...config.streams.map(streamTable), ...FIXED_TABLES];
  const deadLetters = createRowEncoder(DEAD_LETTERS);
  const turns = new Map<string, number>();

  const insertLetter = async (row: unknown[], offset: number): Promise<void> => {
    deadLetters.encodeRow(row, offset);
    const letter = cut({ table: DEAD_LETTERS, encoder: deadLetters, openedAt: 0 });
    await insertBatch(letter, { sink, journalId: journal.id, onDeadRow });
  };
  const onDeadRow = async (row: Batch, error: DeliveryError): Promise<void> => {
    counters.rows_dead_lettered += 1;
    const record = await journal.find(row.fromOffset);
    log.error(
      { table: row.table, offset: row.fromOffset, reason: error.message },
      'ClickHouse refuses a row: to the dead letters',
    );
    if (row.table === DEAD_LETTERS.name) return;
    await insertLetter(refusedRow(row.table, error.message, record), row.fromOffset);
  };

  /** One after another: many inserts of a row each are more than ClickHouse takes at once. */
  let burials: Promise<void> = Promise.resolve();

  const spill = createSpill(join(config.data, SPILL));
  const outlet = createOutlet<Parcel>({
    ...options,
    open: () => sink.open(tables),
    isOpenInPart: (error) => error instanceof DeliveryError && error.code === TABLE_BROKEN,
    send: async (parcel) => {
      const batch = await parcel.take();
      await insertBatch(batch, { sink, journalId: journal.id, onDeadRow, note: sent.note });
      counters.batches_inserted += 1;
      counters.rows_inserted += batch.rows;
      await parcel.drop();
    },
    // Batches need no order: a table has as many lanes as it may have inserts under way.
    lane: ({ table }) => {
      const turn = turns.get(table) ?? 0;
      turns.set(table, (turn + 1) % config.clickhouse.concurrency);
      return `${table} ${turn}`;
    },
    bytesOf: ({ bytes }) => bytes,
    onRetry: createRetryLog('clickhouse', 'inserts_retried', ({ table }) => table, options),
  });
  return {
    outbox: outlet.outbox,
    get isOpen() {
      return outlet.isOpen;
    },
    get stuck() {
      return outlet.stuck;
    },
    get spilledBytes() {
      return spill.bytes;
    },
    push(batch) {
      const parcel = spill.pack(batch);
      outlet.push(parcel);
      if (outlet.outbox.bytes > config.clickhouse.queueBytes * SPILL_FROM) relieve(outlet, parcel, log);
    },
    bury(event, error) {
      const burial = burials.then(async () => {
        if (!outlet.isOpen)
          throw new DeliveryError('transient', 'ClickHouse, which takes dead letters, is not open yet');
        await insertLetter(undeliverableRow(event, error.message), event.offset);
      });
      burials = burial.catch(() => undefined);
      return burial;
    },
    stop: () => outlet.stop(),
  };
}

function relieve(outlet: Outlet<Parcel>, parcel: Parcel, log: Logger): void {
  parcel.spill().then(
    (spilled) => {
      if (spilled) outlet.lighten(parcel);
    },
    // It stays in memory; where that fills up, intake stops.
    (error: unknown) => log.error({ err: error }, 'a batch could not be written to the disk'),
  );
}

/**
 * The way to NATS: events, side by side but for those of one key. An event that the server refuses goes out in a shorter form. Where it takes
 * none of them, the event becomes a dead letter: tried again for ever, it would hold up the events behind it, and every checkpoint.
 */
export function createEventOutlet(
  options: Common & {
    readonly eventSink: EventSink;
    /** See `EventSink.open`. */
    readonly repeatsFrom: number | undefined;
    readonly behind?: StreamPositions | undefined;
    readonly bury: TableOutlet['bury'];
  },
): Outlet<EventOutput> {
  const { eventSink: sink, repeatsFrom, behind, counters, log, bury } = options;
  return createOutlet<EventOutput>({
    ...options,
    open: () => sink.open(repeatsFrom, behind),
    send: (event) => publishForms(event, sink, counters),
    refused: async (event, error) => {
      await bury(event, error);
      counters.events_dead_lettered += 1;
      const { subject, id, offset } = event;
      log.error({ subject, id, offset, reason: error.message }, 'NATS refuses an event: to the dead letters');
    },
    lane: laneOf,
    concurrency: EVENT_CONCURRENCY,
    bytesOf: ({ subject, body, kv }) =>
      EVENT_OVERHEAD_BYTES + 2 * (subject.length + body.length + (kv?.value?.length ?? 0)),
    onRetry: createRetryLog('nats', 'events_retried', ({ stream, subject }) => stream ?? subject, options),
  });
}

/** Events that nothing keeps, such as those of dead letters, need no order. */
function laneOf({ kv, stream, subject }: EventOutput): string | undefined {
  if (kv !== undefined) return `${kv.bucket} ${kv.key}`;
  return stream && subject;
}

/** Publishes an event in the longest form that the server takes. Rejects as the sink does; with `bad-row` where it takes none. */
async function publishForms(whole: EventOutput, sink: EventSink, counters: Counters): Promise<void> {
  let refusal: unknown;
  for (const event of formsOf(whole)) {
    try {
      await sink.publish(event);
      counters.events_published += 1;
      if (event !== whole) counters.events_shortened += 1;
      return;
    } catch (error) {
      if (!(error instanceof DeliveryError) || error.class !== 'bad-row') throw error;
      refusal = error;
    }
  }
  throw refusal;
}

function* formsOf(event: EventOutput): Generator<EventOutput> {
  yield event;
  const { kv } = event;
  for (const body of shorterEvents(event.body)) {
    yield { ...event, body, ...(kv !== undefined && { kv: { ...kv, value: kv.value === null ? null : body } }) };
  }
}

/** No more often than this is the same kind of failure logged, however many items fail. */
const LOG_EVERY_MS = 60_000;

/** Counts failures, and logs the first of its class for each table or stream and then one a minute. */
function createRetryLog<T>(
  sink: string,
  counter: CounterName,
  placeOf: (item: T) => string,
  { log, counters, clock }: Common,
): OutletOptions<T>['onRetry'] {
  const loggedAt = new Map<string, number>();
  return (error, item, attempt, waitMs) => {
    counters[counter] += 1;
    const place = item && placeOf(item);
    const kind = `${place} ${error.class}`;
    const now = clock.steady();
    if (now - (loggedAt.get(kind) ?? Number.NEGATIVE_INFINITY) < LOG_EVERY_MS) return;
    loggedAt.set(kind, now);
    const level = error.class === 'fatal' ? 'error' : 'warn';
    log[level](
      { sink, place, class: error.class, code: error.code, attempt, waitMs, reason: error.message },
      'delivery failed; it will be tried again',
    );
  };
}
