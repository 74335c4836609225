import { AckPolicy, DeliverPolicy, type JetStreamManager, nanos } from 'nats';
import { DeliveryError } from '../../engine/ports.ts';
import { toDeliveryError } from './errors.ts';
import { STREAM_NAMES, type StreamName } from './streams.ts';

/** By stream: ids of events that it has, and that we may publish again. */
export type Published = ReadonlyMap<StreamName, Set<string>>;

/** By so much the server's clock may be off ours. */
const CLOCK_MARGIN_MS = 10_000;
/** What one request asks for. */
const PAGE = 10_000;
/** The server forgets a reader that has gone silent after so long. */
const FORGOTTEN_AFTER_MS = 60_000;
const ANSWER_TIMEOUT_MS = 5_000;
/** Of each stream; about 20 MB. */
const MOST_IDS = 100_000;

/**
 * Reads back what the streams have taken in since an instant (milliseconds since the epoch), so that none of it need be published again.
 * Tells through `onNotice` where that cannot be done, or is too much: then it is for the streams to know a repetition by its id. Rejects
 * with a DeliveryError where it is to be tried again.
 */
export async function readPublished(
  manager: JetStreamManager,
  since: number,
  onNotice: (text: string) => void,
): Promise<Published> {
  const published = new Map<StreamName, Set<string>>();
  for (const stream of STREAM_NAMES) {
    try {
      const { ids, rest } = await readIds(manager, stream, since - CLOCK_MARGIN_MS);
      published.set(stream, ids);
      if (rest > 0) onNotice(`${stream} has ${rest} more events than can be read back: ${CONSEQUENCE}`);
    } catch (error) {
      const failure = toDeliveryError(error, `reading back ${stream}`);
      if (failure.class === 'transient') throw failure;
      onNotice(`${failure.message}: ${CONSEQUENCE}`);
    }
  }
  return published;
}

const CONSEQUENCE = 'where the stream does not remember its id, one that comes again will stand there twice.';

async function readIds(
  manager: JetStreamManager,
  stream: StreamName,
  fromAt: number,
): Promise<{ ids: Set<string>; rest: number }> {
  // Not the client's ordered consumer: it asks for ever where it is not allowed to.
  const { name, num_pending: pending } = await manager.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartTime,
    opt_start_time: new Date(fromAt).toISOString(),
    headers_only: true,
    mem_storage: true,
    inactive_threshold: nanos(FORGOTTEN_AFTER_MS),
  });
  const ids = new Set<string>();
  let rest = pending;
  const consumer = rest > 0 ? await manager.jetstream().consumers.get(stream, name) : undefined;
  while (consumer !== undefined && rest > 0 && ids.size < MOST_IDS) {
    const before = rest;
    const page = await consumer.fetch({ max_messages: Math.min(PAGE, rest), expires: ANSWER_TIMEOUT_MS });
    for await (const message of page) {
      const id = message.headers?.get('Nats-Msg-Id');
      if (id) ids.add(id);
      rest = message.info.pending;
    }
    if (rest === before) throw new DeliveryError('transient', `${stream} does not give out what it has`, 'TIMEOUT');
  }
  await manager.consumers.delete(stream, name);
  return { ids, rest };
}
