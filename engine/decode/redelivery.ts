import type { MessageRecord } from '../model/record.ts';
import { type Hash, hashBytes } from './identity.ts';

/** The last messages of one broker connection that had to be acknowledged: packet id → hash of topic and payload, the latest last. */
export type Deliveries = Map<number, Readonly<Hash>>;

/**
 * Whether a message has been delivered before: the broker says that it may have been (DUP), and the last message that came by its packet
 * id had the same topic and payload. A broker repeats what it has no acknowledgement for, by the same packet id (MQTT 5.0, section 4.4);
 * that is among the last `limit` messages, the most that it may have under way.
 *
 * Takes the message in, and remembers up to twice as many. Wrong only where a broker uses a packet id again, within those, for a message that is equal to the byte
 * and was lost on its first way. Messages of QoS 0 have no packet id and are never repeated.
 */
export function isRedelivery(deliveries: Deliveries, record: MessageRecord, limit: number): boolean {
  const { packetId, dup, topic, payload } = record;
  if (packetId === 0) return false;
  const before = deliveries.get(packetId);
  const hash: Hash = { high: 0, low: 0 };
  hashBytes(seedOf(topic), payload, hash);
  if (dup && before !== undefined && before.high === hash.high && before.low === hash.low) return true;
  if (before !== undefined) deliveries.delete(packetId);
  deliveries.set(packetId, hash);
  if (deliveries.size >= 2 * limit) forget(deliveries, limit);
  return false;
}

/** Leaves the last `limit`. Many at once: to find the oldest of a Map takes as long as all that were deleted before it. */
function forget(deliveries: Deliveries, limit: number): void {
  for (const packetId of deliveries.keys()) {
    if (deliveries.size <= limit) return;
    deliveries.delete(packetId);
  }
}

/** Written by each call and read within it. */
const seed: Hash = { high: 0, low: 0 };

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
