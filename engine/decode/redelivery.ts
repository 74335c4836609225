import type { MessageRecord } from '../model/record.ts';
import { type Hash, hashBytes } from './identity.ts';

/**
 * The last messages of one broker connection that had to be acknowledged, by packet id: when each came, counted in messages, and the
 * hash of its topic and payload. Flat arrays, since entries come and go with every message: 16 bytes for each id up to the highest seen.
 */
export interface Deliveries {
  /** Messages taken in so far. */
  taken: number;
  /** How many of them count, the latest. */
  limit: number;
  /** By packet id: what `taken` was with it; 0 for none. */
  takenAt: Float64Array;
  high: Int32Array;
  low: Int32Array;
}

const PACKET_IDS = 65_536;
const FIRST_IDS = 256;

export function createDeliveries(): Deliveries {
  return {
    taken: 0,
    limit: 0,
    takenAt: new Float64Array(FIRST_IDS),
    high: new Int32Array(FIRST_IDS),
    low: new Int32Array(FIRST_IDS),
  };
}

/**
 * Whether a message has been delivered before: the broker says that it may have been (DUP), and the last message that came by its packet
 * id had the same topic and payload. A broker repeats what it has no acknowledgement for, by the same packet id (MQTT 5.0, section 4.4);
 * that is among the last `limit` messages, the most that it may have under way.
 *
 * Takes the message in. Wrong only where a broker uses a packet id again, within those, for a message that is equal to the byte
 * and was lost on its first way. Messages of QoS 0 have no packet id and are never repeated.
 */
export function isRedelivery(deliveries: Deliveries, record: MessageRecord, limit: number): boolean {
  const { packetId, dup, topic, payload } = record;
  if (packetId === 0) return false;
  deliveries.limit = limit;
  hashBytes(seedOf(topic), payload, hash);
  if (dup && isKnown(deliveries, packetId) && isSame(deliveries, packetId, hash)) return true;
  remember(deliveries, packetId, hash.high, hash.low);
  return false;
}

/** Forgets them all: another session of the broker counts its packet ids anew. */
export function forgetDeliveries(deliveries: Deliveries): void {
  deliveries.takenAt.fill(0);
}

/** Packet id and the two halves of the hash of each message that counts, one after the other, the latest last. */
export function listDeliveries(deliveries: Deliveries): readonly number[] {
  const ids: number[] = [];
  for (let id = 1; id < deliveries.takenAt.length; id++) if (isKnown(deliveries, id)) ids.push(id);
  ids.sort((a, b) => deliveries.takenAt[a]! - deliveries.takenAt[b]!);
  return ids.flatMap((id) => [id, deliveries.high[id]!, deliveries.low[id]!]);
}

/** Takes in what `listDeliveries` gave. */
export function restoreDeliveries(list: readonly number[]): Deliveries {
  const deliveries = createDeliveries();
  for (let i = 0; i < list.length; i += 3) remember(deliveries, list[i]!, list[i + 1]!, list[i + 2]!);
  deliveries.limit = list.length / 3;
  return deliveries;
}

function isKnown({ taken, limit, takenAt }: Deliveries, packetId: number): boolean {
  const at = packetId < takenAt.length ? takenAt[packetId]! : 0;
  return at > 0 && taken - at < limit;
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
  deliveries.takenAt = new Float64Array(Math.min(size, PACKET_IDS));
  deliveries.high = new Int32Array(deliveries.takenAt.length);
  deliveries.low = new Int32Array(deliveries.takenAt.length);
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
