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
import { createSpill, type Spillable } from './spill.ts';

/** Folder of spilled batches, in the data folder. */
const SPILL_FOLDER = 'spill';
/** Batches are spilled above this fraction of `clickhouse.queue`. It is below 1, so that intake does not stop while they are written. */
const SPILL_FRACTION = 0.5;

/** A batch that waits, in memory or on the disk. */
interface SpillableBatch extends Spillable<Batch> {
  readonly table: string;
}

/** The delivery queue of ClickHouse. Batches that memory has no room for are spilled to the disk. */
export interface TableDelivery extends Pick<DeliveryQueue<Batch>, 'outbox' | 'isOpen' | 'stuck' | 'stop'> {
  push(batch: Batch): void;
  /** Bytes on the disk. */
  readonly spilledBytes: number;
  /** Inserts an event that NATS will never accept as a dead letter. Resolves once it is in the table; rejects with a DeliveryError. */
  insertUndeliverable(event: EventOutput, error: DeliveryError): Promise<void>;
}

/**
 * Creates the delivery queue of ClickHouse. Each table has a few inserts at a time. If a table cannot be written, only its own batches
 * wait.
 */
export function createTableDelivery(
  options: DeliveryOptions & {
    readonly tableSink: TableSink;
    readonly journal: Journal;
    readonly sent: Pick<SentLog, 'write'>;
  },
): TableDelivery {
  const { config, tableSink: sink, counters, journal, sent, log } = options;
  const tables = [...config.streams.map(streamTable), ...FIXED_TABLES];
  const deadLetters = createRowEncoder(DEAD_LETTERS);
  const nextLanes = new Map<string, number>();

  const insertDeadLetter = async (row: unknown[], offset: number): Promise<void> => {
    deadLetters.encodeRow(row, offset);
    const batch = cut({ table: DEAD_LETTERS, encoder: deadLetters, openedAt: 0 });
    await insertBatch(batch, { sink, journalId: journal.id, onRefusedRow });
  };
  const onRefusedRow = async (row: Batch, error: DeliveryError): Promise<void> => {
    counters.rows_dead_lettered += 1;
    const record = await journal.find(row.fromOffset);
    log.error(
      { table: row.table, offset: row.fromOffset, reason: error.message },
      row.table === DEAD_LETTERS.name
        ? 'ClickHouse refuses a row of the table of dead letters; it is lost'
        : 'ClickHouse refuses a row; its message becomes a dead letter',
    );
    if (row.table === DEAD_LETTERS.name) return;
    await insertDeadLetter(refusedRow(row.table, error.message, record), row.fromOffset);
  };

  /** Events are inserted one after another: ClickHouse does not accept many small inserts at once. */
  let lastUndeliverable: Promise<void> = Promise.resolve();

  const spill = createSpill<Batch>(join(config.data, SPILL_FOLDER));
  const queue = createDeliveryQueue<SpillableBatch>({
    ...options,
    open: () => sink.open(tables),
    isOpenInPart: (error) => error instanceof DeliveryError && error.code === TABLE_BROKEN,
    send: async (spillable) => {
      const batch = await spillable.load();
      await insertBatch(batch, { sink, journalId: journal.id, onRefusedRow, logSent: sent.write });
      counters.batches_inserted += 1;
      counters.rows_inserted += batch.rows;
      await spillable.delete();
    },
    // Batches need no order: a table has one lane for each insert that may be in progress.
    lane: ({ table }) => {
      const lane = nextLanes.get(table) ?? 0;
      nextLanes.set(table, (lane + 1) % config.clickhouse.concurrency);
      return `${table} ${lane}`;
    },
    bytesOf: ({ bytes }) => bytes,
    onRetry: createRetryLog('clickhouse', 'inserts_retried', ({ table }) => table, options),
  });
  return {
    outbox: queue.outbox,
    get isOpen() {
      return queue.isOpen;
    },
    get stuck() {
      return queue.stuck;
    },
    get spilledBytes() {
      return spill.bytes;
    },
    push(batch) {
      const { table, bytes, rowEnds, rowOffsets } = batch;
      const size = bytes.length + rowEnds.byteLength + rowOffsets.byteLength;
      const spillable = { ...spill.wrap(batch, size), table };
      const pushed = queue.push(spillable);
      if (queue.outbox.bytes <= config.clickhouse.queueBytes * SPILL_FRACTION) return;
      spillToDisk(spillable, () => queue.releaseMemory(pushed), log);
    },
    insertUndeliverable(event, error) {
      const inserted = lastUndeliverable.then(async () => {
        if (!queue.isOpen)
          throw new DeliveryError(
            'transient',
            'the event waits for ClickHouse, which stores dead letters and is not connected yet',
          );
        await insertDeadLetter(undeliverableRow(event, error.message), event.offset);
      });
      lastUndeliverable = inserted.catch(() => undefined);
      return inserted;
    },
    stop: () => queue.stop(),
  };
}

function spillToDisk(batch: SpillableBatch, onSpilled: () => void, log: Logger): void {
  batch.spill().then(
    (spilled) => {
      if (spilled) onSpilled();
    },
    // It stays in memory. If the queue fills up, intake stops.
    (error: unknown) =>
      log.error(
        { err: error, table: batch.table },
        'a batch could not be spilled to the disk; it stays in memory. Check the disk',
      ),
  );
}
