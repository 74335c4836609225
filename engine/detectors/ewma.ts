import type { Detector } from '../model/detector.ts';

/** A weighted mean, the sum of the weights in it, and the instant for which they hold. */
interface WeightedMean {
  weight: number;
  mean: number;
  time: number;
}

/** What is left of a weight of 1 after some time: half of it after each half-life. */
export function fade(elapsedMs: number, halfLifeMs: number): number {
  return 2 ** (-elapsedMs / halfLifeMs);
}

/**
 * Exponentially weighted mean of the field: a reading weighs 2^(-age / half-life), so that readings may come at any distance.
 * The reading itself is in it, with weight 1; for the first it is its value. The same as `ewm(halflife, times).mean()` of pandas;
 * updated in place as in Finch, "Incremental calculation of weighted mean and variance", 2009.
 */
export function ewma(halfLifeMs: number): Detector<WeightedMean> {
  return {
    create: () => ({ weight: 0, mean: 0, time: 0 }),
    next(state, value, time) {
      state.weight = state.weight === 0 ? 1 : state.weight * fade(time - state.time, halfLifeMs) + 1;
      const mean = state.mean + ((value as number) - state.mean) / state.weight;
      // Values at both ends of what a number can hold have no difference; the mean begins anew with the later one.
      state.mean = Number.isFinite(mean) ? mean : (value as number);
      state.time = time;
      return state.mean;
    },
  };
}
