import type { Detector } from '../model/detector.ts';

/** Number of readings in a row, this one included, that meet a condition; 0 if this one does not. */
export const inARow: Detector<{ n: number }> = {
  create: () => ({ n: 0 }),
  next(state, met) {
    state.n = met === true ? state.n + 1 : 0;
    return state.n;
  },
};
