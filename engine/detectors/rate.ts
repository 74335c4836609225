import type { Detector } from '../model/detector.ts';
import { finite } from '../model/finite.ts';

/** Change of the field since the previous reading, per unit of time; undefined for the first reading, and between readings of one instant. */
export function rate(perMs: number): Detector<{ value?: number; time: number }> {
  return {
    create: () => ({ time: 0 }),
    next(state, value, time) {
      const before = state.value;
      const elapsedMs = time - state.time;
      state.value = value as number;
      state.time = time;
      return before === undefined ? undefined : finite((((value as number) - before) / elapsedMs) * perMs);
    },
  };
}
