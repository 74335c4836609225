// Longer than most: it also restores its flat arrays from checkpoints of all versions.
import type { MessageRecord } from '../model/record.ts';
import type { BlockChanges, Deliveries, Unsettled } from './deliveries.ts';
import {
  removeIds,
  removeMessages,
  type StoredMessage,
  touchId,
  touchMessage,
  touchMessages,
} from './delivery-blocks.ts';
import { type Hash, hashBytes } from './identity.ts';

/** What a checkpoint stores beside the blocks. */
export type DeliveriesHead = Pick<Deliveries, 'taken' | 'settled' | 'ticks'>;

/** The state as older versions wrote it. */
export interface PackedDeliveries {
  /** An age counts messages back from the latest one, which has age 0. */
  readonly settledAge: number;
  readonly ticks: readonly (readonly [liveMs: number, age: number])[];
  /** Base64 of 14 bytes for each message, little endian: packet id, age, and both halves of the hash. */
  readonly messages: string;
}

const PACKET_IDS = 65_536;
const FIRST_IDS = 256;
/**
 * Messages of this age or older count as old: a broker that uses its packet ids in turn may have wrapped around and use the id again.
 */
const OLD = PACKET_IDS / 2;
/** While a connection lasts, a broker needs much less time than this to receive acknowledgements. */
const SETTLING_MS = 60_000;
/** Older messages count as settled, even if the broker lacks their acknowledgement. A power of two. */
const MOST_UNSETTLED = 262_144;
const FIRST_UNSETTLED = 1_024;
const PACKED_BYTES = 14;
/** Older versions wrote 10 bytes for each message: packet id and hash of the latest messages, the newest last. */
const UNAGED_BYTES = 10;

/** The state before the first message. */
export function createDeliveries(changes: BlockChanges): Deliveries {
  return {
    taken: 0,
    takenAt: new Float64Array(FIRST_IDS),
    high: new Int32Array(FIRST_IDS),
    low: new Int32Array(FIRST_IDS),
    settled: 0,
    unsettled: createUnsettled(FIRST_UNSETTLED),
    ticks: [],
    counts: undefined,
    blocks: { messages: new Map(), ids: new Map(), changes },
  };
}

/**
 * Whether a message is a redelivery: the broker says that it may be one (DUP), and an earlier message had the same packet id, topic and
 * payload. The earlier message is the latest of its packet id, or unsettled. A broker resends unacknowledged messages with the same packet id
 * (MQTT 5.0, section 4.4). It should have only one message in flight for each packet id, so the latest message should be enough. But
 * Mosquitto 2.0 reuses packet ids that are still in use, if more than 65,535 messages wait for a client that reconnects.
 *
 * A message that is no redelivery is added to the state. Messages of QoS 0 have no packet id and are never redelivered.
 *
 * A message whose first delivery was lost looks like a redelivery if its packet id had an equal message before. Streams whose devices send
 * equal payloads again and again (without a time) would lose readings. So an old equal message proves nothing if other packet ids had an
 * equal message too: the message then counts as new. Two errors remain. A message is wrongly dropped if the broker reuses a packet id within
 * 32,768 messages for an equal message whose first delivery was lost. An equal message counts twice if more than 32,768 messages are between
 * its first and second delivery.
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

/** Call this at each tick of an established connection. Messages from long before the tick become settled. */
export function settleDeliveries(deliveries: Deliveries, liveMs: number): void {
  const { ticks, taken } = deliveries;
  // A quiet connection needs no entry for each second.
  if (ticks.at(-1)?.[1] !== taken) ticks.push([liveMs, taken]);
  while (ticks.length > 0 && liveMs - ticks[0]![0] >= SETTLING_MS) {
    settle(deliveries, Math.max(deliveries.settled, ticks.shift()![1]));
  }
}

function settle(deliveries: Deliveries, upTo: number): void {
  if (upTo === deliveries.settled) return;
  removeMessages(deliveries, upTo);
  deliveries.settled = upTo;
}

/** Call this when the connection ends: the broker may not have received the last acknowledgements. */
export function unsettleDeliveries(deliveries: Deliveries): void {
  deliveries.ticks.length = 0;
}

/** Forgets all messages. Call this when the broker starts a new session, whose packet ids start again. */
export function forgetDeliveries(deliveries: Deliveries): void {
  removeIds(deliveries);
  deliveries.takenAt.fill(0);
  settle(deliveries, deliveries.taken);
  deliveries.ticks.length = 0;
  deliveries.counts = undefined;
}

/** The state, but for its messages; those are in the blocks. */
export function deliveriesHead({ taken, settled, ticks }: Deliveries): DeliveriesHead {
  return { taken, settled, ticks: ticks.map(([liveMs, then]) => [liveMs, then]) };
}

/** Restores the state from its head and the messages of all blocks, in any order. */
export function restoreDeliveries(
  { taken, settled, ticks }: DeliveriesHead,
  messages: readonly StoredMessage[],
  changes: BlockChanges,
): Deliveries {
  const deliveries = createDeliveries(changes);
  deliveries.settled = settled;
  let last = 0;
  // The latest message of a packet id may be in two blocks.
  for (const [number, packetId, high, low] of [...messages].sort(([a], [b]) => a - b)) {
    if (number === last) continue;
    last = number;
    deliveries.taken = number - 1;
    remember(deliveries, packetId, high, low);
  }
  deliveries.taken = taken;
  deliveries.ticks.push(...ticks);
  return deliveries;
}

/** Restores what older versions wrote. */
export function unpackDeliveries(packed: PackedDeliveries | string, changes: BlockChanges): Deliveries {
  const deliveries = createDeliveries(changes);
  if (typeof packed === 'string') {
    const bytes = Buffer.from(packed, 'base64');
    for (let at = 0; at < bytes.length; at += UNAGED_BYTES) {
      remember(deliveries, bytes.readUInt16LE(at), bytes.readInt32LE(at + 2), bytes.readInt32LE(at + 6));
    }
    return deliveries;
  }
  const bytes = Buffer.from(packed.messages, 'base64');
  // This keeps the number of the oldest message above 0, which means none.
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

/** Number of the latest equal message of this packet id that may be redelivered; 0: none. */
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

/** Whether the packet id may have been reused since this message, and other packet ids had an equal message. */
function isAmbiguous(deliveries: Deliveries, packetId: number, number: number, found: Readonly<Hash>): boolean {
  if (deliveries.taken - number < OLD) return false;
  deliveries.counts ??= countFingerprints(deliveries);
  const count = deliveries.counts.get(fingerprintOf(found.high, found.low)) ?? 0;
  return count > (number === deliveries.takenAt[packetId] ? 1 : 0);
}

function countFingerprints({ takenAt, high, low }: Deliveries): Map<number, number> {
  const counts = new Map<number, number>();
  for (let id = 1; id < takenAt.length; id++) {
    if (takenAt[id]! > 0) recount(counts, fingerprintOf(high[id]!, low[id]!), 1);
  }
  return counts;
}

/** As many bits of the hash as a number can hold. */
function fingerprintOf(high: number, low: number): number {
  return (high & 0x1f_ffff) * 0x1_0000_0000 + (low >>> 0);
}

function recount(counts: Map<number, number>, fingerprint: number, by: 1 | -1): void {
  const count = (counts.get(fingerprint) ?? 0) + by;
  if (count === 0) counts.delete(fingerprint);
  else counts.set(fingerprint, count);
}

function remember(deliveries: Deliveries, packetId: number, high: number, low: number): void {
  makeRoom(deliveries, packetId);
  touchId(deliveries, packetId);
  const { counts, takenAt, unsettled } = deliveries;
  const number = ++deliveries.taken;
  if (counts !== undefined) {
    if (takenAt[packetId]! > 0)
      recount(counts, fingerprintOf(deliveries.high[packetId]!, deliveries.low[packetId]!), -1);
    recount(counts, fingerprintOf(high, low), 1);
  }
  if (number > deliveries.settled) {
    makeUnsettledRoom(deliveries);
    const slots = unsettled.ids.length;
    touchMessage(deliveries, number, slots);
    const slot = number & (slots - 1);
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

/** Makes room for the newest message: in larger arrays, or by settling the oldest. */
function makeUnsettledRoom(deliveries: Deliveries): void {
  const { taken, settled, unsettled } = deliveries;
  const size = unsettled.ids.length;
  if (taken - settled <= size) return;
  if (size === MOST_UNSETTLED) {
    settle(deliveries, taken - size);
    return;
  }
  touchMessages(deliveries);
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

/** Scratch space of a single call. */
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
