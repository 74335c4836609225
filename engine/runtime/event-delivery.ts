import { shorterEvents } from '../delivery/cloud-event.ts';
import type { EventOutput } from '../model/output.ts';
import { DeliveryError, type EventSink, type StreamPositions } from '../ports.ts';
import type { Counters } from '../telemetry.ts';
import { createDeliveryQueue, type DeliveryQueue } from './delivery-queue.ts';
import { createRetryLog, type DeliveryOptions } from './retry-log.ts';
import type { TableDelivery } from './table-delivery.ts';

/** Events under way at once. */
const EVENT_CONCURRENCY = 64;
/** What an event takes in memory beside its texts; bytes. */
const EVENT_OVERHEAD_BYTES = 200;

/**
 * The way to NATS: events, side by side but for those of one key. An event that the server refuses goes out in a shorter form. Where it takes
 * none of them, the event becomes a dead letter: tried again for ever, it would hold up the events behind it, and every checkpoint.
 */
export function createEventDelivery(
  options: DeliveryOptions & {
    readonly eventSink: EventSink;
    /** See `EventSink.open`. */
    readonly repeatsFrom: number | undefined;
    readonly after?: StreamPositions | undefined;
    readonly bury: TableDelivery['bury'];
  },
): DeliveryQueue<EventOutput> {
  const { eventSink: sink, repeatsFrom, after, counters, log, bury } = options;
  return createDeliveryQueue<EventOutput>({
    ...options,
    open: () => sink.open(repeatsFrom, after),
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
