import type { Reading } from '../model/reading.ts';
import type { MessageRecord } from '../model/record.ts';
import { hashBytes, hashTopic } from './identity.ts';

/** Fingerprints of the retained messages that new subscriptions of one broker connection have delivered, the latest last. */
export type RetainedSeen = Set<number>;

/** The largest number of fingerprints. Each takes about 50 bytes of memory. */
const MOST = 250_000;
const FINGERPRINT_BYTES = 8;

/**
 * Whether a retained message with the same topic and bytes was delivered before, and remembers it. With MQTT 3.1.1, every connection delivers
 * all retained messages again. Only the latest 250,000 different messages are remembered.
 */
export function isRetainedDuplicate(brought: RetainedSeen, { topic, payload }: MessageRecord): boolean {
  const hash = hashTopic(topic);
  hashBytes(hash, payload, hash);
  const fingerprint = (hash.high >>> 0) * 2_097_152 + (hash.low >>> 11);
  const again = brought.delete(fingerprint);
  brought.add(fingerprint);
  if (brought.size > MOST) brought.delete(brought.values().next().value!);
  return again;
}

/** A device, with the newest stamp that it has sent while Weir was subscribed, as the device wrote it; milliseconds since the epoch, -1 for none. */
export interface Stamped {
  newestSent: number;
}

/** Remembers the stamp of a reading that its device has just sent. Do not call it for retained readings. */
export function rememberStamp(device: Stamped, { time, stamp = time }: Reading): void {
  if (stamp > device.newestSent) device.newestSent = stamp;
}

/** Whether a retained reading is not newer than the newest stamp of its device. */
export function isOutdated({ newestSent }: Stamped, { time }: Reading): boolean {
  return newestSent >= 0 && time <= newestSent;
}

/** The fingerprints as base64 of 64-bit floats. */
export function packRetained(brought: RetainedSeen): string {
  const bytes = Buffer.alloc(brought.size * FINGERPRINT_BYTES);
  let at = 0;
  for (const fingerprint of brought) at = bytes.writeDoubleLE(fingerprint, at);
  return bytes.toString('base64');
}

/** Restores what `packRetained` returned. */
export function unpackRetained(packed: string): RetainedSeen {
  const bytes = Buffer.from(packed, 'base64');
  const brought: RetainedSeen = new Set();
  for (let at = 0; at < bytes.length; at += FINGERPRINT_BYTES) brought.add(bytes.readDoubleLE(at));
  return brought;
}
