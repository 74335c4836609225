import type { Detector } from '../model/detector.ts';
import { finite } from '../model/finite.ts';

/** Values with their times, oldest first, and the same values sorted. */
interface Sample {
  readonly times: number[];
  readonly values: number[];
  readonly sorted: number[];
}

/** The largest number of values that are kept of one horizon: for a horizon of an hour, one per 30 s. */
const MAX_VALUES = 120;
/** The number of values that it needs before it gives a fact. */
const WARM_UP = 10;

/**
 * The distance of the field from the median of the horizon before it, in robust standard deviations: the modified z-score
 * 0.6745 (x − median) / MAD of Iglewicz and Hoaglin, "How to Detect and Handle Outliers", 1993, who use 3.5 as a limit.
 * MAD is the median distance from the median. A value enters the sample when a 120th of the horizon has passed since the last value that did. So the
 * sample covers the whole horizon at any rate of readings. Values older than the horizon leave it.
 * Undefined while the sample has fewer than ten values, and while more than half of them are the same (MAD is 0).
 */
export function mad(horizonMs: number): Detector<Sample> {
  return {
    create: () => ({ times: [], values: [], sorted: [] }),
    next(state, value, time) {
      const { times, sorted } = state;
      while (times.length > 0 && times[0]! <= time - horizonMs) dropOldest(state);
      const score = sorted.length < WARM_UP ? undefined : scoreOf(sorted, value as number);
      const last = times.at(-1);
      if (last === undefined || time - last >= horizonMs / MAX_VALUES) add(state, value as number, time);
      return score;
    },
  };
}

function add(state: Sample, value: number, time: number): void {
  state.times.push(time);
  state.values.push(value);
  state.sorted.splice(rankOf(state.sorted, value), 0, value);
}

function dropOldest({ times, values, sorted }: Sample): void {
  times.shift();
  sorted.splice(rankOf(sorted, values.shift()!), 1);
}

/** Index of the first element that is not smaller. */
function rankOf(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function scoreOf(sorted: readonly number[], value: number): number | undefined {
  const half = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
  const spread = medianDistance(sorted, median);
  return spread === 0 ? undefined : finite((0.6745 * (value - median)) / spread);
}

/** The median distance from the median. The loop goes outward, always to the nearer side, until half of the values have been passed. */
function medianDistance(sorted: readonly number[], median: number): number {
  const half = sorted.length >> 1;
  let below = half - 1;
  let above = half;
  let before = 0;
  let distance = 0;
  for (let passed = 0; passed <= half; passed++) {
    before = distance;
    const down = below < 0 ? Number.POSITIVE_INFINITY : median - sorted[below]!;
    const up = above >= sorted.length ? Number.POSITIVE_INFINITY : sorted[above]! - median;
    if (down < up) below--;
    else above++;
    distance = Math.min(down, up);
  }
  return sorted.length % 2 === 1 ? distance : (before + distance) / 2;
}
