import type { Counters } from '../../engine/telemetry.ts';
import type { Publish } from './publish-tap.ts';

/** Writes acknowledgements to a connection. */
export interface AckWriter {
  /** False once the connection is closed. */
  readonly open: boolean;
  write(bytes: Buffer): void;
}

/** The messages of one read that go to the engine, and the function to call when they are durable. */
export interface Receipt {
  readonly messages: readonly Publish[];
  acknowledge(): void;
}

/** Tracks the messages that a broker has delivered and Weir has not acknowledged yet. There is one per broker, for all its connections. */
export interface Ledger {
  /**
   * Adds the messages of one read. The receipt leaves out messages that do not go to the engine (too large, not wanted, or a duplicate of
   * a QoS 2 message); their acknowledgements are still sent in the order of arrival. Above the high-water mark, and until half of it is
   * left, QoS 0 messages are shed and counted.
   */
  receive(writer: AckWriter, publishes: readonly Publish[]): Receipt;
  /** The broker has released these QoS 2 packet ids (PUBREL): they are forgotten and confirmed with PUBCOMP. */
  release(writer: AckWriter, packetIds: readonly number[]): void;
  /** The connection is closed: nothing more is sent on it. */
  close(writer: AckWriter): void;
  /** The broker has lost the session, so its packet ids have no meaning any more. */
  forget(): void;
  /** Bytes of topics and payloads that went to the engine and are not acknowledged. */
  unackedBytes(): number;
  /** Whether messages of QoS 1 and 2 alone exceeded the high-water mark and have not fallen to half of it since. */
  isFull(): boolean;
  /** Resolves once every message that went to the engine has been acknowledged. */
  settled(): Promise<void>;
}

/** A QoS 2 message between its PUBLISH and its PUBREL. */
interface Exchange {
  readonly packetId: number;
  durable: boolean;
  /** The connection on which the broker sent the message again before it was durable; it gets the PUBREC. */
  ackTo: AckWriter | undefined;
}

interface Entry {
  readonly acks: Buffer;
  readonly bytes: number;
  /** Bytes of the messages of QoS 1 and 2, with the overhead of each. */
  readonly reliableBytes: number;
  readonly exchanges: readonly Exchange[];
  done: boolean;
}

interface LedgerState {
  readonly counters: Counters;
  readonly isWanted: (topic: string) => boolean;
  readonly onOversize: (publish: Publish) => void;
  readonly onFullChange: () => void;
  readonly highWaterBytes: number;
  readonly exchanges: Map<number, Exchange>;
  /** Entries with acknowledgements, by connection, in the order of arrival. */
  readonly queues: Map<AckWriter, Entry[]>;
  readonly waiting: (() => void)[];
  unackedBytes: number;
  reliableBytes: number;
  shedding: boolean;
  full: boolean;
  open: number;
}

const PUBACK = 0x40;
const PUBREC = 0x50;
const PUBCOMP = 0x70;
const NO_EXCHANGES: readonly Exchange[] = [];
/** Memory overhead of a waiting message beside topic and payload. It dominates for the smallest messages. */
const MESSAGE_BYTES = 256;

/**
 * Creates a ledger. It buffers at most `highWaterBytes` and one read of QoS 0, and the same of QoS 1 and 2 if the caller reads nothing
 * while it is full. Messages on topics that are not wanted are acknowledged and counted, and do not go to the engine. `onFullChange` is
 * called whenever `isFull` changes, `onOversize` for each message that is dropped because it is too large.
 */
export function createLedger(options: {
  counters: Counters;
  isWanted: (topic: string) => boolean;
  onOversize: (publish: Publish) => void;
  onFullChange: () => void;
  highWaterBytes: number;
}): Ledger {
  const state: LedgerState = {
    ...options,
    exchanges: new Map(),
    queues: new Map(),
    waiting: [],
    unackedBytes: 0,
    reliableBytes: 0,
    shedding: false,
    full: false,
    open: 0,
  };
  return {
    receive: (writer, publishes) => receive(state, writer, publishes),
    release: (writer, packetIds) => {
      for (const id of packetIds) state.exchanges.delete(id);
      if (packetIds.length > 0) writer.write(answers(PUBCOMP, packetIds));
    },
    close: (writer) => {
      for (const entry of state.queues.get(writer) ?? []) if (entry.done) dropAcks(state, entry);
      state.queues.delete(writer);
    },
    forget: () => state.exchanges.clear(),
    unackedBytes: () => state.unackedBytes,
    isFull: () => state.full,
    settled: () => (state.open === 0 ? Promise.resolve() : new Promise((resolve) => state.waiting.push(resolve))),
  };
}

function receive(state: LedgerState, writer: AckWriter, publishes: readonly Publish[]): Receipt {
  const messages: Publish[] = [];
  const acks = Buffer.allocUnsafe(countAnswers(publishes) * 4);
  let exchanges: Exchange[] | undefined;
  let bytes = 0;
  let reliableBytes = 0;
  let end = 0;
  for (const publish of publishes) {
    const exchange = publish.qos === 2 ? state.exchanges.get(publish.packetId) : undefined;
    if (exchange !== undefined && !exchange.durable) {
      exchange.ackTo = writer;
      continue;
    }
    if (publish.qos > 0) end = writeAnswer(acks, end, publish.qos === 1 ? PUBACK : PUBREC, publish.packetId);
    if (exchange !== undefined) continue;
    const admitted = admit(state, publish);
    if (publish.qos === 2) {
      const begun: Exchange = { packetId: publish.packetId, durable: !admitted, ackTo: undefined };
      state.exchanges.set(publish.packetId, begun);
      exchanges ??= [];
      exchanges.push(begun);
    }
    if (!admitted) continue;
    if (publish.qos === 0 && state.shedding) state.counters.messages_shed++;
    else {
      messages.push(publish);
      const size = publish.payload.length + publish.topic.length;
      bytes += size;
      if (publish.qos > 0) reliableBytes += size + MESSAGE_BYTES;
    }
  }
  return addEntry(state, writer, messages, {
    acks: acks.subarray(0, end),
    bytes,
    reliableBytes,
    exchanges: exchanges ?? NO_EXCHANGES,
    done: false,
  });
}

/** Whether a message goes to the engine; the others are counted. */
function admit({ isWanted, counters, onOversize }: LedgerState, publish: Publish): boolean {
  const wanted = isWanted(publish.topic);
  if (!wanted) counters.messages_unwanted++;
  else if (publish.oversize) onOversize(publish);
  return wanted && !publish.oversize;
}

function countAnswers(publishes: readonly Publish[]): number {
  let count = 0;
  for (const { qos } of publishes) if (qos > 0) count++;
  return count;
}

function addEntry(state: LedgerState, writer: AckWriter, messages: readonly Publish[], entry: Entry): Receipt {
  // Entries without acknowledgements need no order. They are many while QoS 0 is shed.
  if (entry.acks.length > 0) {
    const queue = state.queues.get(writer);
    if (queue === undefined) state.queues.set(writer, [entry]);
    else queue.push(entry);
  }
  state.open++;
  adjust(state, entry.bytes, entry.reliableBytes);
  const acknowledge = () => complete(state, writer, entry);
  if (messages.length === 0) acknowledge();
  return { messages, acknowledge };
}

/** Updates the counts of unacknowledged bytes and the states that depend on them. */
function adjust(state: LedgerState, bytes: number, reliableBytes: number): void {
  const { highWaterBytes, full } = state;
  state.unackedBytes += bytes;
  state.reliableBytes += reliableBytes;
  state.shedding = state.unackedBytes > (state.shedding ? highWaterBytes / 2 : highWaterBytes);
  state.full = state.reliableBytes > (full ? highWaterBytes / 2 : highWaterBytes);
  if (state.full !== full) state.onFullChange();
}

function complete(state: LedgerState, writer: AckWriter, entry: Entry): void {
  if (entry.done) return;
  entry.done = true;
  state.open--;
  for (const exchange of entry.exchanges) {
    exchange.durable = true;
    const ackTo = exchange.ackTo;
    exchange.ackTo = undefined;
    if (ackTo?.open === true && state.exchanges.get(exchange.packetId) === exchange) {
      ackTo.write(answers(PUBREC, [exchange.packetId]));
      state.counters.messages_acknowledged++;
    }
  }
  if (writer.open) sendReady(state, writer);
  // If `close` has not been called for this connection yet, it will count the ready acknowledgements.
  else if (!state.queues.has(writer)) dropAcks(state, entry);
  adjust(state, -entry.bytes, -entry.reliableBytes);
  if (state.open === 0) for (const resolve of state.waiting.splice(0)) resolve();
}

/** Sends the acknowledgements that are ready. They must be in the order of arrival (MQTT 4.6), so one may wait for those before it. */
function sendReady(state: LedgerState, writer: AckWriter): void {
  const queue = state.queues.get(writer) ?? [];
  while (queue[0]?.done === true) {
    const { acks } = queue.shift() as Entry;
    if (acks.length === 0) continue;
    writer.write(acks);
    state.counters.messages_acknowledged += acks.length / 4;
  }
}

function dropAcks(state: LedgerState, entry: Entry): void {
  state.counters.acknowledgements_dropped += entry.acks.length / 4;
}

function answers(type: number, packetIds: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(packetIds.length * 4);
  let end = 0;
  // The low bits of a PUBCOMP, PUBREC and PUBACK are zero; without a reason code it means success, in MQTT 5 too.
  for (const id of packetIds) end = writeAnswer(bytes, end, type, id);
  return bytes;
}

function writeAnswer(bytes: Buffer, at: number, type: number, packetId: number): number {
  bytes[at] = type;
  bytes[at + 1] = 2;
  bytes[at + 2] = packetId >> 8;
  bytes[at + 3] = packetId & 255;
  return at + 4;
}
