import { join } from 'node:path';
import type { Logger } from 'pino';
import { cut } from '../delivery/batches.ts';
import { createRowEncoder } from '../delivery/row-binary.ts';
import { refusedRow, undeliverableRow } from '../delivery/rows.ts';
import { DEAD_LETTERS, FIXED_TABLES, streamTable } from '../delivery/tables.ts';
import type { Journal } from '../journal/journal.ts';
import type { SentLog } from '../journal/sent-log.ts';
import type { Config } from '../model/config.ts';
import type { Batch, EventOutput } from '../model/output.ts';
import type { JournalRecord } from '../model/record.ts';
import { DeliveryError, type EventSink, type TableSink } from '../ports.ts';
import type { CounterName, Counters } from '../telemetry.ts';
import { insertBatch } from './insert.ts';
import { createOutlet, type Outlet } from './outlet.ts';
import { createSpill, type Parcel } from './spill.ts';

interface Common {
  readonly config: Config;
  readonly random: () => number;
  readonly log: Logger;
  readonly counters: Counters;
  readonly onProgress: () => void;
}

/** Events of one subject stay in order; this many subjects go side by side. */
const EVENT_LANES = 64;
/** What an event takes in memory beside its texts; bytes. */
const EVENT_OVERHEAD_BYTES = 200;

/** Folder of batches that memory has no room for, in the data folder. */
const SPILL = 'spill';
/** From this part of `clickhouse.queue` on, batches go to the disk: intake must not stop while they are on their way. */
const SPILL_FROM = 0.5;

/** An outlet whose batches go to the disk where memory has no room for them. */
export interface TableOutlet extends Pick<Outlet<Batch>, 'outbox' | 'isOpen' | 'push' | 'stop'> {
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
  const lane = createTableLanes(config.clickhouse.concurrency);

  const insertLetter = async (row: unknown[], offset: number): Promise<void> => {
    deadLetters.encodeRow(row, offset);
    const letter = cut({ table: DEAD_LETTERS, encoder: deadLetters, openedAt: 0 });
    await insertBatch(letter, { sink, journalId: journal.id, onDeadRow });
  };
  const onDeadRow = async (row: Batch, error: DeliveryError): Promise<void> => {
    counters.rows_dead_lettered += 1;
    const record = await findMessage(journal, row.fromOffset);
    log.error(
      { table: row.table, offset: row.fromOffset, reason: error.message },
      'ClickHouse refuses a row: to the dead letters',
    );
    if (row.table === DEAD_LETTERS.name) return;
    await insertLetter(refusedRow(row.table, error.message, record), row.fromOffset);
  };

  const spill = createSpill(join(config.data, SPILL));
  const outlet = createOutlet<Parcel>({
    ...options,
    open: () => sink.open(tables),
    send: async (parcel) => {
      const batch = await parcel.take();
      await insertBatch(batch, { sink, journalId: journal.id, onDeadRow, note: sent.note });
      counters.batches_inserted += 1;
      counters.rows_inserted += batch.rows;
      await parcel.drop();
    },
    lane: ({ table }) => lane(table),
    bytesOf: ({ bytes }) => bytes,
    onRetry: tell('clickhouse', 'inserts_retried', options),
  });
  return {
    outbox: outlet.outbox,
    get isOpen() {
      return outlet.isOpen;
    },
    get spilledBytes() {
      return spill.bytes;
    },
    push(batch) {
      const parcel = spill.pack(batch);
      outlet.push(parcel);
      if (outlet.outbox.bytes > config.clickhouse.queueBytes * SPILL_FROM) relieve(outlet, parcel, log);
    },
    bury: (event, error) => insertLetter(undeliverableRow(event, error.message), event.offset),
    stop: () => outlet.stop(),
  };
}

/** Numbers for the inserts that may go side by side: so many for each table, taken in turn. */
function createTableLanes(concurrency: number): (table: string) => number {
  const turns = new Map<string, { readonly first: number; turn: number }>();
  return (table) => {
    let own = turns.get(table);
    if (own === undefined) turns.set(table, (own = { first: turns.size * concurrency, turn: 0 }));
    return own.first + (own.turn++ % concurrency);
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

async function findMessage(journal: Journal, offset: number): Promise<JournalRecord | undefined> {
  for await (const records of journal.read(offset)) return records.find((record) => record.offset === offset);
  return undefined;
}

/** The way to NATS: events, side by side but for those of one subject. */
export function createEventOutlet(
  options: Common & {
    readonly eventSink: EventSink;
    readonly repeatsFrom: number | undefined;
    readonly bury: TableOutlet['bury'];
  },
): Outlet<EventOutput> {
  const { eventSink: sink, repeatsFrom, counters, log, bury } = options;
  return createOutlet<EventOutput>({
    ...options,
    open: () => sink.open(repeatsFrom),
    send: async (event) => {
      try {
        await sink.publish(event);
        counters.events_published += 1;
      } catch (error) {
        // Tried again for ever, it would hold up the events behind it, and every checkpoint.
        if (!(error instanceof DeliveryError) || error.class !== 'bad-row') throw error;
        await bury(event, error);
        counters.events_dead_lettered += 1;
        const { subject, id, offset } = event;
        log.error({ subject, id, offset, reason: error.message }, 'NATS refuses an event: to the dead letters');
      }
    },
    lane: ({ kv, subject }) => laneOf(kv === undefined ? subject : `${kv.bucket}.${kv.key}`),
    bytesOf: ({ subject, body, kv }) =>
      EVENT_OVERHEAD_BYTES + 2 * (subject.length + body.length + (kv?.value?.length ?? 0)),
    onRetry: tell('nats', 'events_retried', options),
  });
}

function laneOf(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return (hash >>> 0) % EVENT_LANES;
}

/** One log line for the first failure and then one a minute, however many lanes are waiting. */
function tell(sink: string, counter: CounterName, { log, counters }: Common) {
  let quietUntilAttempt = 0;
  return (error: DeliveryError, attempt: number, waitMs: number): void => {
    counters[counter] += 1;
    if (attempt > 1 && attempt < quietUntilAttempt) return;
    quietUntilAttempt = attempt === 1 ? 5 : attempt + 5;
    const level = error.class === 'fatal' ? 'error' : 'warn';
    log[level](
      { sink, class: error.class, code: error.code, attempt, waitMs, reason: error.message },
      'delivery failed; it will be tried again',
    );
  };
}
