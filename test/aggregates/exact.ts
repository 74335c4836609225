/** A rational number, for references without rounding errors. */
interface Ratio {
  readonly above: bigint;
  readonly below: bigint;
}

/** The exact fraction of a double. */
function ratioOf(value: number): Ratio {
  let below = 1n;
  let scaled = value;
  // Doubling is exact, so this ends at an integer for every finite double.
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    below *= 2n;
  }
  return { above: BigInt(scaled), below };
}

function add(a: Ratio, b: Ratio): Ratio {
  return { above: a.above * b.below + b.above * a.below, below: a.below * b.below };
}

/** The double nearest to a fraction, up to its last bit. */
function numberOf({ above, below }: Ratio): number {
  const negative = above < 0n;
  const size = negative ? -above : above;
  const bits = size.toString(2).length - below.toString(2).length;
  const shift = 80 - bits;
  const quotient = shift >= 0 ? (size << BigInt(shift)) / below : size / (below << BigInt(-shift));
  const value = Number(quotient) * 2 ** -shift;
  return negative ? -value : value;
}

const sumOf = (values: readonly number[]): Ratio => values.map(ratioOf).reduce(add, { above: 0n, below: 1n });

/** Sum without intermediate rounding. */
export function exactSum(values: readonly number[]): number {
  return numberOf(sumOf(values));
}

export function exactMean(values: readonly number[]): number {
  const { above, below } = sumOf(values);
  return numberOf({ above, below: below * BigInt(values.length) });
}

/** Population standard deviation by its definition: the mean first, then the squares of the deviations from it. */
export function exactStddev(values: readonly number[]): number {
  const n = BigInt(values.length);
  const sum = sumOf(values);
  const mean = { above: -sum.above, below: sum.below * n };
  const squares = values
    .map((value) => add(ratioOf(value), mean))
    .map(({ above, below }) => ({ above: above * above, below: below * below }))
    .reduce(add, { above: 0n, below: 1n });
  return Math.sqrt(numberOf({ above: squares.above, below: squares.below * n }));
}
