import type { Detector } from '../model/detector.ts';

/** Seconds since the previous reading; undefined for the first reading. */
export const silentFor: Detector<{ time?: number }> = {
  create: () => ({}),
  next(state, _value, time) {
    const before = state.time;
    state.time = time;
    return before === undefined ? undefined : (time - before) / 1_000;
  },
};
