/** 2^12 registers: a standard error of 1.04 / √4096 = 1.6 %. */
const REGISTERS = 4_096;
/** Bits of a fingerprint beyond the 12 that choose the register. */
const RANK_BITS = 41;
/** Registers of 6 bits in one number, so that the number stays a small integer. */
const PER_WORD = 5;

/**
 * An empty HyperLogLog (Flajolet, Fusy, Gandouet and Meunier 2007) of `fingerprintOfValue` results, with its registers packed into small integers.
 * It depends only on the set of fingerprints, not on their order or on how it was merged.
 */
export function createRegisters(): number[] {
  return new Array<number>(Math.ceil(REGISTERS / PER_WORD)).fill(0);
}

/** Adds a fingerprint of 53 bits. */
export function addToRegisters(registers: number[], fingerprint: number): void {
  const low = fingerprint >>> 0;
  const high = (fingerprint - low) / 0x1_0000_0000;
  const rest = high & 0x1ff;
  // One more than the number of leading zeros in the remaining 9 + 32 bits.
  const rank = rest !== 0 ? Math.clz32(rest) - 22 : low !== 0 ? Math.clz32(low) + 10 : RANK_BITS + 1;
  const index = high >>> 9;
  raise(registers, Math.floor(index / PER_WORD), (index % PER_WORD) * 6, rank);
}

/** Merges `from` into `into`. */
export function mergeRegisters(into: number[], from: readonly number[]): void {
  for (let word = 0; word < from.length; word++) {
    for (let shift = 0; shift < PER_WORD * 6; shift += 6) raise(into, word, shift, (from[word]! >>> shift) & 63);
  }
}

function raise(registers: number[], word: number, shift: number, rank: number): void {
  const packed = registers[word]!;
  if (((packed >>> shift) & 63) < rank) registers[word] = (packed & ~(63 << shift)) | (rank << shift);
}

/**
 * Estimates the number of different fingerprints, with Ertl's improved estimator ("New cardinality estimation algorithms for HyperLogLog
 * sketches", 2017, algorithm 6). It needs no bias correction at any size.
 */
export function estimateRegisters(registers: readonly number[]): number {
  const counts = new Array<number>(RANK_BITS + 2).fill(0);
  for (const packed of registers) {
    for (let shift = 0; shift < PER_WORD * 6; shift += 6) counts[(packed >>> shift) & 63]! += 1;
  }
  // The last number has room for registers that do not exist.
  counts[0]! -= registers.length * PER_WORD - REGISTERS;
  let z = REGISTERS * tau(1 - counts[RANK_BITS + 1]! / REGISTERS);
  for (let rank = RANK_BITS; rank >= 1; rank--) z = (z + counts[rank]!) / 2;
  z += REGISTERS * sigma(counts[0]! / REGISTERS);
  return (REGISTERS * REGISTERS) / (2 * Math.LN2 * z);
}

/** x + Σ x^(2^k) · 2^(k-1), k from 1: the part of the empty registers. */
function sigma(x: number): number {
  if (x === 1) return Number.POSITIVE_INFINITY;
  let sum = x;
  let before = -1;
  for (let power = x * x, weight = 1; sum !== before; power *= power, weight *= 2) {
    before = sum;
    sum += power * weight;
  }
  return sum;
}

/** (1 - x - Σ (1 - x^(2^-k))² · 2^-k, k from 1) / 3: the part of the full registers. */
function tau(x: number): number {
  if (x === 0 || x === 1) return 0;
  let sum = 1 - x;
  let before = -1;
  for (let root = Math.sqrt(x), weight = 0.5; sum !== before; root = Math.sqrt(root), weight /= 2) {
    before = sum;
    sum -= (1 - root) ** 2 * weight;
  }
  return sum / 3;
}
