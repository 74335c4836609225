import type { Detector } from '../model/detector.ts';
import { finite } from '../model/finite.ts';

/** Change of the field since the previous reading; undefined for the first reading. */
export const delta: Detector<{ value?: number }> = {
  create: () => ({}),
  next(state, value) {
    const before = state.value;
    state.value = value as number;
    return before === undefined ? undefined : finite((value as number) - before);
  },
};
