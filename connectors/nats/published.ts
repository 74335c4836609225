import { AckPolicy, DeliverPolicy, type JetStreamManager, NatsError, nanos, type StoredMsg } from 'nats';
import { DeliveryError, type StreamPositions } from '../../engine/ports.ts';
import { toDeliveryError } from './errors.ts';
import { STREAM_NAMES, type StreamName } from './streams.ts';

/** By stream: the ids of events that the stream has and that we may publish again. */
export type PublishedIds = ReadonlyMap<StreamName, Set<string>>;

/**
 * The range of events that may already be published: since an instant, in milliseconds since the epoch; or, if the stream was not created
 * again, after a position.
 */
export interface UncertainRange {
  readonly since: number;
  readonly after?: StreamPositions | undefined;
}

/** The largest expected difference between the server's clock and ours. */
const CLOCK_MARGIN_MS = 10_000;
/** Number of messages per request. */
const PAGE = 10_000;
/** The server deletes a consumer that is idle for so long. */
const FORGOTTEN_AFTER_MS = 60_000;
const ANSWER_TIMEOUT_MS = 5_000;
/** The largest number of ids read from each stream; about 20 MB. */
const MOST_IDS = 100_000;

/**
 * Reads back which events of the uncertain range the streams have, so that they are not published again. It reports through `onNotice` if
 * this is not possible or there are too many: then only the duplicate window of the stream drops duplicates. Rejects with a DeliveryError
 * if it should be tried again.
 */
export async function readPublished(
  manager: JetStreamManager,
  { since, after }: UncertainRange,
  onNotice: (text: string) => void,
): Promise<PublishedIds> {
  const published = new Map<StreamName, Set<string>>();
  for (const stream of STREAM_NAMES) {
    try {
      const start = await startOf(manager, stream, since, after?.[stream]);
      const { ids, rest } = await readIds(manager, stream, start);
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

const CONSEQUENCE =
  'if the duplicate window of the stream has passed, an event that is published again will be stored twice.';

interface Ids {
  readonly ids: Set<string>;
  /** Number of messages that were not read. */
  readonly rest: number;
}

/** The first message to read: by sequence number, or by the server's time. */
type Start = { readonly sequence: number } | { readonly at: number };

async function startOf(
  manager: JetStreamManager,
  stream: StreamName,
  since: number,
  after: StreamPositions[string] | undefined,
): Promise<Start> {
  const { created } = after === undefined ? { created: undefined } : await manager.streams.info(stream);
  const isSame = after !== undefined && String(created) === after.created;
  return isSame ? { sequence: after.sequence + 1 } : { at: since - CLOCK_MARGIN_MS };
}

async function readIds(manager: JetStreamManager, stream: StreamName, start: Start): Promise<Ids> {
  try {
    return await readByConsumer(manager, stream, start);
  } catch (error) {
    if (!(error instanceof NatsError) || error.api_error?.err_code !== TOO_MANY_CONSUMERS) throw error;
    return readOneByOne(manager, stream, start);
  }
}

/** JetStream's `err_code`s. */
const TOO_MANY_CONSUMERS = 10026;
const NO_MESSAGE = 10037;
/** Number of requests sent at the same time. */
const PARALLEL_REQUESTS = 256;

/** Reads from the newest message backwards. This is slower, but works if other clients have used up the consumers of the stream. */
async function readOneByOne(manager: JetStreamManager, stream: StreamName, start: Start): Promise<Ids> {
  const { state } = await manager.streams.info(stream);
  const first = 'sequence' in start ? Math.max(state.first_seq, start.sequence) : state.first_seq;
  const fromAt = 'at' in start ? start.at : Number.NEGATIVE_INFINITY;
  const ids = new Set<string>();
  let next = state.last_seq;
  while (next >= first && next > 0 && ids.size < MOST_IDS) {
    const length = Math.min(PARALLEL_REQUESTS, next - first + 1);
    const from = next;
    const found = await Promise.all(Array.from({ length }, (_, i) => messageAt(manager, stream, from - i)));
    for (const message of found) {
      if (message !== undefined && message.time.getTime() < fromAt) return { ids, rest: 0 };
      const id = message?.header.get('Nats-Msg-Id');
      if (id) ids.add(id);
    }
    next -= length;
  }
  return { ids, rest: Math.max(0, next - first + 1) };
}

/** Reads one message; undefined if it was deleted. */
async function messageAt(manager: JetStreamManager, stream: StreamName, seq: number): Promise<StoredMsg | undefined> {
  try {
    return await manager.streams.getMessage(stream, { seq });
  } catch (error) {
    if (error instanceof NatsError && error.api_error?.err_code === NO_MESSAGE) return undefined;
    throw error;
  }
}

async function readByConsumer(manager: JetStreamManager, stream: StreamName, start: Start): Promise<Ids> {
  // The client's ordered consumer is not used, because it retries without end if it is not allowed.
  const { name, num_pending: pending } = await manager.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    ...('sequence' in start
      ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: start.sequence }
      : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: new Date(start.at).toISOString() }),
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
    if (rest === before)
      throw new DeliveryError('transient', `${stream} did not deliver its messages before the timeout`, 'TIMEOUT');
  }
  await manager.consumers.delete(stream, name);
  return { ids, rest };
}
