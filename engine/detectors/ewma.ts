import type { Detector } from '../model/detector.ts';

/** A weighted mean, the sum of the weights in it, and the instant for which they hold. */
interface WeightedMean {
  weight: number;
  mean: number;
  time: number;
}

/** A weight of 1 after some time: it halves with each half-life. */
export function fade(elapsedMs: number, halfLifeMs: number): number {
  return 2 ** (-elapsedMs / halfLifeMs);
}

/**
 * Exponentially weighted mean of the field: a reading has the weight 2^(-age / half-life), so readings may have any distance in time. The
 * current reading is included with weight 1; the mean of the first reading is its value. It is the same as `ewm(halflife, times).mean()` of
 * pandas; updated in place as in Finch, "Incremental calculation of weighted mean and variance", 2009.
 */
export function ewma(halfLifeMs: number): Detector<WeightedMean> {
  return {
    create: () => ({ weight: 0, mean: 0, time: 0 }),
    next(state, value, time) {
      state.weight = state.weight === 0 ? 1 : state.weight * fade(time - state.time, halfLifeMs) + 1;
      const mean = state.mean + ((value as number) - state.mean) / state.weight;
      // The difference of two extreme values may overflow. The mean then restarts with the later value.
      state.mean = Number.isFinite(mean) ? mean : (value as number);
      state.time = time;
      return state.mean;
    },
  };
}
