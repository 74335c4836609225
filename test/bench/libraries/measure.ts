import type { Candidates } from './candidates.ts';

/** One comparison: a line of the output. */
export interface Finding {
  /** What was written by hand. */
  readonly thing: string;
  /** A package, or a part of the platform. */
  readonly candidate: string;
  /** What was counted, and how much of it each of the two gets right. */
  readonly right?: { readonly of: string; readonly ours: number; readonly theirs: number; readonly total: number };
  /** CPU time of the candidate over ours, for the same work in the same run: above 1, ours is faster. */
  readonly cpu?: number;
  /** What else was measured, in a few words. */
  readonly note?: string;
}

/** Compares one subject with its candidates. */
export type Comparison = (candidates: Candidates) => Promise<readonly Finding[]>;

const ROUNDS = 7;
const LEAST_MS = 60;

/** CPU time of `theirs` over that of `ours`: the best of some rounds each, in turn, so that both see the same machine. */
export function cpuRatio(ours: () => unknown, theirs: () => unknown): number {
  const repeats = { ours: repeatsOf(ours), theirs: repeatsOf(theirs) };
  let [best, other] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < ROUNDS; round++) {
    best = Math.min(best, cpuMs(ours, repeats.ours) / repeats.ours);
    other = Math.min(other, cpuMs(theirs, repeats.theirs) / repeats.theirs);
  }
  return other / best;
}

/** How often work must be done so that the clock can tell how long it takes. */
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

/** How many cases do not throw and give what they should. */
export function countRight<T>(cases: readonly T[], isRight: (each: T) => boolean): number {
  return cases.filter((each) => {
    try {
      return isRight(each);
    } catch {
      return false;
    }
  }).length;
}
