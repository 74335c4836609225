import { setImmediate } from 'node:timers/promises';
import { headers, type JetStreamClient, type KV, type NatsConnection, NatsError } from 'nats';
import type { EventOutput } from '../../engine/model/output.ts';
import { DeliveryError, type EventSink, type PortStatus } from '../../engine/ports.ts';
import { type NatsLink, type NatsLogin, openNatsLink } from './connection.ts';
import { toDeliveryError } from './errors.ts';
import { createPositions, type Positions } from './positions.ts';
import { type PublishedIds, readPublished, type Unsure } from './published.ts';
import { type BucketName, ensureBuckets, ensureStreams, type StreamName } from './streams.ts';

export interface NatsSinkOptions extends NatsLogin {
  /** Told in one sentence when the server can do less than was promised: no JetStream, a stream that forgets early. */
  readonly onNotice?: (text: string) => void;
}

/** How events go out on this connection: kept by JetStream, or to whoever listens at the moment. */
type Way =
  | {
      readonly kind: 'jetstream';
      readonly js: JetStreamClient;
      readonly buckets: Readonly<Record<BucketName, KV>>;
      readonly published: PublishedIds;
    }
  | { readonly kind: 'core'; readonly checkedAt: number };

const ANSWER_TIMEOUT_MS = 5_000;
/** JetStream may come later than the connection, as behind a leaf node. */
const RECHECK_MS = 30_000;
const LOST_JETSTREAM =
  'This NATS server had JetStream, and has it no more: events wait until it is back. To go on without, restart Weir.';
/** The stream, or JetStream itself, is gone (nobody answers, no such stream, not enabled): look again before the next try. */
const GONE_CODES: ReadonlySet<string> = new Set(['503', '10059', '10039', '10076']);
const NO_JETSTREAM =
  'This NATS server has no JetStream: events go only to those who listen at that moment; nothing is kept for late subscribers, repeats after a restart are not dropped, and there is no KV of open alerts and devices.';

/**
 * The sink of events. Each is published to JetStream with its id, so that a repeat within the stream's duplicate window adds nothing. At the
 * start and after an outage, what the streams have is read back first, however long ago they took it in; that is not published again. Once the event is there its KV entry is written. Keeps nothing in order: that is for the caller (see
 * `DeliveryErrorClass`).
 * Nothing is buffered while the server is away: `publish` rejects at once. Where the server has no JetStream, events are
 * published plainly and flushed, and `status` says so; where it had one before, events wait. The memory it takes is that of the publications the caller has under way.
 */
export function createNatsSink(options: NatsSinkOptions): EventSink {
  const notice = once(options.onNotice ?? (() => undefined));
  let link: NatsLink | undefined;
  let opening: Promise<NatsLink> | undefined;
  let way: Promise<Way> | undefined;
  let lastWay: Way | undefined;
  /** What was published, or may have been, without our having heard of it. */
  let unsure: Unsure | undefined;
  const positions = createPositions();
  let failure: DeliveryError | undefined = new DeliveryError('transient', 'The NATS sink is not open yet.');

  const forget = () => {
    way = undefined;
  };
  const connected = (): NatsLink => {
    const outage = link === undefined ? failure : link.outage();
    if (link === undefined || outage !== undefined) throw outage ?? new DeliveryError('transient', 'NATS is away.');
    return link;
  };
  const findWay = (on: NatsLink): Promise<Way> => {
    if (lastWay?.kind === 'core' && Date.now() - lastWay.checkedAt > RECHECK_MS) forget();
    if (way !== undefined) return way;
    const search = on.whileConnected(prepare(on.nc, unsure, positions, notice)).then(
      (found) => {
        // Events that were to be kept wait: a server that is being restarted, or restored, gets its JetStream back.
        if (found.kind === 'core' && lastWay?.kind === 'jetstream')
          throw new DeliveryError('transient', LOST_JETSTREAM);
        lastWay = found;
        failure = undefined;
        unsure = undefined;
        return found;
      },
      (error: unknown) => {
        // A search after a reconnection may already have taken its place.
        if (way === search) forget();
        failure = toDeliveryError(error, 'preparing JetStream');
        throw failure;
      },
    );
    way = search;
    return search;
  };
  const onReconnect = (lostAt: number) => {
    forget();
    unsure ??= { since: lostAt };
    // `status` tells of a failure, and the next publication tries again.
    if (link !== undefined) findWay(link).catch(() => undefined);
  };
  const publish = async (event: EventOutput): Promise<void> => {
    const on = connected();
    const chosen = await findWay(on);
    try {
      if (chosen.kind === 'core' || event.stream === undefined) await publishPlainly(on, event);
      else await on.whileConnected(publishKept(chosen, event, event.stream, positions));
    } catch (error) {
      const failed = toDeliveryError(error, `publishing to ${event.subject}`);
      if (failed.code !== undefined && GONE_CODES.has(failed.code)) forget();
      throw failed;
    }
  };
  const openOnce = async (): Promise<NatsLink> => {
    try {
      link = await openNatsLink(options, onReconnect);
      return link;
    } catch (error) {
      failure = toDeliveryError(error, 'connecting');
      throw failure;
    } finally {
      opening = undefined;
    }
  };
  return {
    async open(repeatsFrom, behind) {
      if (behind !== undefined) positions.startWith(behind);
      if (repeatsFrom !== undefined) unsure ??= { since: repeatsFrom, behind };
      if (link?.nc.isClosed()) link = undefined;
      if (link === undefined) {
        opening ??= openOnce();
        await opening;
      }
      await findWay(connected());
    },
    publish,
    positions: () => positions.now(),
    status: () => describe(link, failure, lastWay),
    async close() {
      // One that is still opening would otherwise stay open.
      await opening?.catch(() => undefined);
      failure = new DeliveryError('transient', 'The NATS sink is closed.');
      await link?.close();
      link = undefined;
      forget();
    },
  };
}

async function prepare(
  nc: NatsConnection,
  unsure: Unsure | undefined,
  positions: Positions,
  onNotice: (text: string) => void,
): Promise<Way> {
  try {
    const manager = await nc.jetstreamManager({ timeout: ANSWER_TIMEOUT_MS, checkAPI: false });
    await manager.getAccountInfo();
    await ensureStreams(manager);
    const js = nc.jetstream({ timeout: ANSWER_TIMEOUT_MS });
    const published = unsure === undefined ? new Map() : await readPublished(manager, unsure, onNotice);
    await positions.look(manager);
    return { kind: 'jetstream', js, buckets: await ensureBuckets(js), published };
  } catch (error) {
    if (!lacksJetStream(nc, error)) throw toDeliveryError(error, 'preparing JetStream');
    onNotice(NO_JETSTREAM);
    return { kind: 'core', checkedAt: Date.now() };
  }
}

/** A server that has JetStream but does not answer yet is another matter: that passes. */
function lacksJetStream(nc: NatsConnection, error: unknown): boolean {
  if (!(error instanceof NatsError)) return false;
  const code = error.api_error?.err_code;
  if (code === 10039 || code === 10076) return true;
  return error.code === '503' && error.api_error === undefined && nc.info?.jetstream !== true;
}

async function publishKept(
  way: Way & { kind: 'jetstream' },
  event: EventOutput,
  stream: StreamName,
  positions: Positions,
): Promise<void> {
  const published = way.published.get(stream);
  if (event.quiet !== true && published?.has(event.id) !== true) {
    const { seq } = await way.js.publish(event.subject, event.body, {
      msgID: event.id,
      expect: { streamName: stream },
      timeout: ANSWER_TIMEOUT_MS,
    });
    positions.take(stream, seq);
  }
  if (event.kv !== undefined) {
    const bucket = way.buckets[event.kv.bucket];
    if (event.kv.value === null) await bucket.delete(event.kv.key);
    else await bucket.put(event.kv.key, event.kv.value);
  }
  published?.delete(event.id);
}

/** The flush is answered after every error that the publication may have caused; the client tells of such a one a few microtasks later. */
async function publishPlainly(link: NatsLink, event: EventOutput): Promise<void> {
  if (event.quiet === true) return;
  const head = headers();
  head.set('Nats-Msg-Id', event.id);
  link.nc.publish(event.subject, event.body, link.nc.info?.headers ? { headers: head } : {});
  await link.whileConnected(link.nc.flush());
  await setImmediate();
  if (link.isDenied(event.subject)) {
    throw new DeliveryError('fatal', `NATS does not let us publish to ${event.subject}.`, 'PERMISSIONS_VIOLATION');
  }
}

function describe(link: NatsLink | undefined, failure: DeliveryError | undefined, way: Way | undefined): PortStatus {
  const problem = link?.outage() ?? failure;
  if (problem !== undefined) return { name: 'nats', ready: false, reason: problem.message };
  if (way?.kind === 'core') return { name: 'nats', ready: true, reason: NO_JETSTREAM };
  return { name: 'nats', ready: true };
}

/** Says the same thing once, not after every reconnection. */
function once(say: (text: string) => void): (text: string) => void {
  const said = new Set<string>();
  return (text) => {
    if (said.has(text)) return;
    said.add(text);
    say(text);
  };
}
