import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hashBytes, hashTopic, identify } from '../../engine/decode/identity.ts';

function identity(topic: string, payload: Uint8Array, index = 0): string {
  const hash = { high: 0, low: 0 };
  hashBytes(hashTopic(topic), payload, hash);
  identify(hash, index, hash);
  return `${hash.high.toString(16)}:${hash.low.toString(16)}`;
}

test('keeps its value from version to version, since rows of the past carry it', () => {
  expect(identity('plant/a/b', Buffer.from('{"temp":21.5}'))).toBe('2932c894:77c176d4');
  expect(identity('', new Uint8Array())).toBe('9ef64634:6e71694e');
});

test('is two unsigned 32-bit halves, the same for the same input wherever its bytes lie', () => {
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

test('is all different over many similar messages, and in each half about as often equal as chance has it', () => {
  const count = 100_000;
  const [whole, high, low] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (let i = 0; i < count; i++) {
    const id = identity('t', Buffer.from(`{"temp":${i}}`), i % 3);
    whole.add(id);
    high.add(id.split(':')[0]!);
    low.add(id.split(':')[1]!);
  }
  expect(whole.size).toBe(count);
  // Chance gives n²/2³³, that is 1.2 pairs.
  expect(count - high.size).toBeLessThan(12);
  expect(count - low.size).toBeLessThan(12);
});
