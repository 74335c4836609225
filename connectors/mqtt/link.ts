import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { MqttClient, ReasonCodes } from 'mqtt';
import { brokerAddress, clientOptions, openSocket, type ProtocolVersion, type ResolvedBroker } from './broker.ts';
import type { AckWriter } from './ledger.ts';
import { createPublishTap, type Tapped } from './publish-tap.ts';

/** The events of a connection, in this order. `failed` may come at any time and more than once; `closed` is the last. */
export interface LinkEvents {
  /** The TCP or TLS connection is established; the broker has not answered yet. */
  transportOpened(): void;
  /** CONNACK has arrived, before any message. `code` 0 means accepted. */
  connackReceived(sessionPresent: boolean, code: number): void;
  /** mqtt.js is ready for subscriptions and publications. */
  ready(): void;
  received(tapped: Tapped): void;
  /** `reason` is a text for the operator, without secrets. */
  failed(reason: string): void;
  closed(): void;
}

export interface LinkOptions {
  readonly broker: ResolvedBroker;
  readonly version: ProtocolVersion;
  readonly maxPacketBytes: number;
  readonly events: LinkEvents;
}

/** One connection to a broker, from the attempt to connect to its close. */
export interface Link extends AckWriter {
  readonly client: MqttClient;
  /** Stops or resumes reading. While reading is stopped, the connection counts as alive. */
  setPaused(paused: boolean): void;
  /**
   * Sends DISCONNECT, so that the broker does not publish the will, and closes; `closed` follows within 2 s. If the broker has not
   * accepted the connection yet, it is closed without DISCONNECT.
   */
  disconnect(): void;
}

const PINGRESP = 0xd0;
const DISCONNECT = Buffer.from([0xe0, 0]);
const CLOSE_DEADLINE_MS = 2_000;
/** A message up to this many times the limit is received, counted and logged; the broker silently drops a larger one. */
const ANNOUNCED_PER_LIMIT = 16;

/**
 * Connects to a broker. mqtt.js runs the protocol, except for inbound PUBLISH, PUBREL and PINGRESP, which it never sees: they are cut out
 * of the byte stream between the socket and mqtt.js. PUBLISH and PUBREL are reported by `received`, one call per socket read.
 * Throws if the TLS certificate or key cannot be parsed.
 */
export function openLink(options: LinkOptions): Link {
  const { broker, version, maxPacketBytes, events } = options;
  const socket = openSocket(broker, (chunk) => {
    liveness.sawData();
    readTapped(chunk);
  });
  const stream = streamOver(socket);
  const announcedBytes = Math.min(maxPacketBytes * ANNOUNCED_PER_LIMIT, 268_435_460);
  const client = new MqttClient(() => stream, clientOptions(broker, version, announcedBytes));
  const liveness = watchLiveness(socket, client, () => {
    events.failed(`no data from the broker for ${client.keepalive} s`);
    socket.destroy();
  });
  const readTapped = tapSocket(socket, stream, options);
  socket.once(brokerAddress(broker).secure ? 'secureConnect' : 'connect', events.transportOpened);
  client.on('connect', events.ready);
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
    write: batchWrites(socket),
    setPaused: liveness.setPaused,
    disconnect: () => {
      if (client.connected) endSocket(socket);
      else socket.destroy();
    },
  };
}

/** Joins the writes of one turn of the event loop: a group commit acknowledges many reads in a row. */
function batchWrites(socket: Socket): (bytes: Buffer) => void {
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

/** The stream that mqtt.js uses as its connection. The tap pushes into it what mqtt.js reads. */
function streamOver(socket: Socket): Duplex {
  return new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      socket.write(chunk, done);
    },
    // mqtt.js writes packets in small pieces; they are joined.
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

/** Connects socket and stream by the tap. Returns the function that takes what was read from the socket. */
function tapSocket(
  socket: Socket,
  stream: Duplex,
  { version, maxPacketBytes, events }: LinkOptions,
): (chunk: Buffer) => void {
  const tap = createPublishTap({ version, maxPacketBytes });
  socket.on('error', (error) => {
    events.failed(describeError(error));
    stream.destroy();
  });
  socket.on('close', () => stream.destroy());
  return (chunk) => {
    if (stream.destroyed) return;
    const tapped = tap.read(chunk);
    if (tapped.connack !== undefined) events.connackReceived(tapped.connack.sessionPresent, tapped.connack.code);
    for (const packet of tapped.others) if (packet[0] !== PINGRESP) stream.push(packet);
    if (tapped.publishes.length > 0 || tapped.releases.length > 0) events.received(tapped);
    if (tapped.fault !== undefined) {
      events.failed(`the broker sent a malformed packet: ${tapped.fault}`);
      stream.destroy();
    }
  };
}

/** See `watchLiveness`. */
interface Liveness {
  /** Call it for each read of the socket. */
  readonly sawData: () => void;
  readonly setPaused: (paused: boolean) => void;
}

/**
 * Detects a dead broker, instead of mqtt.js. In mqtt.js a PINGRESP after megabytes of messages comes too late, a pause looks like a dead
 * broker, and every PINGRESP delays the next PINGREQ. Here PINGREQs are sent at a fixed interval, any byte shows that the broker is alive,
 * and silence does not count while reading is paused. Detection takes up to two intervals.
 */
function watchLiveness(socket: Socket, client: MqttClient, onSilence: () => void): Liveness {
  let paused = false;
  let dataSeen = true;
  client.on('packetsend', ({ cmd }) => {
    if (cmd !== 'pingreq') return;
    client.reschedulePing(true);
    if (!dataSeen) onSilence();
    dataSeen = paused;
  });
  return {
    sawData: () => {
      dataSeen = true;
    },
    setPaused: (wanted) => {
      if (wanted === paused) return;
      paused = wanted;
      dataSeen = true;
      if (paused) socket.pause();
      else socket.resume();
    },
  };
}

function endSocket(socket: Socket): void {
  const force = setTimeout(() => socket.destroy(), CLOSE_DEADLINE_MS);
  socket.once('close', () => clearTimeout(force));
  socket.end(DISCONNECT);
}

/** The text of a connection error. If several addresses were tried, Node's error has no message, only a code. */
export function describeError(error: Error & { code?: unknown }): string {
  return error.message || String(error.code ?? error.name);
}
