import type { MessageRecord } from '../model/record.ts';
import { type Hash, hashBytes } from './identity.ts';

/**
 * The last message that came by each packet id of one broker connection: when it came, counted in messages, and the hash of its topic and
 * payload. A broker has at most one message under way for a packet id (MQTT 5.0, section 2.2.1), so however many it has under way, nothing
 * pushes out what it may still deliver again. Flat arrays: 16 bytes for each id up to the highest seen.
 */
export interface Deliveries {
  /** Messages taken in so far. */
  taken: number;
  /** By packet id: what `taken` was with it; 0 for none. */
  takenAt: Float64Array;
  high: Int32Array;
  low: Int32Array;
  /** How many packet ids each hash has, as `printOf` gives it; made when it is first asked for. Follows from the arrays. */
  counts: Map<number, number> | undefined;
}

const PACKET_IDS = 65_536;
const FIRST_IDS = 256;
/**
 * Messages of this age or older count as old: a broker that goes through its packet ids in turn may have come round, and use the id again.
 */
const OLD = PACKET_IDS / 2;
/** Of a message in what `packDeliveries` gives: packet id, age, and both halves of the hash. */
const PACKED_BYTES = 12;
/** Marks this form; older versions wrote ten bytes for each message, without its age, the latest last, and no mark. */
const PACKED_MARK = 'v2:';
const UNMARKED_BYTES = 10;

export function createDeliveries(): Deliveries {
  return {
    taken: 0,
    takenAt: new Float64Array(FIRST_IDS),
    high: new Int32Array(FIRST_IDS),
    low: new Int32Array(FIRST_IDS),
    counts: undefined,
  };
}

/**
 * Whether a message has been delivered before: the broker says that it may have been (DUP), and the last message that came by its packet
 * id had the same topic and payload. A broker repeats what it has no acknowledgement for, by the same packet id (MQTT 5.0, section 4.4).
 *
 * Takes the message in. Messages of QoS 0 have no packet id and are never repeated.
 *
 * The same is true of a message that was lost on its first way where its packet id had an equal message before. Streams whose devices
 * send equal payloads over and over (no time of their own) would lose readings by that. So an equal message that is old proves nothing
 * where other packet ids had one like it too: then the message is taken for new. What remains is a broker that uses a packet id again
 * within 32,768 messages for an equal message that was lost on its first way; and equal messages of which more than 32,768 lie between
 * the first way and the second, which count twice.
 */
export function isRedelivery(deliveries: Deliveries, record: MessageRecord): boolean {
  const { packetId, dup, topic, payload } = record;
  if (packetId === 0) return false;
  hashBytes(seedOf(topic), payload, hash);
  if (dup && isSame(deliveries, packetId, hash) && !isAmbiguous(deliveries, packetId)) return true;
  remember(deliveries, packetId, hash.high, hash.low);
  return false;
}

/** Forgets them all: another session of the broker counts its packet ids anew. */
export function forgetDeliveries(deliveries: Deliveries): void {
  deliveries.takenAt.fill(0);
  deliveries.counts = undefined;
}

/** Each packet id that has been used as twelve bytes, in base64. */
export function packDeliveries(deliveries: Deliveries): string {
  const { taken, takenAt, high, low } = deliveries;
  let count = 0;
  for (let id = 1; id < takenAt.length; id++) if (takenAt[id]! > 0) count++;
  const bytes = Buffer.allocUnsafe(count * PACKED_BYTES);
  let at = 0;
  for (let id = 1; id < takenAt.length; id++) {
    if (takenAt[id] === 0) continue;
    bytes.writeUInt16LE(id, at);
    // How old an old one is makes no difference.
    bytes.writeUInt16LE(Math.min(taken - takenAt[id]!, OLD), at + 2);
    bytes.writeInt32LE(high[id]!, at + 4);
    bytes.writeInt32LE(low[id]!, at + 8);
    at += PACKED_BYTES;
  }
  return PACKED_MARK + bytes.toString('base64');
}

/** Takes in what `packDeliveries` gave, in this version or an older one. */
export function unpackDeliveries(packed: string): Deliveries {
  const deliveries = createDeliveries();
  const marked = packed.startsWith(PACKED_MARK);
  const bytes = Buffer.from(marked ? packed.slice(PACKED_MARK.length) : packed, 'base64');
  // Leaves room for the oldest: 0 stands for none.
  deliveries.taken = marked ? OLD + 1 : 0;
  for (let at = 0; at < bytes.length; at += marked ? PACKED_BYTES : UNMARKED_BYTES) {
    const id = bytes.readUInt16LE(at);
    makeRoom(deliveries, id);
    const hashAt = at + (marked ? 4 : 2);
    deliveries.takenAt[id] = marked ? deliveries.taken - bytes.readUInt16LE(at + 2) : ++deliveries.taken;
    deliveries.high[id] = bytes.readInt32LE(hashAt);
    deliveries.low[id] = bytes.readInt32LE(hashAt + 4);
  }
  return deliveries;
}

function isSame({ takenAt, high, low }: Deliveries, packetId: number, found: Readonly<Hash>): boolean {
  if (packetId >= takenAt.length || takenAt[packetId] === 0) return false;
  return high[packetId] === found.high && low[packetId] === found.low;
}

/** Whether the packet id may have come round since its message, and others had one like it. */
function isAmbiguous(deliveries: Deliveries, packetId: number): boolean {
  if (deliveries.taken - deliveries.takenAt[packetId]! < OLD) return false;
  deliveries.counts ??= countPrints(deliveries);
  return deliveries.counts.get(printOf(deliveries, packetId))! > 1;
}

function countPrints(deliveries: Deliveries): Map<number, number> {
  const counts = new Map<number, number>();
  for (let id = 1; id < deliveries.takenAt.length; id++) {
    if (deliveries.takenAt[id]! > 0) recount(counts, printOf(deliveries, id), 1);
  }
  return counts;
}

/** As many bits of the hash as a number holds. */
function printOf({ high, low }: Deliveries, packetId: number): number {
  return (high[packetId]! & 0x1f_ffff) * 0x1_0000_0000 + (low[packetId]! >>> 0);
}

function recount(counts: Map<number, number>, print: number, by: 1 | -1): void {
  const count = (counts.get(print) ?? 0) + by;
  if (count === 0) counts.delete(print);
  else counts.set(print, count);
}

function remember(deliveries: Deliveries, packetId: number, high: number, low: number): void {
  makeRoom(deliveries, packetId);
  const { counts, takenAt } = deliveries;
  if (counts !== undefined && takenAt[packetId]! > 0) recount(counts, printOf(deliveries, packetId), -1);
  deliveries.taken += 1;
  takenAt[packetId] = deliveries.taken;
  deliveries.high[packetId] = high;
  deliveries.low[packetId] = low;
  if (counts !== undefined) recount(counts, printOf(deliveries, packetId), 1);
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
