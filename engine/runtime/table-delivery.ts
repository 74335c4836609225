import { join } from 'node:path';
import type { Logger } from 'pino';
import { cut } from '../delivery/batches.ts';
import { createRowEncoder } from '../delivery/row-binary.ts';
import { refusedRow, undeliverableRow } from '../delivery/rows.ts';
import { DEAD_LETTERS, FIXED_TABLES, streamTable } from '../delivery/tables.ts';
import type { Journal } from '../journal/journal.ts';
import type { SentLog } from '../journal/sent-log.ts';
import type { Batch, EventOutput } from '../model/output.ts';
import { DeliveryError, TABLE_BROKEN, type TableSink } from '../ports.ts';
import { createDeliveryQueue, type DeliveryQueue } from './delivery-queue.ts';
import { insertBatch } from './insert.ts';
import { createRetryLog, type DeliveryOptions } from './retry-log.ts';
import { createSpill, type SpillableBatch } from './spill.ts';

/** Folder of batches that memory has no room for, in the data folder. */
const SPILL = 'spill';
/** From this part of `clickhouse.queue` on, batches go to the disk: intake must not stop while they are on their way. */
const SPILL_FROM = 0.5;

/** An outlet whose batches go to the disk where memory has no room for them. */
export interface TableDelivery extends Pick<DeliveryQueue<Batch>, 'outbox' | 'isOpen' | 'stuck' | 'push' | 'stop'> {
  /** Bytes on the disk. */
  readonly spilledBytes: number;
  /** Puts an event that NATS will never take among the dead letters. Resolves when it is there; rejects with a DeliveryError. */
  bury(event: EventOutput, error: DeliveryError): Promise<void>;
}

/**
 * The way to ClickHouse: batches, a few inserts at a time for each table. A table that cannot be written keeps its own batches waiting, and no
 * others.
 */
export function createTableDelivery(
  options: DeliveryOptions & {
    readonly tableSink: TableSink;
    readonly journal: Journal;
    readonly sent: Pick<SentLog, 'note'>;
  },
): TableDelivery {
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
  const outlet = createDeliveryQueue<SpillableBatch>({
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

function relieve(outlet: DeliveryQueue<SpillableBatch>, parcel: SpillableBatch, log: Logger): void {
  parcel.spill().then(
    (spilled) => {
      if (spilled) outlet.releaseBytes(parcel);
    },
    // It stays in memory; where that fills up, intake stops.
    (error: unknown) => log.error({ err: error }, 'a batch could not be written to the disk'),
  );
}
