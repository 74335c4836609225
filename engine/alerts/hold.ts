import type { LevelPlan } from '../model/plan/lifecycle-plan.ts';

/**
 * How far one level of an alert is from being reached, and from being left. Plain data; milliseconds. `since` and `calmSince` are event time,
 * or receive time if that was earlier: a stamp in the future does not shorten a wait.
 */
export interface LevelRecord {
  /** For a level with `for`: when its conditions began to hold; -1 while they do not hold. */
  since: number;
  /** When the level began to clear, after it was reached; -1 while it does not clear. */
  calmSince: number;
  /** For a level that counts matches: the last outcomes, oldest first. A match is its instant, a miss is -1. Empty if all are misses. */
  recent?: number[];
}

/** The state of a level before its first outcome. */
export function createLevelRecord(): LevelRecord {
  return { since: -1, calmSince: -1 };
}

/** Adds an outcome of a level's conditions at `at`. Returns whether they have now held long or often enough. */
export function addOutcome(level: LevelRecord, hold: LevelPlan['hold'], at: number, holds: boolean): boolean {
  if ('matches' in hold) return countMatch(level, hold, at, holds);
  if (!holds) level.since = -1;
  else if (level.since < 0) level.since = at;
  return holds && at - level.since >= hold.forMs;
}

function countMatch(
  level: LevelRecord,
  hold: { readonly matches: number; readonly of: number },
  at: number,
  holds: boolean,
): boolean {
  const recent = (level.recent ??= []);
  // Misses before the first match need not be stored: a missing outcome counts as a miss.
  if (recent.length === 0 && !holds) return false;
  recent.push(holds ? at : -1);
  if (recent.length > hold.of) recent.shift();
  let matches = 0;
  for (let i = 0; i < recent.length; i++) if (recent[i]! >= 0) matches += 1;
  if (matches === 0) level.recent = [];
  return matches >= hold.matches;
}

/**
 * The earliest instant of the matches that still count; undefined if there is none. It is not always the first match, because devices of a group
 * may match out of the order of their stamps.
 */
export function oldestMatch({ recent = [] }: LevelRecord): number | undefined {
  const matches = recent.filter((at) => at >= 0);
  return matches.length === 0 ? undefined : Math.min(...matches);
}
