import type { Counters } from '../../engine/telemetry.ts';
import type { Publish } from './publish-tap.ts';

/** The end of a connection that acknowledgements leave by. */
export interface AckWriter {
  /** False once the connection is gone. */
  readonly open: boolean;
  write(bytes: Buffer): void;
}

/** The messages of one read that are to be handed over, and how to say that they are durable. */
export interface Receipt {
  readonly messages: readonly Publish[];
  acknowledge(): void;
}

/** What a broker has delivered and Weir has not acknowledged yet; one per broker, across its connections. */
export interface Ledger {
  /**
   * Enters the messages of one read. Those that need no handing over (too large, not wanted, or a QoS 2 message that came before)
   * are left out of the receipt; their acknowledgements still go out in the order of arrival. QoS 0 messages are left out, and counted,
   * from the high-water mark on until half of it.
   */
  receive(writer: AckWriter, publishes: readonly Publish[]): Receipt;
  /** The broker has seen our PUBRECs: forgets the ids and confirms. */
  release(writer: AckWriter, packetIds: readonly number[]): void;
  /** The connection is gone: nothing more goes out by it. */
  close(writer: AckWriter): void;
  /** The broker has forgotten the session, and with it the meaning of every packet id. */
  forget(): void;
  /** Bytes of topics and payloads handed over and not acknowledged. */
  heldBytes(): number;
  /** The messages of QoS 1 and 2 among them are above the high-water mark by themselves, or have not come down to half of it since. */
  isFull(): boolean;
  /** Resolves once every message handed over has been acknowledged. */
  settled(): Promise<void>;
}

/** A QoS 2 message between its PUBLISH and its PUBREL. */
interface Exchange {
  readonly packetId: number;
  durable: boolean;
  /** The broker asked again, by this connection, before the message was durable. */
  owedTo: AckWriter | undefined;
}

interface Entry {
  readonly acks: Buffer;
  readonly bytes: number;
  /** Those of QoS 1 and 2, and what each takes besides. */
  readonly owedBytes: number;
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
  /** Entries with acknowledgements, in the order of arrival, by the connection they came by. */
  readonly queues: Map<AckWriter, Entry[]>;
  readonly waiting: (() => void)[];
  heldBytes: number;
  owedBytes: number;
  sheds: boolean;
  full: boolean;
  open: number;
}

const PUBACK = 0x40;
const PUBREC = 0x50;
const PUBCOMP = 0x70;
const NO_EXCHANGES: readonly Exchange[] = [];
/** What a message takes beside topic and payload while it waits as an object; the smallest are mostly that. */
const MESSAGE_BYTES = 256;

/**
 * Holds at most `highWaterBytes` and one read of QoS 0, and as much again of QoS 1 and 2 where nothing more is read while it is full.
 * Messages on topics that are not wanted are acknowledged, counted and not handed over.
 * `onFullChange` is called whenever that has changed, `onOversize` for each message given up as too large.
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
    heldBytes: 0,
    owedBytes: 0,
    sheds: false,
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
    heldBytes: () => state.heldBytes,
    isFull: () => state.full,
    settled: () => (state.open === 0 ? Promise.resolve() : new Promise((resolve) => state.waiting.push(resolve))),
  };
}

function receive(state: LedgerState, writer: AckWriter, publishes: readonly Publish[]): Receipt {
  const messages: Publish[] = [];
  const acks = Buffer.allocUnsafe(countOwed(publishes) * 4);
  let exchanges: Exchange[] | undefined;
  let bytes = 0;
  let owedBytes = 0;
  let end = 0;
  for (const publish of publishes) {
    const exchange = publish.qos === 2 ? state.exchanges.get(publish.packetId) : undefined;
    if (exchange !== undefined && !exchange.durable) {
      exchange.owedTo = writer;
      continue;
    }
    if (publish.qos > 0) end = writeAnswer(acks, end, publish.qos === 1 ? PUBACK : PUBREC, publish.packetId);
    if (exchange !== undefined) continue;
    const isHandedOver = isAdmitted(state, publish);
    if (publish.qos === 2) {
      const begun: Exchange = { packetId: publish.packetId, durable: !isHandedOver, owedTo: undefined };
      state.exchanges.set(publish.packetId, begun);
      exchanges ??= [];
      exchanges.push(begun);
    }
    if (!isHandedOver) continue;
    if (publish.qos === 0 && state.sheds) state.counters.messages_shed++;
    else {
      messages.push(publish);
      const size = publish.payload.length + publish.topic.length;
      bytes += size;
      if (publish.qos > 0) owedBytes += size + MESSAGE_BYTES;
    }
  }
  return enter(state, writer, messages, {
    acks: acks.subarray(0, end),
    bytes,
    owedBytes,
    exchanges: exchanges ?? NO_EXCHANGES,
    done: false,
  });
}

/** Counts what is not. */
function isAdmitted({ isWanted, counters, onOversize }: LedgerState, publish: Publish): boolean {
  const wanted = isWanted(publish.topic);
  if (!wanted) counters.messages_unwanted++;
  else if (publish.oversize) onOversize(publish);
  return wanted && !publish.oversize;
}

function countOwed(publishes: readonly Publish[]): number {
  let count = 0;
  for (const { qos } of publishes) if (qos > 0) count++;
  return count;
}

function enter(state: LedgerState, writer: AckWriter, messages: readonly Publish[], entry: Entry): Receipt {
  // Those without are many while QoS 0 is shed, and need not wait for the others.
  if (entry.acks.length > 0) {
    const queue = state.queues.get(writer);
    if (queue === undefined) state.queues.set(writer, [entry]);
    else queue.push(entry);
  }
  state.open++;
  weigh(state, entry.bytes, entry.owedBytes);
  const acknowledge = () => complete(state, writer, entry);
  if (messages.length === 0) acknowledge();
  return { messages, acknowledge };
}

/** Takes a change of what is held into account. */
function weigh(state: LedgerState, bytes: number, owedBytes: number): void {
  const { highWaterBytes, full } = state;
  state.heldBytes += bytes;
  state.owedBytes += owedBytes;
  state.sheds = state.heldBytes > (state.sheds ? highWaterBytes / 2 : highWaterBytes);
  state.full = state.owedBytes > (full ? highWaterBytes / 2 : highWaterBytes);
  if (state.full !== full) state.onFullChange();
}

function complete(state: LedgerState, writer: AckWriter, entry: Entry): void {
  if (entry.done) return;
  entry.done = true;
  state.open--;
  for (const exchange of entry.exchanges) {
    exchange.durable = true;
    const owedTo = exchange.owedTo;
    exchange.owedTo = undefined;
    if (owedTo?.open === true && state.exchanges.get(exchange.packetId) === exchange) {
      owedTo.write(answers(PUBREC, [exchange.packetId]));
      state.counters.messages_acknowledged++;
    }
  }
  if (writer.open) sendReady(state, writer);
  // Where the connection is not closed yet, closing it counts what was ready.
  else if (!state.queues.has(writer)) dropAcks(state, entry);
  weigh(state, -entry.bytes, -entry.owedBytes);
  if (state.open === 0) for (const resolve of state.waiting.splice(0)) resolve();
}

/** Acknowledgements go out in the order of arrival (MQTT 4.6), so one that is ready may have to wait for those before it. */
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
