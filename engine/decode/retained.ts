import type { Reading } from '../model/reading.ts';
import type { MessageRecord } from '../model/record.ts';
import { hashBytes, hashTopic } from './identity.ts';

/** Prints of the retained messages that new subscriptions have brought by one broker connection, the latest last. */
export type Brought = Set<number>;

/** A print takes some 50 bytes of memory. */
const MOST = 250_000;
const PRINT_BYTES = 8;

/**
 * Whether a retained message, to the byte, was brought before: with MQTT 3.1.1 all of them come again with every connection. Takes it in.
 * Of more than 250,000 different ones the oldest are forgotten.
 */
export function isBroughtAgain(brought: Brought, { topic, payload }: MessageRecord): boolean {
  const hash = hashTopic(topic);
  hashBytes(hash, payload, hash);
  const print = (hash.high >>> 0) * 2_097_152 + (hash.low >>> 11);
  const again = brought.delete(print);
  brought.add(print);
  if (brought.size > MOST) brought.delete(brought.values().next().value!);
  return again;
}

/** The newest stamp that each device has sent while we listened, as the device wrote it; milliseconds since the epoch. */
export type Newest = Map<string, number>;

/** Takes in a reading that its device has just sent: not a retained one. */
export function noteSent(newest: Newest, { device, time, stamp = time }: Reading): void {
  const known = newest.get(device);
  if (known === undefined || stamp > known) newest.set(device, stamp);
}

/** Whether a retained reading is no newer than the newest that its device has sent. */
export function isOutdated(newest: Newest, { device, time }: Reading): boolean {
  const known = newest.get(device);
  return known !== undefined && time <= known;
}

/** As base64 of 64-bit floats. */
export function packBrought(brought: Brought): string {
  const bytes = Buffer.alloc(brought.size * PRINT_BYTES);
  let at = 0;
  for (const print of brought) at = bytes.writeDoubleLE(print, at);
  return bytes.toString('base64');
}

/** Takes in what `packBrought` gave. */
export function unpackBrought(packed: string): Brought {
  const bytes = Buffer.from(packed, 'base64');
  const brought: Brought = new Set();
  for (let at = 0; at < bytes.length; at += PRINT_BYTES) brought.add(bytes.readDoubleLE(at));
  return brought;
}
