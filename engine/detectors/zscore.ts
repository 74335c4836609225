import type { Detector } from '../model/detector.ts';
import { finite } from '../model/finite.ts';
import { fade } from './ewma.ts';

/** Exponentially weighted moments of the values so far, the weights as they are at `time`. */
interface WeightedMoments {
  /** Values since it began. */
  n: number;
  weight: number;
  /** Sum over all pairs of values of twice the product of their weights: (Σw)² − Σw², without its cancellation. */
  pairs: number;
  /** The first value; the mean is what the others are above it, so that it has digits left where all are large. */
  origin: number;
  mean: number;
  /** Weighted sum of squared deviations. */
  m2: number;
  time: number;
}

/** Values that it wants to have seen before it judges. */
const WARM_UP = 10;
/** After so many half-lives what was before weighs less than a thousandth, and a handful of new values would be judged by each other. */
const FORGOTTEN_AFTER = 10;

/**
 * By how many standard deviations the field is away from its mean so far, both exponentially weighted (a reading weighs
 * 2^(-age / half-life)) and of the readings before this one, so that an outlier does not hide itself. Undefined for the first ten
 * readings, for the first ten after a gap of ten half-lives, and while the readings before do not differ.
 * Mean and deviation are those of pandas' `ewm(halflife, times)`, `bias=False`; updated in place as in Finch, "Incremental
 * calculation of weighted mean and variance", 2009, so that a large offset does not swallow the deviations.
 */
export function zscore(halfLifeMs: number): Detector<WeightedMoments> {
  return {
    create: () => ({ n: 0, weight: 0, pairs: 0, origin: 0, mean: 0, m2: 0, time: 0 }),
    next(state, value, time) {
      if (time - state.time > halfLifeMs * FORGOTTEN_AFTER) begin(state);
      const score = state.n < WARM_UP ? undefined : scoreOf(state, value as number);
      take(state, value as number, state.n === 0 ? 0 : fade(time - state.time, halfLifeMs));
      state.time = time;
      return score;
    },
  };
}

function scoreOf({ weight, pairs, origin, mean, m2 }: WeightedMoments, value: number): number | undefined {
  return m2 === 0 ? undefined : finite((value - origin - mean) / Math.sqrt((m2 * weight) / pairs));
}

function begin(state: WeightedMoments): void {
  state.n = state.weight = state.pairs = state.mean = state.m2 = 0;
}

function take(state: WeightedMoments, value: number, fading: number): void {
  const before = state.weight * fading;
  if (state.n === 0) state.origin = value;
  const delta = value - state.origin - state.mean;
  const m2 = state.m2 * fading + (delta * delta * before) / (before + 1);
  // A square that no number can hold: it begins anew with the later value.
  if (!Number.isFinite(m2)) {
    begin(state);
    state.n = state.weight = 1;
    state.origin = value;
    return;
  }
  state.n = Math.min(state.n + 1, WARM_UP);
  state.weight = before + 1;
  state.pairs = state.pairs * fading * fading + 2 * before;
  state.mean += delta / state.weight;
  state.m2 = m2;
}
