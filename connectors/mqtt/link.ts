import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { MqttClient, ReasonCodes } from 'mqtt';
import { brokerAddress, clientOptions, openSocket, type ProtocolVersion, type ResolvedBroker } from './broker.ts';
import type { AckWriter } from './ledger.ts';
import { createPublishTap, type Tapped } from './publish-tap.ts';

/** What happens to a connection, in this order; `failed` may come at any time and more than once, `closed` is the last. */
export interface LinkEvents {
  /** The transport stands, the broker has not answered yet. */
  reached(): void;
  /** CONNACK, before any message. `code` 0 is a welcome. */
  answered(sessionPresent: boolean, code: number): void;
  /** mqtt.js is ready for subscriptions and publications. */
  welcomed(): void;
  received(tapped: Tapped): void;
  /** In words for people, without secrets. */
  failed(reason: string): void;
  closed(): void;
}

export interface LinkOptions {
  readonly broker: ResolvedBroker;
  readonly version: ProtocolVersion;
  readonly maxPacketBytes: number;
  readonly events: LinkEvents;
}

/** One connection to a broker, from its dialling to its end. */
export interface Link extends AckWriter {
  readonly client: MqttClient;
  /** Stops or resumes reading; while it is stopped, the connection counts as alive. */
  setPaused(paused: boolean): void;
  /**
   * Says goodbye, so that the broker does not publish the will, and closes; `closed` follows within 2 s.
   * A connection that the broker has not answered is just closed.
   */
  disconnect(): void;
}

const PINGRESP = 0xd0;
const DISCONNECT = Buffer.from([0xe0, 0]);
const CLOSE_DEADLINE_MS = 2_000;
/** Between the limit and this many times the limit, a message is counted and named; above, the broker drops it unsaid. */
const ANNOUNCED_PER_LIMIT = 16;

/**
 * Dials a broker. mqtt.js does the talking, except for inbound PUBLISH, PUBREL and PINGRESP, which it never sees: they are
 * cut out of the byte stream between the socket and it, and the first two come as `received`, one call per socket read.
 * Throws where the TLS material cannot be parsed.
 */
export function openLink(options: LinkOptions): Link {
  const { broker, version, maxPacketBytes, events } = options;
  const socket = openSocket(broker);
  const stream = streamOver(socket);
  const announcedBytes = Math.min(maxPacketBytes * ANNOUNCED_PER_LIMIT, 268_435_460);
  const client = new MqttClient(() => stream, clientOptions(broker, version, announcedBytes));
  const setPaused = watchPulse(socket, client, () => {
    events.failed(`the broker has not been heard of for ${client.keepalive} s`);
    socket.destroy();
  });
  tapSocket(socket, stream, options);
  socket.once(brokerAddress(broker).secure ? 'secureConnect' : 'connect', events.reached);
  client.on('connect', events.welcomed);
  client.on('error', (error) => events.failed(describeError(error)));
  client.on('disconnect', ({ reasonCode = 0 }) => {
    const reasons: Readonly<Record<number, string>> = ReasonCodes;
    events.failed(`the broker closed the connection: ${reasons[reasonCode] || 'no reason given'}`);
  });
  client.on('close', events.closed);
  return {
    client,
    get open() {
      return socket.writable;
    },
    write: gatherWrites(socket),
    setPaused,
    disconnect: () => {
      if (client.connected) endSocket(socket);
      else socket.destroy();
    },
  };
}

/** A group commit acknowledges many reads in a row: they leave as one. */
function gatherWrites(socket: Socket): (bytes: Buffer) => void {
  let gathered: Buffer[] = [];
  const flush = () => {
    const bytes = Buffer.concat(gathered);
    gathered = [];
    if (socket.writable) socket.write(bytes);
  };
  return (bytes) => {
    if (gathered.length === 0) process.nextTick(flush);
    gathered.push(bytes);
  };
}

/** The stream that mqtt.js takes for its connection; what it is to read is pushed into it by the tap. */
function streamOver(socket: Socket): Duplex {
  return new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      socket.write(chunk, done);
    },
    // mqtt.js writes packets in small pieces; they leave as one.
    writev: (chunks, done) => {
      socket.write(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)), done);
    },
    final: (done) => {
      socket.end(done);
    },
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
}

function tapSocket(socket: Socket, stream: Duplex, { version, maxPacketBytes, events }: LinkOptions): void {
  const tap = createPublishTap({ version, maxPacketBytes });
  socket.on('data', (chunk: Buffer) => {
    if (stream.destroyed) return;
    const tapped = tap.read(chunk);
    if (tapped.connack !== undefined) events.answered(tapped.connack.sessionPresent, tapped.connack.code);
    for (const packet of tapped.others) if (packet[0] !== PINGRESP) stream.push(packet);
    if (tapped.publishes.length > 0 || tapped.releases.length > 0) events.received(tapped);
    if (tapped.fault !== undefined) {
      events.failed(`the broker sent a malformed packet: ${tapped.fault}`);
      stream.destroy();
    }
  });
  socket.on('error', (error) => {
    events.failed(describeError(error));
    stream.destroy();
  });
  socket.on('close', () => stream.destroy());
}

/**
 * Judges whether the broker is alive, in mqtt.js's place. There a PINGRESP behind megabytes of messages comes too late, a
 * pause looks like death, and every PINGRESP puts off the next PINGREQ; here PINGREQs leave at their interval whatever
 * happens, any byte is a sign of life, and while we do not read, the silence is ours. Takes up to two intervals.
 */
function watchPulse(socket: Socket, client: MqttClient, onSilence: () => void): (paused: boolean) => void {
  let paused = false;
  let heard = true;
  client.on('packetsend', ({ cmd }) => {
    if (cmd !== 'pingreq') return;
    client.reschedulePing(true);
    if (!heard) onSilence();
    heard = paused;
  });
  socket.on('data', () => {
    heard = true;
  });
  return (wanted) => {
    if (wanted === paused) return;
    paused = wanted;
    heard = true;
    if (paused) socket.pause();
    else socket.resume();
  };
}

function endSocket(socket: Socket): void {
  const force = setTimeout(() => socket.destroy(), CLOSE_DEADLINE_MS);
  socket.once('close', () => clearTimeout(force));
  socket.end(DISCONNECT);
}

/** Of several addresses tried, Node puts the reasons into an error without a message of its own. */
export function describeError(error: Error & { code?: unknown }): string {
  return error.message || String(error.code ?? error.name);
}
