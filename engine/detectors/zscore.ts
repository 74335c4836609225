import type { Detector } from '../model/detector.ts';
import { finite } from '../model/finite.ts';
import { fade } from './ewma.ts';

/** Exponentially weighted moments of the values so far, with the weights at `time`. */
interface WeightedMoments {
  /** Number of values since the last restart, at most `WARM_UP`. */
  n: number;
  weight: number;
  /** Sum over all pairs of values of twice the product of their weights. It is (Σw)² − Σw², without the cancellation. */
  pairs: number;
  /** The first value. The mean is relative to it, so that it keeps its digits if all values are large. */
  origin: number;
  mean: number;
  /** Weighted sum of squared deviations. */
  m2: number;
  time: number;
}

/** The number of values that it needs before it gives a fact. */
const WARM_UP = 10;
/**
 * After this number of half-lives, earlier values have less than a thousandth of the weight. A few new values would then be compared only with
 * each other, so the detector restarts.
 */
const FORGOTTEN_AFTER = 10;

/**
 * The distance of the field from its mean, in standard deviations. Both are exponentially weighted (a reading has the weight
 * 2^(-age / half-life)) and do not include the current reading, so that an outlier does not hide itself. Undefined for the first ten
 * readings, for the first ten after a gap of ten half-lives, and while all previous readings are equal.
 * Mean and deviation are those of pandas' `ewm(halflife, times)`, `bias=False`; updated in place as in Finch, "Incremental
 * calculation of weighted mean and variance", 2009, so that a large offset does not hide the deviations.
 */
export function zscore(halfLifeMs: number): Detector<WeightedMoments> {
  return {
    create: () => ({ n: 0, weight: 0, pairs: 0, origin: 0, mean: 0, m2: 0, time: 0 }),
    next(state, value, time) {
      if (time - state.time > halfLifeMs * FORGOTTEN_AFTER) restart(state);
      const score = state.n < WARM_UP ? undefined : scoreOf(state, value as number);
      add(state, value as number, state.n === 0 ? 0 : fade(time - state.time, halfLifeMs));
      state.time = time;
      return score;
    },
  };
}

function scoreOf({ weight, pairs, origin, mean, m2 }: WeightedMoments, value: number): number | undefined {
  return m2 === 0 ? undefined : finite((value - origin - mean) / Math.sqrt((m2 * weight) / pairs));
}

function restart(state: WeightedMoments): void {
  state.n = state.weight = state.pairs = state.mean = state.m2 = 0;
}

function add(state: WeightedMoments, value: number, fading: number): void {
  const before = state.weight * fading;
  if (state.n === 0) state.origin = value;
  const delta = value - state.origin - state.mean;
  const m2 = state.m2 * fading + (delta * delta * before) / (before + 1);
  // The square overflows. The detector restarts with the later value.
  if (!Number.isFinite(m2)) {
    restart(state);
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
