import { join } from 'node:path';
import { shorterEvents } from '../delivery/cloud-event.ts';
import type { Outbox } from '../delivery/outbox.ts';
import type { EventOutput } from '../model/output.ts';
import { DeliveryError, type EventSink, type StreamPositions } from '../ports.ts';
import { createDeliveryQueue, type DeliveryQueue } from './delivery-queue.ts';
import { createEventOverflow } from './event-overflow.ts';
import { createRetryLog, type DeliveryOptions } from './retry-log.ts';
import type { TableDelivery } from './table-delivery.ts';

/** Events that are published at the same time. The server answers many at once, so few cost more than many. */
const EVENT_CONCURRENCY = 512;
/** Bytes of memory that an event takes besides its texts. */
const EVENT_OVERHEAD_BYTES = 200;

/** Folder of spilled events, in the data folder. */
const SPILL_FOLDER = 'spill-events';
/** Events wait as objects up to this fraction of `nats.outbox`, and this size, which keeps the server busy; further ones wait as bytes. */
const QUEUE_FRACTION = 0.25;
const LARGEST_QUEUE_BYTES = 1024 * 1024;
/** If all that wait have more than this fraction, further ones go to the disk. It is below 1, so that intake does not stop while they are written. */
const MEMORY_FRACTION = 0.5;
/** They go to the disk in chunks of this fraction, so that several fit into memory; larger ones save little. */
const CHUNK_FRACTION = 0.125;
const LARGEST_CHUNK_BYTES = 1024 * 1024;

/** The delivery queue of NATS. Events that memory has no room for are spilled to the disk. */
export interface EventDelivery extends Pick<DeliveryQueue<EventOutput>, 'isOpen' | 'stuck' | 'stop'> {
  push(event: EventOutput): void;
  readonly outbox: Pick<Outbox, 'bytes' | 'position' | 'isConfirmed'>;
  /** Bytes on the disk. */
  readonly spilledBytes: number;
}

export interface EventDeliveryOptions extends DeliveryOptions {
  readonly eventSink: EventSink;
  /** `repeatsFrom` and `after`: see `EventSink.open`. */
  readonly repeatsFrom: number | undefined;
  readonly after?: StreamPositions | undefined;
  readonly insertUndeliverable: TableDelivery['insertUndeliverable'];
}

/**
 * Creates the delivery of events to NATS. If NATS is slower than the events come, they wait on the disk, in their order. Then a later event of
 * any lane waits for all earlier ones to be read back.
 */
export function createEventDelivery(options: EventDeliveryOptions): EventDelivery {
  const { config, log } = options;
  const limit = config.nats.outboxBytes;
  const onProgress = () => {
    overflow.refill();
    options.onProgress();
  };
  const queue = createEventQueue({ ...options, onProgress });
  const queueBytes = Math.min(LARGEST_QUEUE_BYTES, limit * QUEUE_FRACTION);
  const hasRoom = () => queue.outbox.bytes < queueBytes;
  const overflow = createEventOverflow({
    folder: join(config.data, SPILL_FOLDER),
    outbox: queue.outbox,
    chunkBytes: Math.min(LARGEST_CHUNK_BYTES, limit * CHUNK_FRACTION),
    memoryBytes: limit * MEMORY_FRACTION - queueBytes,
    hasRoom,
    push: queue.push,
    onProgress: options.onProgress,
    log,
  });
  return {
    outbox: {
      get bytes() {
        return queue.outbox.bytes + overflow.bytes;
      },
      get position() {
        return queue.outbox.position;
      },
      isConfirmed: queue.outbox.isConfirmed,
    },
    get isOpen() {
      return queue.isOpen;
    },
    get stuck() {
      return queue.stuck;
    },
    get spilledBytes() {
      return overflow.spilledBytes;
    },
    push(event) {
      if (overflow.isEmpty && hasRoom()) queue.push(event);
      else overflow.add(event);
    },
    stop() {
      overflow.stop();
      queue.stop();
    },
  };
}

/**
 * Creates the queue of the events in memory. Events of one lane are published one after another, others at the same time. An event that the
 * server refuses is published in a shorter form. If the server accepts no form, the event becomes a dead letter: endless retries would block the
 * later events of its lane, and every checkpoint.
 */
function createEventQueue(options: EventDeliveryOptions): DeliveryQueue<EventOutput> {
  const { eventSink: sink, repeatsFrom, after, counters, log, insertUndeliverable } = options;
  /** Events that became dead letters and are not confirmed yet. */
  const deadLetters = new Set<EventOutput>();
  return createDeliveryQueue<EventOutput>({
    ...options,
    open: () => sink.open(repeatsFrom, after),
    send: (event) => sink.publish(event),
    refused: async (event, error) => {
      const refusal = await publishShorterForm(event, error, sink);
      if (refusal === undefined) {
        counters.events_shortened += 1;
        return;
      }
      await insertUndeliverable(event, refusal);
      deadLetters.add(event);
      counters.events_dead_lettered += 1;
      const { subject, id, offset } = event;
      log.error(
        { subject, id, offset, reason: refusal.message },
        'NATS refuses an event in every form; it is now a dead letter',
      );
    },
    lane: laneOf,
    concurrency: EVENT_CONCURRENCY,
    bytesOf,
    onConfirmed: (event) => {
      if (deadLetters.size === 0 || !deadLetters.delete(event)) counters.events_published += 1;
    },
    onRetry: createRetryLog('nats', 'events_retried', ({ stream, subject }) => stream ?? subject, options),
  });
}

function bytesOf({ subject, body, kv }: EventOutput): number {
  return EVENT_OVERHEAD_BYTES + 2 * (subject.length + body.length + (kv?.value?.length ?? 0));
}

/**
 * The lane of an event. The keys of the two buckets differ, because only those of alerts have a dot. Events that no stream stores, such as those
 * of dead letters, need no order and have no lane.
 */
function laneOf({ kv, stream, subject }: EventOutput): string | undefined {
  return kv === undefined ? stream && subject : kv.key;
}

/**
 * Publishes an event in the longest form that the server accepts besides the whole one, which it has refused. Resolves with its last refusal if
 * it accepts none. Rejects with any other error.
 */
async function publishShorterForm(
  whole: EventOutput,
  error: DeliveryError,
  sink: EventSink,
): Promise<DeliveryError | undefined> {
  let refusal = error;
  for (const event of shorterFormsOf(whole)) {
    try {
      await sink.publish(event);
      return undefined;
    } catch (again) {
      if (!isRefusal(again)) throw again;
      refusal = again;
    }
  }
  return refusal;
}

function isRefusal(error: unknown): error is DeliveryError {
  return error instanceof DeliveryError && error.class === 'bad-row';
}

function* shorterFormsOf(event: EventOutput): Generator<EventOutput> {
  const { kv } = event;
  for (const body of shorterEvents(event.body)) {
    yield { ...event, body, ...(kv !== undefined && { kv: { ...kv, value: kv.value === null ? null : body } }) };
  }
}
