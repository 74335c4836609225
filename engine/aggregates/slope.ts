import { durationSchema } from '../document/schema-values.ts';
import type { Aggregate, AggregateKind } from '../model/aggregate.ts';
import { parseDuration } from '../model/duration.ts';

/** Means and co-moments of time and value. Both are relative to the first reading that arrived, so that they lose no digits. */
export interface CoMoments {
  n: number;
  fromTime: number;
  fromValue: number;
  /** Mean of the times, in milliseconds. */
  time: number;
  /** Mean of the values. */
  value: number;
  /** Sum of the squared deviations of the times. */
  timeTime: number;
  /** Sum of the products of the deviations of times and values. */
  timeValue: number;
}

/**
 * Slope of the least-squares line through the values over their event times, per `perMs` milliseconds. Undefined for fewer than two
 * different times. Co-moments are updated as in Welford 1962 and merged as in Chan, Golub and LeVeque 1983, like `stddev`.
 */
function slopePer(perMs: number): Aggregate<CoMoments> {
  return {
    create: () => ({ n: 0, fromTime: 0, fromValue: 0, time: 0, value: 0, timeTime: 0, timeValue: 0 }),
    add(into, atValue, atTime) {
      if (into.n === 0) {
        into.fromTime = atTime;
        into.fromValue = atValue as number;
      }
      const time = atTime - into.fromTime;
      const value = (atValue as number) - into.fromValue;
      const delta = time - into.time;
      into.n += 1;
      into.time += delta / into.n;
      into.value += (value - into.value) / into.n;
      into.timeTime += delta * (time - into.time);
      into.timeValue += delta * (value - into.value);
    },
    merge,
    result: (of) => (of.timeTime > 0 ? (of.timeValue / of.timeTime) * perMs : undefined),
  };
}

/** `{ "slope": "temp", "per": "1m" }`: see `slopePer`; per second by default. */
export const slope: AggregateKind = {
  accepts: ['number'],
  params: {
    per: {
      ...durationSchema,
      description: 'The unit of time of the slope: the change of the value in this time.',
      default: '1s',
    },
  },
  create: ({ per = '1s' }) => slopePer(parseDuration(per as string)!),
};

function merge(into: CoMoments, from: CoMoments): void {
  if (from.n === 0) return;
  if (into.n === 0) {
    Object.assign(into, from);
    return;
  }
  const n = into.n + from.n;
  const deltaTime = from.time - into.time + (from.fromTime - into.fromTime);
  const deltaValue = from.value - into.value + (from.fromValue - into.fromValue);
  const weight = (into.n * from.n) / n;
  into.time += (deltaTime * from.n) / n;
  into.value += (deltaValue * from.n) / n;
  into.timeTime += from.timeTime + deltaTime * deltaTime * weight;
  into.timeValue += from.timeValue + deltaTime * deltaValue * weight;
  into.n = n;
}
