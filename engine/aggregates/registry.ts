import type { Aggregate } from './aggregate.ts';
import { count } from './count.ts';
import { first } from './first.ts';
import { last } from './last.ts';
import { max } from './max.ts';
import { mean } from './mean.ts';
import { min } from './min.ts';
import { range } from './range.ts';
import { stddev } from './stddev.ts';
import { sum } from './sum.ts';

/** The aggregates of the rule language, by the names that rule authors write. */
export type AggregateName = 'count' | 'sum' | 'mean' | 'min' | 'max' | 'range' | 'first' | 'last' | 'stddev';

/** Every aggregate; a new one is a file beside this one and a line here. */
export const aggregates = { count, sum, mean, min, max, range, first, last, stddev } satisfies Record<
  AggregateName,
  Aggregate
>;
