import type { Detector } from '../model/detector.ts';
import type { FieldValue } from '../model/field.ts';

/** Value of the field in the reading before; undefined for the first. */
export const previous: Detector<{ value?: FieldValue }> = {
  create: () => ({}),
  next(state, value) {
    const before = state.value;
    state.value = value;
    return before;
  },
};
