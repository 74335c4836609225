import type { Detector } from '../model/detector.ts';
import type { FieldValue } from '../model/field.ts';

/** Value of the field in the previous reading; undefined for the first reading. */
export const previous: Detector<{ value?: FieldValue }> = {
  create: () => ({}),
  next(state, value) {
    const before = state.value;
    state.value = value;
    return before;
  },
};
