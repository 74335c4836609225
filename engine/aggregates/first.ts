import type { Aggregate } from '../model/aggregate.ts';
import type { FieldValue } from '../model/field.ts';

/** A value and its event time. `value` is absent before the first value. */
export interface Stamped {
  time: number;
  value?: FieldValue;
}

/** Value of the field in the earliest reading by event time; of equal stamps, the one that arrived first. */
export const first: Aggregate<Stamped> = {
  create: () => ({ time: 0 }),
  add(into, value, time) {
    if (into.value !== undefined && into.time <= time) return;
    into.value = value;
    into.time = time;
  },
  merge(into, from) {
    if (from.value !== undefined) first.add(into, from.value, from.time);
  },
  result: (of) => of.value,
};
