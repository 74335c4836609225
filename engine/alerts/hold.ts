import type { LevelPlan } from '../model/plan/lifecycle-plan.ts';

/**
 * How far one level of an alert is from being reached, and from being left. Plain data; milliseconds. `since` and `calmSince` are event time,
 * or receive time where that was earlier: a stamp that is ahead of us serves nothing.
 */
export interface LevelRecord {
  /** Of a level that waits for time: when its conditions began to hold; -1 while they do not. */
  since: number;
  /** When the level began to be calm, once it is reached; -1 while it is not calm. */
  calmSince: number;
  /** Of a level that counts matches: the last outcomes, oldest first, each its instant or -1 for a miss. Empty where all are misses. */
  recent?: number[];
}

export function createLevelRecord(): LevelRecord {
  return { since: -1, calmSince: -1 };
}

/** Takes in whether the conditions of a level hold at `at`, and says whether they have by now held long or often enough. */
export function takeOutcome(level: LevelRecord, hold: LevelPlan['hold'], at: number, holds: boolean): boolean {
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
  // Outcomes that come before any match need not be seen: a missing one is a miss.
  if (recent.length === 0 && !holds) return false;
  recent.push(holds ? at : -1);
  if (recent.length > hold.of) recent.shift();
  let matches = 0;
  for (let i = 0; i < recent.length; i++) if (recent[i]! >= 0) matches += 1;
  if (matches === 0) level.recent = [];
  return matches >= hold.matches;
}

/** The earliest instant of the matches that still count; undefined where none does. Devices of a group need not match in the order of their stamps. */
export function oldestMatch({ recent = [] }: LevelRecord): number | undefined {
  const matches = recent.filter((at) => at >= 0);
  return matches.length === 0 ? undefined : Math.min(...matches);
}
