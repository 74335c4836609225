import type { AbsencePlan, SequencePlan, SequenceStepPlan } from '../model/plan/window-plan.ts';
import { inOrder } from './in-order.ts';
import type { WindowOutcome } from './window-kind.ts';

/** Event times of the readings that met the first steps, one each. */
type Way = readonly number[];

/** How far a sequence has come. */
export interface Progress {
  /** By step but the last: the latest way up to it; null where there was one, and what came in between broke it. */
  readonly ways: (Way | null)[];
  /** The earliest way through all steps that waits for its closing absence to be over. */
  pending: Way | null;
  /** How long the last match took; -1: readings that complete nothing are not told. */
  tookMs: number;
  /** The first reading that completed nothing since; -1 for none. */
  calmSince: number;
}

/**
 * Readings that meet the steps one after the other; others in between do not matter, unless they meet an absence there. A reading is
 * at most one step of a match, but may end one and be in the middle of another.
 *
 * One way to each step is remembered, the latest, and that loses no match: of two ways to a step, each reading of the later is
 * the same or later. So its time runs out later, and every reading that breaks it breaks the earlier one too: whatever the
 * earlier may still become, the later becomes with it. Of ways that wait for a closing absence the earliest is remembered: a reading
 * that breaks it breaks the later ones too, and if none does its time is over first. Those it passes over begin
 * within the match that it becomes. An absence whose time counts from an earlier step counts it from the latest way.
 *
 * Times run from reading to reading and do not include their end, so that `then` and `not` within the same time are opposites.
 * A reading that meets both an absence and the step that ends it is that step.
 */
export const sequence = inOrder<SequencePlan, Progress>({
  create: () => ({ ways: [], pending: null, tookMs: -1, calmSince: -1 }),
  // The alert of the last match must still be able to resolve.
  restart: ({ tookMs }) => ({ ways: [], pending: null, tookMs, calmSince: -1 }),
  flags({ conditions }, reading) {
    let flags = 0;
    for (let i = 0; i < conditions.length; i++) if (conditions[i]!(reading)) flags |= 1 << i;
    return flags;
  },
  // One that meets nothing is not missed.
  takeLate: (_progress, _plan, { flags }) => flags === 0,
  take(progress, plan, { time, flags }, out) {
    if (flags !== 0) {
      const { closing } = plan;
      if (progress.pending !== null && isBroken(progress.pending, closing, time, flags)) progress.pending = null;
      const way = advance(progress.ways, plan.steps, time, flags);
      if (way !== undefined && closing.length === 0) {
        tell(progress, way, time, true, out);
        return;
      }
      if (way !== undefined && isInTime(way, closing, time)) progress.pending ??= way;
    }
    if (progress.tookMs >= 0) tellCalm(progress, plan, time, out);
  },
  dueAt: ({ pending }, { closing }) => (pending === null ? Number.POSITIVE_INFINITY : deadlineOf(pending, closing)),
  closeDue(progress, { closing }, out) {
    const way = progress.pending!;
    progress.pending = null;
    tell(progress, way, deadlineOf(way, closing), false, out);
  },
});

/** Takes every way on that the reading leads further, and drops those that it breaks; returns the way through all steps. */
function advance(
  ways: Progress['ways'],
  steps: readonly SequenceStepPlan[],
  time: number,
  flags: number,
): Way | undefined {
  const last = steps.length - 1;
  let through: Way | undefined;
  // From the last step back, so that a reading takes no way two steps on.
  for (let i = Math.min(ways.length, last); i >= 0; i--) {
    const { flag, withinMs, breaks } = steps[i]!;
    const way = (flags & flag) === 0 ? undefined : lead(i === 0 ? [] : ways[i - 1]!, withinMs, time);
    if (way !== undefined) {
      if (i === last) through = way;
      else ways[i] = way;
    } else if ((flags & breaks) !== 0 && i < ways.length) ways[i] = null;
  }
  return through;
}

/** The way one step further; undefined where there is none, or its time is over. */
function lead(before: Way | null, withinMs: number, time: number): Way | undefined {
  if (before === null || (before.length > 0 && time >= before.at(-1)! + withinMs)) return undefined;
  return [...before, time];
}

/** Steps without a time of their own may have taken longer than the absence lasts. */
function isInTime(way: Way, closing: readonly AbsencePlan[], time: number): boolean {
  for (const { since, withinMs } of closing) if (time >= way[since]! + withinMs) return false;
  return true;
}

function isBroken(way: Way, closing: readonly AbsencePlan[], time: number, flags: number): boolean {
  for (const { flag, since, withinMs } of closing) {
    if ((flags & flag) !== 0 && time < way[since]! + withinMs) return true;
  }
  return false;
}

function deadlineOf(way: Way, closing: readonly AbsencePlan[]): number {
  let deadline = 0;
  for (const { since, withinMs } of closing) deadline = Math.max(deadline, way[since]! + withinMs);
  return deadline;
}

function tell(progress: Progress, way: Way, end: number, inclusive: boolean, out: WindowOutcome): void {
  const start = way[0]!;
  progress.tookMs = end - start;
  progress.calmSince = -1;
  out.closed.push({ start, end, inclusive, facts: [], match: { metAt: way, tookMs: end - start } });
}

/** Told only behind a match, until its alert must be over: nobody else wants to know. */
function tellCalm(progress: Progress, { calmMs }: SequencePlan, time: number, out: WindowOutcome): void {
  const { tookMs } = progress;
  if (progress.calmSince < 0) progress.calmSince = time;
  out.closed.push({ start: time, end: time, inclusive: true, facts: [], match: { metAt: [], tookMs } });
  if (time - progress.calmSince >= calmMs) progress.tookMs = -1;
}
