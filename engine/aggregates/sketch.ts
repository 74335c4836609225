/** Counts of adjacent buckets: bucket `offset + i` has `counts[i]` values. Empty before the first value. */
interface Buckets {
  offset: number;
  counts: number[];
}

/**
 * A DDSketch (Masson, Rim and Lee, VLDB 2019): counts of values by their order of magnitude. It depends only on the values, not on
 * their order or on how they were merged.
 */
export interface Sketch {
  n: number;
  min: number;
  max: number;
  zeros: number;
  readonly positive: Buckets;
  /** Buckets of the negative values, by their magnitude. */
  readonly negative: Buckets;
}

/**
 * ln γ: bucket i holds magnitudes in (γ^(i-1), γ^i]. An error of 1 % would allow 0.020; the difference is a margin for the rounding of
 * logarithms.
 */
const LN_GAMMA = 0.0199;
/** The value of bucket i is this times γ^i: it has the same relative distance to both ends of the bucket. */
const MIDDLE = 2 / (1 + Math.exp(LN_GAMMA));

/**
 * The largest number of buckets per sign. Together they cover magnitudes in a ratio of 4 × 10^17. Smaller magnitudes are counted in the lowest
 * bucket, with an error of less than 3 × 10^-18 of the largest.
 */
export const MAX_BUCKETS = 2_048;

/** A sketch without values. */
export function createSketch(): Sketch {
  const empty = (): Buckets => ({ offset: 0, counts: [] });
  return { n: 0, min: 0, max: 0, zeros: 0, positive: empty(), negative: empty() };
}

/** Adds a finite value. */
export function addToSketch(into: Sketch, value: number): void {
  if (into.n === 0 || value < into.min) into.min = value;
  if (into.n === 0 || value > into.max) into.max = value;
  into.n += 1;
  if (value === 0) into.zeros += 1;
  else if (value > 0) addToBucket(into.positive, Math.ceil(Math.log(value) / LN_GAMMA), 1);
  else addToBucket(into.negative, Math.ceil(Math.log(-value) / LN_GAMMA), 1);
}

/** Merges `from` into `into`. The two share no objects. */
export function mergeSketch(into: Sketch, from: Sketch): void {
  if (from.n === 0) return;
  if (into.n === 0 || from.min < into.min) into.min = from.min;
  if (into.n === 0 || from.max > into.max) into.max = from.max;
  into.n += from.n;
  into.zeros += from.zeros;
  mergeBuckets(into.positive, from.positive);
  mergeBuckets(into.negative, from.negative);
}

/**
 * The value at a rank: 0 is the smallest and n - 1 the largest. These two are exact, the others within 1 %.
 * Values that are negligible compared to the largest have the error of `MAX_BUCKETS`.
 */
export function valueAt(sketch: Sketch, rank: number): number {
  if (rank <= 0) return sketch.min;
  if (rank >= sketch.n - 1) return sketch.max;
  const { negative, zeros, positive, min, max } = sketch;
  let left = rank;
  for (let i = negative.counts.length - 1; i >= 0; i--) {
    left -= negative.counts[i]!;
    if (left < 0) return clamp(-magnitude(negative.offset + i), min, max);
  }
  left -= zeros;
  if (left < 0) return 0;
  for (let i = 0; i < positive.counts.length; i++) {
    left -= positive.counts[i]!;
    if (left < 0) return clamp(magnitude(positive.offset + i), min, max);
  }
  return max;
}

const magnitude = (bucket: number): number => MIDDLE * Math.exp(bucket * LN_GAMMA);
const clamp = (value: number, min: number, max: number): number => Math.min(Math.max(value, min), max);

function mergeBuckets(into: Buckets, from: Buckets): void {
  if (from.counts.length === 0) return;
  if (into.counts.length === 0) {
    into.offset = from.offset;
    into.counts = from.counts.slice();
    return;
  }
  // Once for each end, because each call costs as much as there are buckets.
  spanTo(into, from.offset + from.counts.length - 1);
  spanTo(into, from.offset);
  for (let i = 0; i < from.counts.length; i++)
    into.counts[Math.max(from.offset + i - into.offset, 0)]! += from.counts[i]!;
}

function addToBucket(into: Buckets, bucket: number, n: number): void {
  const { counts } = into;
  let at = bucket - into.offset;
  if (at >= counts.length || (at < 0 && counts.length < MAX_BUCKETS)) {
    spanTo(into, bucket);
    at = bucket - into.offset;
  }
  into.counts[Math.max(at, 0)]! += n;
}

/** Extends the buckets to one more. If they would be too many, the lowest buckets are merged. */
function spanTo(into: Buckets, bucket: number): void {
  const { offset, counts } = into;
  const isEmpty = counts.length === 0;
  const high = isEmpty ? bucket : Math.max(bucket, offset + counts.length - 1);
  const low = Math.max(isEmpty ? bucket : Math.min(bucket, offset), high - MAX_BUCKETS + 1);
  if (low === offset && high === offset + counts.length - 1) return;
  const spanned = new Array<number>(high - low + 1).fill(0);
  for (let i = 0; i < counts.length; i++) spanned[Math.max(offset + i - low, 0)]! += counts[i]!;
  into.offset = low;
  into.counts = spanned;
}
