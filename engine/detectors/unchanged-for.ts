import type { Detector } from '../model/detector.ts';
import type { FieldValue } from '../model/field.ts';

/** Seconds since the field last changed, which is since the first reading in a row with this value; 0 for the first reading and at each change. */
export const unchangedFor: Detector<{ value?: FieldValue; since: number }> = {
  create: () => ({ since: 0 }),
  next(state, value, time) {
    if (state.value !== value) {
      state.value = value;
      state.since = time;
    }
    return (time - state.since) / 1_000;
  },
};
