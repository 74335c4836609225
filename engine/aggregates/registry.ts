import type { Aggregate, AggregateKind } from '../model/aggregate.ts';
import { count } from './count.ts';
import { distinct } from './distinct.ts';
import { first } from './first.ts';
import { histogram } from './histogram.ts';
import { last } from './last.ts';
import { max } from './max.ts';
import { mean } from './mean.ts';
import { min } from './min.ts';
import { median, percentile } from './percentile.ts';
import { range } from './range.ts';
import { share } from './share.ts';
import { slope } from './slope.ts';
import { stddev } from './stddev.ts';
import { sum } from './sum.ts';
import { timeWeightedMean } from './time-weighted-mean.ts';

/** The aggregates of the rule language, by the names that rule authors write. */
export type AggregateName =
  | ('count' | 'sum' | 'mean' | 'min' | 'max' | 'range' | 'first' | 'last' | 'stddev')
  | ('median' | 'percentile' | 'distinct' | 'share' | 'timeWeightedMean' | 'slope' | 'histogram');

const ANY = ['number', 'boolean', 'string'] as const;

/** An aggregate of numbers that has no parameters. */
const numeric = (aggregate: Aggregate): AggregateKind => ({ accepts: ['number'], create: () => aggregate });

/** Every aggregate. To add one, add a file beside this one and a line here. */
export const aggregates: Readonly<Record<AggregateName, AggregateKind>> = {
  count: { accepts: ['none', ...ANY], create: () => count },
  sum: numeric(sum),
  mean: numeric(mean),
  min: numeric(min),
  max: numeric(max),
  range: numeric(range),
  first: { accepts: ANY, create: () => first },
  last: { accepts: ANY, create: () => last },
  stddev: numeric(stddev),
  median,
  percentile,
  distinct,
  share,
  timeWeightedMean,
  slope,
  histogram,
};
