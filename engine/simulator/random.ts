/** A seeded sequence of pseudo-random numbers. Every draw uses a fixed number of steps. */
export interface Random {
  /** Uniform in [0, 1), with a resolution of 32 bits. */
  next(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /** Bell-shaped, with mean 0, variance 1 and bounds ±3: the sum of three uniform numbers (Irwin–Hall). */
  bell(): number;
}

/** Number of rounds after which every output bit depends on every bit of the seed; PractRand uses it for 96-bit seeds. */
const WARM_UP_ROUNDS = 15;

/**
 * Creates the sequence of a seed and a stream number. Each pair has a different sequence, because the initial state contains both
 * completely and a round is a bijection. Seeds are integers in [0, 2^53), streams in [0, 2^32).
 * Method: sfc32 ("small fast counter") by Chris Doty-Humphrey, PractRand 0.93, with its counter starting at 1.
 */
export function createRandom(seed: number, stream: number): Random {
  let a = seed | 0;
  let b = Math.floor(seed / 0x1_0000_0000) | 0;
  let c = stream | 0;
  let counter = 1;

  function round(): number {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  for (let i = 0; i < WARM_UP_ROUNDS; i += 1) round();
  const next = () => round() / 0x1_0000_0000;
  return {
    next,
    between: (low, high) => low + (high - low) * next(),
    bell: () => (next() + next() + next() - 1.5) * 2,
  };
}
