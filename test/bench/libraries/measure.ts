import type { Candidates } from './candidates.ts';

/** One comparison: a line of the output. */
export interface Finding {
  /** Our own code. */
  readonly thing: string;
  /** The candidate: a package, or a part of the platform. */
  readonly candidate: string;
  /** What was counted, and the number of correct results of each of the two. */
  readonly right?: { readonly of: string; readonly ours: number; readonly theirs: number; readonly total: number };
  /** CPU time of the candidate divided by ours, for the same work in the same run. Above 1, ours is faster. */
  readonly cpu?: number;
  /** Other measurements, in a few words. */
  readonly note?: string;
}

/** Compares one subject with its candidates. */
export type Comparison = (candidates: Candidates) => Promise<readonly Finding[]>;

const ROUNDS = 7;
const LEAST_MS = 60;

/** CPU time of `theirs` divided by that of `ours`. Each is the best of several rounds, in turn, so that both have the same conditions. */
export function cpuRatio(ours: () => unknown, theirs: () => unknown): number {
  const repeats = { ours: repeatsOf(ours), theirs: repeatsOf(theirs) };
  let [best, other] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < ROUNDS; round++) {
    best = Math.min(best, cpuMs(ours, repeats.ours) / repeats.ours);
    other = Math.min(other, cpuMs(theirs, repeats.theirs) / repeats.theirs);
  }
  return other / best;
}

/** How often the work must run so that the clock can measure it. */
function repeatsOf(work: () => unknown): number {
  let repeats = 1;
  while (cpuMs(work, repeats) < LEAST_MS) repeats *= 2;
  return repeats;
}

function cpuMs(work: () => unknown, repeats: number): number {
  const before = process.cpuUsage();
  for (let i = 0; i < repeats; i++) work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

/** Number of cases that do not throw and give the expected result. */
export function countRight<T>(cases: readonly T[], isRight: (each: T) => boolean): number {
  return cases.filter((each) => {
    try {
      return isRight(each);
    } catch {
      return false;
    }
  }).length;
}
