import type { AbsencePlan, SequencePlan, SequenceStepPlan } from '../model/plan/window-plan.ts';
import { inOrder } from './in-order.ts';
import type { WindowOutcome } from './window-kind.ts';

/** A partial match: the event times of the readings that matched the first steps, one for each step. */
type PartialMatch = readonly number[];

/** The state of a sequence. */
export interface Progress {
  /** The latest partial match up to each step except the last. Null: an absence between the steps was violated. */
  readonly ways: (PartialMatch | null)[];
  /** The earliest match of all steps that waits for the end of its closing absence. */
  pending: PartialMatch | null;
  /** How long the last match took, in milliseconds; -1: readings that complete nothing are not reported. */
  tookMs: number;
  /** Event time of the first reading after the last match that completed nothing (clearing since); -1 for none. */
  calmSince: number;
}

/**
 * Readings that match the steps one after the other. Other readings in between do not matter, unless an absence forbids them. A reading is
 * at most one step of a match, but it may end one match and be in the middle of another.
 *
 * Only the latest partial match of each step is remembered, and this loses no match. Compare two partial matches of a step: each reading of the
 * later one is the same or later. So its time ends later, and every reading that breaks it breaks the earlier one too. Whenever the earlier one
 * becomes a match, the later one does so too. Of matches that wait for a closing absence, only the earliest is remembered: a reading that
 * breaks it breaks the later ones too, and if no reading does, its time ends first. The matches that are dropped begin within the match that it
 * becomes. If the time of an absence counts from an earlier step, it counts from the latest partial match.
 *
 * Times count from reading to reading, and their end is exclusive, so `then` and `not` within the same time are opposites.
 * A reading that meets both an absence and the step that ends the absence is that step.
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
  // A late reading that meets no condition is no loss.
  takeLate: (_progress, _plan, { flags }) => flags === 0,
  take(progress, plan, { time, flags }, out) {
    if (flags !== 0) {
      const { closing } = plan;
      if (progress.pending !== null && isBroken(progress.pending, closing, time, flags)) progress.pending = null;
      const match = extendPartialMatches(progress.ways, plan.steps, time, flags);
      if (match !== undefined && closing.length === 0) {
        reportMatch(progress, match, time, true, out);
        return;
      }
      if (match !== undefined && isInTime(match, closing, time)) progress.pending ??= match;
    }
    if (progress.tookMs >= 0) reportClearing(progress, plan, time, out);
  },
  dueAt: ({ pending }, { closing }) => (pending === null ? Number.POSITIVE_INFINITY : deadlineOf(pending, closing)),
  closeDue(progress, { closing }, out) {
    const match = progress.pending!;
    progress.pending = null;
    reportMatch(progress, match, deadlineOf(match, closing), false, out);
  },
});

/** Extends every partial match that the reading continues, and drops those that it breaks. Returns the match of all steps, if there is one. */
function extendPartialMatches(
  partial: Progress['ways'],
  steps: readonly SequenceStepPlan[],
  time: number,
  flags: number,
): PartialMatch | undefined {
  const last = steps.length - 1;
  let complete: PartialMatch | undefined;
  // From the last step back, so that a reading extends no partial match by two steps.
  for (let i = Math.min(partial.length, last); i >= 0; i--) {
    const { flag, withinMs, breaks } = steps[i]!;
    const extended = (flags & flag) === 0 ? undefined : extend(i === 0 ? [] : partial[i - 1]!, withinMs, time);
    if (extended !== undefined) {
      if (i === last) complete = extended;
      else partial[i] = extended;
    } else if ((flags & breaks) !== 0 && i < partial.length) partial[i] = null;
  }
  return complete;
}

/** The partial match with one more step. Undefined if there is no partial match, or its time is over. */
function extend(before: PartialMatch | null, withinMs: number, time: number): PartialMatch | undefined {
  if (before === null || (before.length > 0 && time >= before.at(-1)! + withinMs)) return undefined;
  return [...before, time];
}

/** Whether the closing absences are not over yet. Steps without `within` may have taken longer than an absence lasts. */
function isInTime(match: PartialMatch, closing: readonly AbsencePlan[], time: number): boolean {
  for (const { since, withinMs } of closing) if (time >= match[since]! + withinMs) return false;
  return true;
}

function isBroken(match: PartialMatch, closing: readonly AbsencePlan[], time: number, flags: number): boolean {
  for (const { flag, since, withinMs } of closing) {
    if ((flags & flag) !== 0 && time < match[since]! + withinMs) return true;
  }
  return false;
}

function deadlineOf(match: PartialMatch, closing: readonly AbsencePlan[]): number {
  let deadline = 0;
  for (const { since, withinMs } of closing) deadline = Math.max(deadline, match[since]! + withinMs);
  return deadline;
}

function reportMatch(
  progress: Progress,
  match: PartialMatch,
  end: number,
  inclusive: boolean,
  out: WindowOutcome,
): void {
  const start = match[0]!;
  progress.tookMs = end - start;
  progress.calmSince = -1;
  out.closed.push({ start, end, inclusive, facts: [], match: { metAt: match, tookMs: end - start } });
}

/** Reports a reading that completes nothing. This is done only after a match, until its alert must have resolved. */
function reportClearing(progress: Progress, { clearingMs }: SequencePlan, time: number, out: WindowOutcome): void {
  const { tookMs } = progress;
  if (progress.calmSince < 0) progress.calmSince = time;
  out.closed.push({ start: time, end: time, inclusive: true, facts: [], match: { metAt: [], tookMs } });
  if (time - progress.calmSince >= clearingMs) progress.tookMs = -1;
}
