import type { MessageRecord } from '../model/record.ts';
import { type Hash, hashBytes } from './identity.ts';

/**
 * What came from one broker connection and may come again: the last message of each packet id, and behind it those before it that the
 * broker may not know to be acknowledged. Messages are numbered from 1 in the order in which they came. Flat arrays, since entries come
 * and go with every message: 16 bytes for each packet id up to the highest seen, and 18 for each message that is not settled.
 */
export interface Deliveries {
  /** Number of the latest message. */
  taken: number;
  /** By packet id: number of its latest message; 0 for none. */
  takenAt: Float64Array;
  /** By packet id: hash of topic and payload of its latest message. */
  high: Int32Array;
  low: Int32Array;
  /** Messages up to this number are settled: the broker has known for long that they are acknowledged. */
  settled: number;
  /** What is not settled, by number modulo the length of these arrays. */
  readonly unsettled: Unsettled;
  /** Live time of the connection at ticks, and the latest message then; of the last `SETTLING_MS`, while it lasts. */
  readonly ticks: [liveMs: number, taken: number][];
  /** How many packet ids each hash has, as `printOf` gives it; made when it is first asked for. Follows from the arrays. */
  counts: Map<number, number> | undefined;
}

interface Unsettled {
  ids: Uint16Array;
  high: Int32Array;
  low: Int32Array;
  /** Number of the message before it by the same packet id; 0 for none. */
  before: Float64Array;
}

/** The state as plain data. */
export interface PackedDeliveries {
  /** Ages count back from the latest message, which has age 0. */
  readonly settledAge: number;
  readonly ticks: readonly (readonly [liveMs: number, age: number])[];
  /** In base64, for each message: packet id, age, and both halves of the hash; 14 bytes, little endian. */
  readonly messages: string;
}

const PACKET_IDS = 65_536;
const FIRST_IDS = 256;
/**
 * Messages of this age or older count as old: a broker that goes through its packet ids in turn may have come round, and use the id again.
 */
const OLD = PACKET_IDS / 2;
/** While a connection lasts, a broker needs far less than this to take in acknowledgements. */
const SETTLING_MS = 60_000;
/** A power of two. What is further back is settled, whatever the broker knows. */
const MOST_UNSETTLED = 262_144;
const FIRST_UNSETTLED = 1_024;
const PACKED_BYTES = 14;
/** What older versions wrote: packet id and hash of the latest messages, the very latest last. */
const UNAGED_BYTES = 10;

export function createDeliveries(): Deliveries {
  return {
    taken: 0,
    takenAt: new Float64Array(FIRST_IDS),
    high: new Int32Array(FIRST_IDS),
    low: new Int32Array(FIRST_IDS),
    settled: 0,
    unsettled: createUnsettled(FIRST_UNSETTLED),
    ticks: [],
    counts: undefined,
  };
}

/**
 * Whether a message has been delivered before: the broker says that it may have been (DUP), and a message of the same packet id, topic and
 * payload came before it, either as the latest of its packet id, or not settled yet. A broker repeats what it has no acknowledgement for,
 * by the same packet id (MQTT 5.0, section 4.4). It should have one message under way for each, so the latest should be enough; Mosquitto
 * 2.0 takes packet ids again while they are in use, when more than 65,535 messages wait for a client that comes back.
 *
 * Takes the message in. Messages of QoS 0 have no packet id and are never repeated.
 *
 * A message that was lost on its first way looks the same where its packet id had an equal message before. Streams whose devices send
 * equal payloads over and over (no time of their own) would lose readings by that. So an equal message that is old proves nothing where
 * other packet ids had one like it too: then the message is taken for new. What remains is a broker that uses a packet id again within
 * 32,768 messages for an equal message that was lost on its first way; and equal messages of which more than 32,768 lie between the first
 * way and the second, which count twice.
 */
export function isRedelivery(deliveries: Deliveries, record: MessageRecord): boolean {
  const { packetId, dup, topic, payload } = record;
  if (packetId === 0) return false;
  hashBytes(seedOf(topic), payload, hash);
  if (dup) {
    const known = findMessage(deliveries, packetId, hash);
    if (known > 0 && !isAmbiguous(deliveries, packetId, known, hash)) return true;
  }
  remember(deliveries, packetId, hash.high, hash.low);
  return false;
}

/** A second of a connection that stands has passed: what came long before it is settled. */
export function settleDeliveries(deliveries: Deliveries, liveMs: number): void {
  const { ticks, taken } = deliveries;
  // A quiet connection needs no entry a second.
  if (ticks.at(-1)?.[1] !== taken) ticks.push([liveMs, taken]);
  while (ticks.length > 0 && liveMs - ticks[0]![0] >= SETTLING_MS) {
    deliveries.settled = Math.max(deliveries.settled, ticks.shift()![1]);
  }
}

/** The connection has ended: the acknowledgements of the last while may not have got through. */
export function unsettleDeliveries(deliveries: Deliveries): void {
  deliveries.ticks.length = 0;
}

/** Forgets them all: another session of the broker counts its packet ids anew. */
export function forgetDeliveries(deliveries: Deliveries): void {
  deliveries.takenAt.fill(0);
  deliveries.settled = deliveries.taken;
  deliveries.ticks.length = 0;
  deliveries.counts = undefined;
}

export function packDeliveries(deliveries: Deliveries): PackedDeliveries {
  const { taken, takenAt, high, low, settled, unsettled, ticks } = deliveries;
  let settledIds = 0;
  for (let id = 1; id < takenAt.length; id++) if (takenAt[id]! > 0 && takenAt[id]! <= settled) settledIds++;
  const bytes = Buffer.allocUnsafe((settledIds + taken - settled) * PACKED_BYTES);
  let at = 0;
  const write = (id: number, number: number, high: number, low: number) => {
    bytes.writeUInt16LE(id, at);
    // How old an old one is makes no difference.
    bytes.writeUInt32LE(Math.min(taken - number, MOST_UNSETTLED), at + 2);
    bytes.writeInt32LE(high, at + 6);
    bytes.writeInt32LE(low, at + 10);
    at += PACKED_BYTES;
  };
  for (let id = 1; id < takenAt.length; id++) {
    if (takenAt[id]! > 0 && takenAt[id]! <= settled) write(id, takenAt[id]!, high[id]!, low[id]!);
  }
  for (let number = settled + 1; number <= taken; number++) {
    const slot = number & (unsettled.ids.length - 1);
    write(unsettled.ids[slot]!, number, unsettled.high[slot]!, unsettled.low[slot]!);
  }
  return {
    settledAge: taken - settled,
    ticks: ticks.map(([liveMs, then]) => [liveMs, taken - then]),
    messages: bytes.toString('base64'),
  };
}

/** Takes in what `packDeliveries` gave, or the text that older versions wrote. */
export function unpackDeliveries(packed: PackedDeliveries | string): Deliveries {
  const deliveries = createDeliveries();
  if (typeof packed === 'string') {
    const bytes = Buffer.from(packed, 'base64');
    for (let at = 0; at < bytes.length; at += UNAGED_BYTES) {
      remember(deliveries, bytes.readUInt16LE(at), bytes.readInt32LE(at + 2), bytes.readInt32LE(at + 6));
    }
    return deliveries;
  }
  const bytes = Buffer.from(packed.messages, 'base64');
  // Leaves room for the oldest: 0 stands for none.
  const taken = MOST_UNSETTLED + 1;
  deliveries.settled = taken - packed.settledAge;
  for (let at = 0; at < bytes.length; at += PACKED_BYTES) {
    deliveries.taken = taken - bytes.readUInt32LE(at + 2) - 1;
    remember(deliveries, bytes.readUInt16LE(at), bytes.readInt32LE(at + 6), bytes.readInt32LE(at + 10));
  }
  deliveries.taken = taken;
  deliveries.ticks.push(...packed.ticks.map(([liveMs, age]): [number, number] => [liveMs, taken - age]));
  return deliveries;
}

/** Number of the latest equal message by this packet id that may come again; 0 for none. */
function findMessage(deliveries: Deliveries, packetId: number, found: Readonly<Hash>): number {
  const { takenAt, high, low, settled, unsettled } = deliveries;
  if (packetId >= takenAt.length || takenAt[packetId] === 0) return 0;
  let number = takenAt[packetId]!;
  if (high[packetId] === found.high && low[packetId] === found.low) return number;
  while (number > settled) {
    const slot = number & (unsettled.ids.length - 1);
    if (unsettled.high[slot] === found.high && unsettled.low[slot] === found.low) return number;
    number = unsettled.before[slot]!;
  }
  return 0;
}

/** Whether the packet id may have come round since this message of it, and others had one like it. */
function isAmbiguous(deliveries: Deliveries, packetId: number, number: number, found: Readonly<Hash>): boolean {
  if (deliveries.taken - number < OLD) return false;
  deliveries.counts ??= countPrints(deliveries);
  const count = deliveries.counts.get(printOf(found.high, found.low)) ?? 0;
  return count > (number === deliveries.takenAt[packetId] ? 1 : 0);
}

function countPrints({ takenAt, high, low }: Deliveries): Map<number, number> {
  const counts = new Map<number, number>();
  for (let id = 1; id < takenAt.length; id++) {
    if (takenAt[id]! > 0) recount(counts, printOf(high[id]!, low[id]!), 1);
  }
  return counts;
}

/** As many bits of the hash as a number holds. */
function printOf(high: number, low: number): number {
  return (high & 0x1f_ffff) * 0x1_0000_0000 + (low >>> 0);
}

function recount(counts: Map<number, number>, print: number, by: 1 | -1): void {
  const count = (counts.get(print) ?? 0) + by;
  if (count === 0) counts.delete(print);
  else counts.set(print, count);
}

function remember(deliveries: Deliveries, packetId: number, high: number, low: number): void {
  makeRoom(deliveries, packetId);
  const { counts, takenAt, unsettled } = deliveries;
  const number = ++deliveries.taken;
  if (counts !== undefined) {
    if (takenAt[packetId]! > 0) recount(counts, printOf(deliveries.high[packetId]!, deliveries.low[packetId]!), -1);
    recount(counts, printOf(high, low), 1);
  }
  if (number > deliveries.settled) {
    makeUnsettledRoom(deliveries);
    const slot = number & (unsettled.ids.length - 1);
    unsettled.ids[slot] = packetId;
    unsettled.high[slot] = high;
    unsettled.low[slot] = low;
    unsettled.before[slot] = takenAt[packetId]!;
  }
  takenAt[packetId] = number;
  deliveries.high[packetId] = high;
  deliveries.low[packetId] = low;
}

function makeRoom(deliveries: Deliveries, packetId: number): void {
  let size = deliveries.takenAt.length;
  if (packetId < size) return;
  while (size <= packetId) size *= 2;
  const { takenAt, high, low } = deliveries;
  deliveries.takenAt = new Float64Array(size);
  deliveries.high = new Int32Array(size);
  deliveries.low = new Int32Array(size);
  deliveries.takenAt.set(takenAt);
  deliveries.high.set(high);
  deliveries.low.set(low);
}

function createUnsettled(size: number): Unsettled {
  return {
    ids: new Uint16Array(size),
    high: new Int32Array(size),
    low: new Int32Array(size),
    before: new Float64Array(size),
  };
}

/** Makes room for the message that was counted last: in larger arrays, or in place of the oldest. */
function makeUnsettledRoom(deliveries: Deliveries): void {
  const { taken, settled, unsettled } = deliveries;
  const size = unsettled.ids.length;
  if (taken - settled <= size) return;
  if (size === MOST_UNSETTLED) {
    deliveries.settled = taken - size;
    return;
  }
  const larger = createUnsettled(size * 2);
  for (let number = settled + 1; number < taken; number++) {
    const from = number & (size - 1);
    const to = number & (size * 2 - 1);
    larger.ids[to] = unsettled.ids[from]!;
    larger.high[to] = unsettled.high[from]!;
    larger.low[to] = unsettled.low[from]!;
    larger.before[to] = unsettled.before[from]!;
  }
  Object.assign(unsettled, larger);
}

/** Written by each call and read within it. */
const seed: Hash = { high: 0, low: 0 };
const hash: Hash = { high: 0, low: 0 };

function seedOf(topic: string): Hash {
  let high = 0x5765_6972;
  let low = topic.length;
  for (let i = 0; i < topic.length; i++) {
    const code = topic.charCodeAt(i);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low + code, 0x85ebca6b) ^ (low >>> 13);
  }
  seed.high = high;
  seed.low = low;
  return seed;
}
