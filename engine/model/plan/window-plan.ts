import type { Aggregate } from '../aggregate.ts';
import type { FieldValue } from '../field.ts';
import type { Reading } from '../reading.ts';

/** The window of a rule, by its kind. Sizes are whole milliseconds of event time; `maxMs` is Infinity where there is no limit. */
export type WindowPlan = TumblingPlan | HoppingPlan | SlidingPlan | SessionPlan | CountPlan | StatePlan | SequencePlan;

/** Kinds that a rule's `window` names; a `sequence` is another key of the rule. */
export type WindowName = Exclude<WindowPlan['kind'], 'sequence'>;

/** Panes (see windows/) that one window may consist of: it bounds the accumulators that each key keeps for each fact. */
export const MAX_PANES = 3_600;

export interface WindowBase {
  /** How long it waits for readings that come out of order. */
  readonly latenessMs: number;
  readonly aggregates: readonly WindowAggregate[];
}

/** One window after the other, aligned to the epoch. */
export interface TumblingPlan extends WindowBase {
  readonly kind: 'tumbling';
  readonly sizeMs: number;
}

/** Windows that overlap, aligned to the epoch. `sizeMs` is a multiple of `everyMs`. */
export interface HoppingPlan extends WindowBase {
  readonly kind: 'hopping';
  readonly sizeMs: number;
  readonly everyMs: number;
}

/** At each reading, those of the last `sizeMs`. */
export interface SlidingPlan extends WindowBase {
  readonly kind: 'sliding';
  readonly sizeMs: number;
}

/** Readings with less than `gapMs` between one and the next, for `maxMs` at most. */
export interface SessionPlan extends WindowBase {
  readonly kind: 'session';
  readonly gapMs: number;
  readonly maxMs: number;
}

/** After the first `size` readings, and then after every `every`, the last `size`. */
export interface CountPlan extends WindowBase {
  readonly kind: 'count';
  readonly size: number;
  readonly every: number;
  /** Greatest number that divides both. */
  readonly paneSize: number;
  /** Takes readings as they arrive, not by event time: the clocks of a group's devices do not agree on which came first. */
  readonly byArrival: boolean;
}

/** From a reading that meets `from` to the next one that meets `until`, or for `maxMs`. */
export interface StatePlan extends WindowBase {
  readonly kind: 'state';
  readonly from: (reading: Reading) => boolean;
  readonly until: (reading: Reading) => boolean;
  readonly maxMs: number;
  /** See `CountPlan`. */
  readonly byArrival: boolean;
}

/** Readings that meet one condition after the other, with others absent in between or at the end. It has no aggregates. */
export interface SequencePlan extends WindowBase {
  readonly kind: 'sequence';
  /** Every condition, as written; whether a reading meets the one at i is the bit i of its flags. At most 30. */
  readonly conditions: readonly ((reading: Reading) => boolean)[];
  /** What readings must meet, in order; at least one. */
  readonly steps: readonly SequenceStepPlan[];
  /** What must be absent behind the last of them for the match to be one; often empty. */
  readonly closing: readonly AbsencePlan[];
  /** How long it tells of readings that complete nothing, counted from the first of them behind a match; may be Infinity. */
  readonly calmMs: number;
}

export interface SequenceStepPlan {
  readonly flag: number;
  /** It must be met less than this after the step before it; Infinity: whenever. */
  readonly withinMs: number;
  /** Flags none of which a reading between this step and the next may have. */
  readonly breaks: number;
}

/** No reading with the flag in the time since a step was met. */
export interface AbsencePlan {
  readonly flag: number;
  /** Index of the step that the time counts from; a reading at its very end is no longer in it. */
  readonly since: number;
  readonly withinMs: number;
}

/** One aggregate of a window and what it takes from each reading. */
export interface WindowAggregate {
  readonly aggregate: Aggregate;
  /** Index of the field; -1: what `read` gives. */
  readonly field: number;
  /** What it takes where that is no field; without it, `true` from every reading. */
  readonly read?: ((reading: Reading) => FieldValue | undefined) | undefined;
}

/** What a window's aggregate takes from a reading; undefined: nothing. */
export function readFor({ field, read }: WindowAggregate, reading: Reading): FieldValue | undefined {
  if (field >= 0) return reading.values[field];
  return read === undefined ? true : read(reading);
}
