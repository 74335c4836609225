import { setImmediate } from 'node:timers/promises';
import { headers, type NatsConnection, NatsError } from 'nats';
import type { EventOutput } from '../../engine/model/output.ts';
import { DeliveryError, type EventSink, type PortStatus } from '../../engine/ports.ts';
import { type NatsLink, type NatsLogin, openNatsLink } from './connection.ts';
import { toDeliveryError } from './errors.ts';
import { createPositions, type Positions } from './positions.ts';
import { type PublicationContext, publishStored, type StoredEvent } from './publication.ts';
import { type PublishedIds, readPublished, type UncertainRange } from './published.ts';
import { ensureBuckets, ensureStreams } from './streams.ts';

export interface NatsSinkOptions extends NatsLogin {
  /** Called with one sentence if the server gives a weaker guarantee: no JetStream, or duplicates that cannot be excluded. */
  readonly onNotice?: (text: string) => void;
}

/** How events are published on this connection: stored by JetStream, or by core NATS to current subscribers only. */
type DeliveryMode =
  | {
      readonly kind: 'jetstream';
      readonly published: PublishedIds;
    }
  | { readonly kind: 'core'; readonly checkedAt: number };

const ANSWER_TIMEOUT_MS = 5_000;
/** JetStream may become available after the connection, for example on a leaf node. */
const RECHECK_MS = 30_000;
const LOST_JETSTREAM =
  'This NATS server no longer has JetStream: events wait until it is back. To continue without JetStream, restart Weir.';
/** Codes of a missing stream or JetStream (no answer, no such stream, not enabled): check again before the next attempt. */
const GONE_CODES: ReadonlySet<string> = new Set(['503', '10059', '10039', '10076']);
const NO_JETSTREAM =
  'This NATS server has no JetStream: events reach only current subscribers; they are not stored for later subscribers, duplicates after a restart are not dropped, and there is no KV of open alerts and devices.';

/**
 * The sink of events. It publishes each to JetStream with its id, so that a duplicate within the stream's duplicate window is dropped. At
 * the start and after an outage it first reads back which events the streams have, however old they are, and does not publish them again.
 * After the event it writes its KV entry. The caller is responsible for the order (see `DeliveryErrorClass`).
 * Nothing is buffered while the server is away: `publish` rejects at once. If the server has no JetStream, events are published with core
 * NATS and flushed, and `status` reports it; if it had JetStream before, events wait. Memory is bounded by the caller's open publications.
 */
export function createNatsSink(options: NatsSinkOptions): EventSink {
  const notice = reportOnce(options.onNotice ?? (() => undefined));
  let link: NatsLink | undefined;
  let opening: Promise<NatsLink> | undefined;
  let mode: Promise<DeliveryMode> | undefined;
  /** With what events are published, if `mode` is known and they are stored. */
  let stored: PublicationContext | undefined;
  let lastMode: DeliveryMode | undefined;
  /** The range of events that may have been published although we received no acknowledgement. */
  let uncertain: UncertainRange | undefined;
  const positions = createPositions();
  let failure: DeliveryError | undefined = new DeliveryError('transient', 'The NATS sink is not open yet.');

  const forget = () => {
    mode = undefined;
    stored = undefined;
  };
  const connected = (): NatsLink => {
    const outage = link === undefined ? failure : link.outage();
    if (link === undefined || outage !== undefined)
      throw outage ?? new DeliveryError('transient', 'NATS is not connected.');
    return link;
  };
  const toError = (error: unknown, { subject }: EventOutput): DeliveryError => {
    const failed = toDeliveryError(error, `publishing to ${subject}`);
    if (failed.code !== undefined && GONE_CODES.has(failed.code)) forget();
    return failed;
  };
  const contextOf = (
    { publisher }: NatsLink,
    { published }: { readonly published: PublishedIds },
  ): PublicationContext => ({
    publisher,
    published,
    positions,
    toError,
  });
  const findMode = (on: NatsLink): Promise<DeliveryMode> => {
    if (lastMode?.kind === 'core' && Date.now() - lastMode.checkedAt > RECHECK_MS) forget();
    if (mode !== undefined) return mode;
    const search = on.whileConnected(prepare(on.nc, uncertain, positions, notice)).then(
      (found) => {
        // Events that need storage wait, because a server that is being restarted or restored will have JetStream again.
        if (found.kind === 'core' && lastMode?.kind === 'jetstream')
          throw new DeliveryError('transient', LOST_JETSTREAM);
        lastMode = found;
        if (found.kind === 'jetstream' && mode === search) stored = contextOf(on, found);
        failure = undefined;
        uncertain = undefined;
        return found;
      },
      (error: unknown) => {
        // A reconnection may already have started another search.
        if (mode === search) forget();
        failure = toDeliveryError(error, 'preparing JetStream');
        throw failure;
      },
    );
    mode = search;
    return search;
  };
  const onReconnect = (lostAt: number) => {
    forget();
    uncertain ??= { since: lostAt };
    // `status` reports a failure, and the next publication tries again.
    if (link !== undefined) findMode(link).catch(() => undefined);
  };
  const publishSlowly = async (event: EventOutput): Promise<void> => {
    const on = connected();
    const chosen = await findMode(on);
    if (isStored(event) && chosen.kind === 'jetstream') return publishStored(event, contextOf(on, chosen));
    await publishToCore(on, event).catch((error: unknown) => {
      throw toError(error, event);
    });
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
    async open(repeatsFrom, after) {
      if (after !== undefined) positions.startWith(after);
      if (repeatsFrom !== undefined) uncertain ??= { since: repeatsFrom, after };
      if (link?.nc.isClosed()) link = undefined;
      if (link === undefined) {
        opening ??= openOnce();
        await opening;
      }
      await findMode(connected());
    },
    publish(event) {
      // While nothing is wrong, nothing has to be awaited before.
      return stored !== undefined && isStored(event) ? publishStored(event, stored) : publishSlowly(event);
    },
    positions: () => positions.now(),
    status: () => describe(link, failure, lastMode),
    async close() {
      // A connection that is still being opened must also be closed.
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
  uncertain: UncertainRange | undefined,
  positions: Positions,
  onNotice: (text: string) => void,
): Promise<DeliveryMode> {
  try {
    const manager = await nc.jetstreamManager({ timeout: ANSWER_TIMEOUT_MS, checkAPI: false });
    await manager.getAccountInfo();
    await ensureStreams(manager);
    const published = uncertain === undefined ? new Map() : await readPublished(manager, uncertain, onNotice);
    await positions.refresh(manager);
    await ensureBuckets(nc.jetstream({ timeout: ANSWER_TIMEOUT_MS }));
    return { kind: 'jetstream', published };
  } catch (error) {
    if (!lacksJetStream(nc, error)) throw toDeliveryError(error, 'preparing JetStream');
    onNotice(NO_JETSTREAM);
    return { kind: 'core', checkedAt: Date.now() };
  }
}

/** Whether the server has no JetStream. One that has JetStream but does not answer yet is a temporary error instead. */
function lacksJetStream(nc: NatsConnection, error: unknown): boolean {
  if (!(error instanceof NatsError)) return false;
  const code = error.api_error?.err_code;
  if (code === 10039 || code === 10076) return true;
  return error.code === '503' && error.api_error === undefined && nc.info?.jetstream !== true;
}

function isStored(event: EventOutput): event is StoredEvent {
  return event.stream !== undefined;
}

/** The answer to the flush comes after any error of the publication. The client reports such an error a few microtasks later. */
async function publishToCore(link: NatsLink, event: EventOutput): Promise<void> {
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

function describe(
  link: NatsLink | undefined,
  failure: DeliveryError | undefined,
  mode: DeliveryMode | undefined,
): PortStatus {
  const problem = link?.outage() ?? failure;
  if (problem !== undefined) return { name: 'nats', ready: false, reason: problem.message };
  if (mode?.kind === 'core') return { name: 'nats', ready: true, reason: NO_JETSTREAM };
  return { name: 'nats', ready: true };
}

/** Reports the same text only once, not after every reconnection. */
function reportOnce(report: (text: string) => void): (text: string) => void {
  const reported = new Set<string>();
  return (text) => {
    if (reported.has(text)) return;
    reported.add(text);
    report(text);
  };
}
