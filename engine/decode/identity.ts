/** A 64-bit value in two signed or unsigned 32-bit halves. It is written in place, so that no object is created for each reading. */
export interface Hash {
  high: number;
  low: number;
}

const C1 = 0x239b961b;
const C2 = 0xab0e9789 | 0;

/** The hash state after a topic. It is computed once per topic, because topics repeat. */
export function hashTopic(topic: string): Hash {
  const seed: Hash = { high: 0x5765_6972, low: topic.length };
  hashBytes(seed, Buffer.from(topic), seed);
  return seed;
}

/**
 * Writes the hash of topic and payload (or of the first `length` bytes of the payload) to `out`. `seed` is the result of `hashTopic`.
 *
 * Method: MurmurHash3_x86_128 (Austin Appleby, 2011) with two of its four lanes. Each round reads eight bytes, four for each lane, and
 * adds one lane to the other, so that every byte changes all 64 bits. It does not protect against forgery: a sender can send any reading anyway.
 */
export function hashBytes(seed: Readonly<Hash>, bytes: Uint8Array, out: Hash, length = bytes.length): void {
  let high = seed.high | 0;
  let low = seed.low | 0;
  const whole = length & ~7;
  let i = 0;
  for (; i < whole; i += 8) {
    const a = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    const b = bytes[i + 4]! | (bytes[i + 5]! << 8) | (bytes[i + 6]! << 16) | (bytes[i + 7]! << 24);
    high ^= scramble(a, C1, C2, 15);
    high = (Math.imul(((high << 19) | (high >>> 13)) + low, 5) + 0x561ccd1b) | 0;
    low ^= scramble(b, C2, C1, 16);
    low = (Math.imul(((low << 17) | (low >>> 15)) + high, 5) + 0x0bcaa747) | 0;
  }
  let a = 0;
  let b = 0;
  for (let shift = 0; i < length; i++, shift += 8) {
    if (shift < 32) a |= bytes[i]! << shift;
    else b |= bytes[i]! << (shift - 32);
  }
  out.high = (high ^ scramble(a, C1, C2, 15)) | 0;
  out.low = (low ^ scramble(b, C2, C1, 16) ^ length) | 0;
}

function scramble(word: number, first: number, second: number, turn: number): number {
  const product = Math.imul(word, first);
  return Math.imul((product << turn) | (product >>> (32 - turn)), second);
}

/**
 * Writes the identity of a reading with a sequence number to `out`, as unsigned halves. It is computed from stream (`seed` is `hashTopic` of
 * its name), device, number and stamp, and not from the bytes. So it does not depend on the topic, broker or form of the message.
 * The stamp (milliseconds, as the device sent it) distinguishes readings with the same number after the device's counter restarts or wraps.
 */
export function identifyNumbered(seed: Readonly<Hash>, device: string, number: number, stamp: number, out: Hash): void {
  scratch.writeDoubleLE(number, 0);
  scratch.writeDoubleLE(stamp, 8);
  hashBytes(seed, scratch, out, 16 + scratch.write(device, 16));
  identify(out, 0, out);
}

/** Room for two numbers and the UTF-8 of the longest device id. */
const scratch = Buffer.allocUnsafe(16 + 3 * 256);

/**
 * Writes the identity of the reading at `index` of a message to `out`, as unsigned halves. `message` is the result of `hashBytes`.
 * For one message it is a bijection of the index, so its readings never share an identity. A redelivered message gives the same
 * identities; so do two messages with equal topic and bytes.
 */
export function identify(message: Readonly<Hash>, index: number, out: Hash): void {
  let high = message.high ^ index;
  let low = message.low;
  high = (high + low) | 0;
  low = (low + high) | 0;
  high = finish(high);
  low = finish(low);
  high = (high + low) | 0;
  low = (low + high) | 0;
  out.high = high >>> 0;
  out.low = low >>> 0;
}

/** MurmurHash3's finalizer: every bit of the input flips every bit of the output with a probability of one half. */
function finish(word: number): number {
  let mixed = word ^ (word >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
