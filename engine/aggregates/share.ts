import type { Aggregate, AggregateKind } from '../model/aggregate.ts';

/** The number of readings, and of readings that met the condition. */
export interface Share {
  n: number;
  met: number;
}

const aggregate: Aggregate<Share> = {
  create: () => ({ n: 0, met: 0 }),
  add(into, met) {
    into.n += 1;
    if (met === true) into.met += 1;
  },
  merge(into, from) {
    into.n += from.n;
    into.met += from.met;
  },
  result: (of) => (of.n === 0 ? undefined : of.met / of.n),
};

/** `{ "share": { "all": [ … ] } }`: the share, from 0 to 1, of the window's readings that meet a condition; undefined if there are no readings. */
export const share: AggregateKind = { source: 'condition', accepts: [], create: () => aggregate };
