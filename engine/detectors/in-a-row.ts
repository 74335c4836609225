import type { Detector } from '../model/detector.ts';

/** Readings in a row, this one included, that meet a condition; 0 for one that does not. */
export const inARow: Detector<{ n: number }> = {
  create: () => ({ n: 0 }),
  next(state, met) {
    state.n = met === true ? state.n + 1 : 0;
    return state.n;
  },
};
