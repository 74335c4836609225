import type { Aggregate } from '../model/aggregate.ts';
import type { Stamped } from './first.ts';

/** Value of the field in the latest reading by event time; of equal stamps, the one that arrived last. */
export const last: Aggregate<Stamped> = {
  create: () => ({ time: 0 }),
  add(into, value, time) {
    if (into.value !== undefined && into.time > time) return;
    into.value = value;
    into.time = time;
  },
  merge(into, from) {
    if (from.value !== undefined) last.add(into, from.value, from.time);
  },
  result: (of) => of.value,
};
