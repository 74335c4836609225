import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashBytes, hashTopic, identify, identifyNumbered } from '../../engine/decode/identity.ts';

function identity(topic: string, payload: Uint8Array, index = 0): string {
  const hash = { high: 0, low: 0 };
  hashBytes(hashTopic(topic), payload, hash);
  identify(hash, index, hash);
  return `${hash.high.toString(16)}:${hash.low.toString(16)}`;
}

test('keeps its value in later versions, because stored rows have it', () => {
  expect(identity('plant/a/b', Buffer.from('{"temp":21.5}'))).toBe('2932c894:77c176d4');
  expect(identity('', new Uint8Array())).toBe('9ef64634:6e71694e');
});

test('is two unsigned 32-bit halves, the same for the same input at any memory address', () => {
  fc.assert(
    fc.property(fc.string(), fc.uint8Array(), fc.nat(), (topic, payload, index) => {
      const shifted = new Uint8Array(payload.length + 3);
      shifted.set(payload, 3);
      expect(identity(topic, shifted.subarray(3), index)).toBe(identity(topic, payload, index));
      expect(identity(topic, payload, index)).toMatch(/^[0-9a-f]{1,8}:[0-9a-f]{1,8}$/);
    }),
  );
});

test('changes in both halves with every bit of payload, topic and index', () => {
  const payload = Buffer.from('{"temp":21.5,"ok":1}');
  const [high, low] = identity('t', payload).split(':');
  const others = [
    identity('u', payload),
    identity('t', payload, 1),
    identity('t', Buffer.concat([payload, Buffer.of(0)])),
  ];
  for (let bit = 0; bit < payload.length * 8; bit++) {
    const flipped = Buffer.from(payload);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    others.push(identity('t', flipped));
  }
  expect(new Set(others).size).toBe(others.length);
  for (const other of others) {
    expect(other.split(':')[0]).not.toBe(high);
    expect(other.split(':')[1]).not.toBe(low);
  }
});

test('does not confuse the end of the topic with the beginning of the payload', () => {
  expect(identity('ab', Buffer.from('c'))).not.toBe(identity('a', Buffer.from('bc')));
});

test('is different for many similar messages, and each half is equal about as often as by chance', () => {
  const count = 100_000;
  const [whole, high, low] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (let i = 0; i < count; i++) {
    const id = identity('t', Buffer.from(`{"temp":${i}}`), i % 3);
    whole.add(id);
    high.add(id.split(':')[0]!);
    low.add(id.split(':')[1]!);
  }
  expect(whole.size).toBe(count);
  // By chance there are n²/2³³ = 1.2 pairs.
  expect(count - high.size).toBeLessThan(12);
  expect(count - low.size).toBeLessThan(12);
});

function numbered(device: string, number: number, stamp: number, stream = 'sensors'): string {
  const hash = { high: 0, low: 0 };
  identifyNumbered(hashTopic(stream), device, number, stamp, hash);
  return `${hash.high.toString(16)}:${hash.low.toString(16)}`;
}

test('of a numbered reading keeps its value in later versions, too', () => {
  expect(numbered('dev-1', 7, 1_767_268_800_000)).toBe('f84d9899:35f6aead');
});

test('of a numbered reading is different for all devices, numbers and stamps, and each half is equal about as often as by chance', () => {
  const [whole, high, low] = [new Set<string>(), new Set<string>(), new Set<string>()];
  let count = 0;
  for (const device of ['dev-1', 'dev-2', 'dév', 'x'.repeat(256), '漢'.repeat(256)]) {
    for (const stamp of [0, 1e12, 1e12 + 0.001, 1e12 + 1]) {
      for (let i = 0; i < 5_000; i++, count++) {
        const id = numbered(device, i < 4_900 ? i : 2 ** 53 - 1 - i, stamp);
        whole.add(id);
        high.add(id.split(':')[0]!);
        low.add(id.split(':')[1]!);
      }
    }
  }
  expect(whole.size).toBe(count);
  // By chance, as above.
  expect(count - high.size).toBeLessThan(12);
  expect(count - low.size).toBeLessThan(12);
});

test('of a numbered reading changes in half of its bits with every bit of its number', () => {
  const bitsOf = (id: string) => id.split(':').map((half) => Number.parseInt(half, 16));
  let flipped = 0;
  for (let bit = 0; bit < 53; bit++) {
    const one = bitsOf(numbered('d', 2 ** bit, 1e12));
    const other = bitsOf(numbered('d', 0, 1e12));
    for (let i = 0; i < 2; i++) flipped += (one[i]! ^ other[i]!).toString(2).replaceAll(/[^1]/g, '').length;
  }
  expect(flipped / (53 * 64)).toBeGreaterThan(0.4);
  expect(flipped / (53 * 64)).toBeLessThan(0.6);
});

test('of a numbered reading differs from stream to stream', () => {
  expect(numbered('d', 1, 2, 'meters')).not.toBe(numbered('d', 1, 2));
});
