import { AckPolicy, DeliverPolicy, type JetStreamManager, NatsError, nanos, type StoredMsg } from 'nats';
import { DeliveryError, type StreamPositions } from '../../engine/ports.ts';
import { toDeliveryError } from './errors.ts';
import { STREAM_NAMES, type StreamName } from './streams.ts';

/** By stream: ids of events that it has, and that we may publish again. */
export type PublishedIds = ReadonlyMap<StreamName, Set<string>>;

/** From where on events may have been published: since an instant, milliseconds since the epoch; or, of a stream that is still the same one, behind a position. */
export interface Unsure {
  readonly since: number;
  readonly behind?: StreamPositions | undefined;
}

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
 * Reads back what the streams have taken in of what we are unsure of, so that none of it need be published again.
 * Tells through `onNotice` where that cannot be done, or is too much: then it is for the streams to know a repetition by its id. Rejects
 * with a DeliveryError where it is to be tried again.
 */
export async function readPublished(
  manager: JetStreamManager,
  { since, behind }: Unsure,
  onNotice: (text: string) => void,
): Promise<PublishedIds> {
  const published = new Map<StreamName, Set<string>>();
  for (const stream of STREAM_NAMES) {
    try {
      const start = await startOf(manager, stream, since, behind?.[stream]);
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

const CONSEQUENCE = 'where the stream does not remember its id, one that comes again will stand there twice.';

interface Ids {
  readonly ids: Set<string>;
  /** Messages that were not looked at. */
  readonly rest: number;
}

/** The first message to read: by its number, or by the server's time. */
type Start = { readonly sequence: number } | { readonly at: number };

async function startOf(
  manager: JetStreamManager,
  stream: StreamName,
  since: number,
  behind: StreamPositions[string] | undefined,
): Promise<Start> {
  const { created } = behind === undefined ? { created: undefined } : await manager.streams.info(stream);
  const isSame = behind !== undefined && String(created) === behind.created;
  return isSame ? { sequence: behind.sequence + 1 } : { at: since - CLOCK_MARGIN_MS };
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
/** Requests under way at once. */
const STRIDE = 256;

/** From the newest message back. Slower, but others, who may have used up the stream's consumers, cannot keep us from it. */
async function readOneByOne(manager: JetStreamManager, stream: StreamName, start: Start): Promise<Ids> {
  const { state } = await manager.streams.info(stream);
  const first = 'sequence' in start ? Math.max(state.first_seq, start.sequence) : state.first_seq;
  const fromAt = 'at' in start ? start.at : Number.NEGATIVE_INFINITY;
  const ids = new Set<string>();
  let next = state.last_seq;
  while (next >= first && next > 0 && ids.size < MOST_IDS) {
    const length = Math.min(STRIDE, next - first + 1);
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

/** Undefined where it was deleted. */
async function messageAt(manager: JetStreamManager, stream: StreamName, seq: number): Promise<StoredMsg | undefined> {
  try {
    return await manager.streams.getMessage(stream, { seq });
  } catch (error) {
    if (error instanceof NatsError && error.api_error?.err_code === NO_MESSAGE) return undefined;
    throw error;
  }
}

async function readByConsumer(manager: JetStreamManager, stream: StreamName, start: Start): Promise<Ids> {
  // Not the client's ordered consumer: it asks for ever where it is not allowed to.
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
    if (rest === before) throw new DeliveryError('transient', `${stream} does not give out what it has`, 'TIMEOUT');
  }
  await manager.consumers.delete(stream, name);
  return { ids, rest };
}
