import type { FieldValue } from '../model/field.ts';

const bits = new DataView(new ArrayBuffer(8));

/**
 * A hash of 53 bits, as a whole number. Equal values have equal hashes (0 and -0 are equal), on any machine. Two different values have equal
 * hashes with a probability of 1 in 9 × 10^15.
 */
export function fingerprintOfValue(value: FieldValue): number {
  let high: number;
  let low: number;
  if (typeof value === 'string') {
    high = 0x2545f491;
    low = value.length;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      high = Math.imul(high ^ code, 0x9e3779b1);
      high ^= high >>> 15;
      low = Math.imul(low ^ code, 0x85ebca77);
      low ^= low >>> 13;
    }
  } else {
    // Adding 0 turns -0 into 0.
    bits.setFloat64(0, Number(value) + 0);
    high = bits.getInt32(0);
    low = bits.getInt32(4);
  }
  const mixed = mix(high ^ mix(low ^ 0x9e3779b9));
  const other = mix(low ^ mix(high ^ 0x7f4a7c15));
  return (mixed >>> 11) * 0x1_0000_0000 + (other >>> 0);
}

/** Every bit of the result depends on every bit of the input (the finalizer of MurmurHash3, Appleby 2011). */
function mix(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
