import type { MessageRecord } from '../model/record.ts';
import { type Hash, hashBytes } from './identity.ts';

/**
 * The last messages of one broker connection that had to be acknowledged, by packet id: when each came, counted in messages, and the
 * hash of its topic and payload. Flat arrays, since entries come and go with every message: 16 bytes for each id up to the highest seen.
 */
export interface Deliveries {
  /** Messages taken in so far. */
  taken: number;
  /** By packet id: what `taken` was with it; 0 for none. */
  takenAt: Float64Array;
  high: Int32Array;
  low: Int32Array;
}

const PACKET_IDS = 65_536;
const FIRST_IDS = 256;
/**
 * How many messages count, the latest: half as many as there are packet ids, so that a broker that goes through them in turn has not come
 * round yet. Not the receive maximum: brokers go above it. Mosquitto does when connections end before their acknowledgements get through,
 * by some hundred messages each time.
 */
const REMEMBERED = PACKET_IDS / 2;
/** Of a message in what `packDeliveries` gives: packet id and both halves of the hash. */
const PACKED_BYTES = 10;

export function createDeliveries(): Deliveries {
  return {
    taken: 0,
    takenAt: new Float64Array(FIRST_IDS),
    high: new Int32Array(FIRST_IDS),
    low: new Int32Array(FIRST_IDS),
  };
}

/**
 * Whether a message has been delivered before: the broker says that it may have been (DUP), and the last message that came by its packet
 * id had the same topic and payload. A broker repeats what it has no acknowledgement for, by the same packet id (MQTT 5.0, section 4.4).
 *
 * Takes the message in. Wrong only where a broker uses a packet id again, within the last 32,768 messages, for a message that is equal to
 * the byte and was lost on its first way. Messages of QoS 0 have no packet id and are never repeated.
 */
export function isRedelivery(deliveries: Deliveries, record: MessageRecord): boolean {
  const { packetId, dup, topic, payload } = record;
  if (packetId === 0) return false;
  hashBytes(seedOf(topic), payload, hash);
  if (dup && isKnown(deliveries, packetId) && isSame(deliveries, packetId, hash)) return true;
  remember(deliveries, packetId, hash.high, hash.low);
  return false;
}

/** Forgets them all: another session of the broker counts its packet ids anew. */
export function forgetDeliveries(deliveries: Deliveries): void {
  deliveries.takenAt.fill(0);
}

/** Each message that counts as ten bytes in base64, the latest last. */
export function packDeliveries(deliveries: Deliveries): string {
  const { takenAt, high, low } = deliveries;
  // One number has both, so that sorting needs no comparison of ours.
  const known = new Float64Array(takenAt.length);
  let count = 0;
  for (let id = 1; id < takenAt.length; id++)
    if (isKnown(deliveries, id)) known[count++] = takenAt[id]! * PACKET_IDS + id;
  const bytes = Buffer.alloc(count * PACKED_BYTES);
  known
    .subarray(0, count)
    .sort()
    .forEach((each, i) => {
      const id = each % PACKET_IDS;
      bytes.writeUInt16LE(id, i * PACKED_BYTES);
      bytes.writeInt32LE(high[id]!, i * PACKED_BYTES + 2);
      bytes.writeInt32LE(low[id]!, i * PACKED_BYTES + 6);
    });
  return bytes.toString('base64');
}

/** Takes in what `packDeliveries` gave. */
export function unpackDeliveries(packed: string): Deliveries {
  const deliveries = createDeliveries();
  const bytes = Buffer.from(packed, 'base64');
  for (let at = 0; at < bytes.length; at += PACKED_BYTES) {
    remember(deliveries, bytes.readUInt16LE(at), bytes.readInt32LE(at + 2), bytes.readInt32LE(at + 6));
  }
  return deliveries;
}

function isKnown({ taken, takenAt }: Deliveries, packetId: number): boolean {
  const at = packetId < takenAt.length ? takenAt[packetId]! : 0;
  return at > 0 && taken - at < REMEMBERED;
}

function isSame({ high, low }: Deliveries, packetId: number, found: Readonly<Hash>): boolean {
  return high[packetId] === found.high && low[packetId] === found.low;
}

function remember(deliveries: Deliveries, packetId: number, high: number, low: number): void {
  if (packetId >= deliveries.takenAt.length) makeRoom(deliveries, packetId);
  deliveries.taken += 1;
  deliveries.takenAt[packetId] = deliveries.taken;
  deliveries.high[packetId] = high;
  deliveries.low[packetId] = low;
}

function makeRoom(deliveries: Deliveries, packetId: number): void {
  let size = deliveries.takenAt.length;
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
