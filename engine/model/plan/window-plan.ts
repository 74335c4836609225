import type { Aggregate } from '../aggregate.ts';
import type { FieldValue } from '../field.ts';
import type { Reading } from '../reading.ts';

/** The window of a rule, by its kind. Sizes are whole milliseconds of event time. `maxMs` is Infinity if there is no limit. */
export type WindowPlan = TumblingPlan | HoppingPlan | SlidingPlan | SessionPlan | CountPlan | StatePlan | SequencePlan;

/** The kinds that a rule's `window` may name. A `sequence` is another key of the rule. */
export type WindowName = Exclude<WindowPlan['kind'], 'sequence'>;

/** The largest number of panes (see windows/) of one window. It bounds the accumulators that each key keeps for each fact. */
export const MAX_PANES = 3_600;

/** What all kinds of windows have. */
export interface WindowBase {
  /** How long the window waits for readings that are out of order. */
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

/** At each reading: the readings of the last `sizeMs`. */
export interface SlidingPlan extends WindowBase {
  readonly kind: 'sliding';
  readonly sizeMs: number;
}

/** Readings with less than `gapMs` between each and the next, for at most `maxMs`. */
export interface SessionPlan extends WindowBase {
  readonly kind: 'session';
  readonly gapMs: number;
  readonly maxMs: number;
}

/** The last `size` readings: first after `size` readings, then after each further `every` readings. */
export interface CountPlan extends WindowBase {
  readonly kind: 'count';
  readonly size: number;
  readonly every: number;
  /** Greatest number that divides both. */
  readonly paneSize: number;
  /** Whether the window adds readings in the order of arrival and not of event time. The clocks of a group's devices do not agree on an order. */
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

/** Readings that meet one condition after the other, while others are absent in between or at the end. It has no aggregates. */
export interface SequencePlan extends WindowBase {
  readonly kind: 'sequence';
  /** Every condition, in the order of the rule; at most 30. Bit i of a reading's flags is set if it meets condition i. */
  readonly conditions: readonly ((reading: Reading) => boolean)[];
  /** The steps that readings must match, in order; at least one. */
  readonly steps: readonly SequenceStepPlan[];
  /** What must be absent after the last step of a match; often empty. */
  readonly closing: readonly AbsencePlan[];
  /**
   * How long it reports readings that complete nothing, so that the alert can resolve. Counted from the first such reading after a match; may be
   * Infinity.
   */
  readonly clearingMs: number;
}

/** A step of a sequence: a reading with a flag. */
export interface SequenceStepPlan {
  readonly flag: number;
  /** The step must be matched less than this after the previous step. Infinity: at any time. */
  readonly withinMs: number;
  /** A reading between this step and the next may have none of these flags. */
  readonly breaks: number;
}

/** An absence: no reading with the flag arrives in the time since a step was matched. */
export interface AbsencePlan {
  readonly flag: number;
  /** Index of the step from which the time counts. The end of the time is exclusive. */
  readonly since: number;
  readonly withinMs: number;
}

/** One aggregate of a window and what it gets from each reading. */
export interface WindowAggregate {
  readonly aggregate: Aggregate;
  /** Index of the field; -1: use `read`. */
  readonly field: number;
  /** The value of a reading if it is no field. Without `read`, the value is `true` for every reading. */
  readonly read?: ((reading: Reading) => FieldValue | undefined) | undefined;
}

/** The value that a window's aggregate gets from a reading. Undefined: the reading is not counted. */
export function readFor({ field, read }: WindowAggregate, reading: Reading): FieldValue | undefined {
  if (field >= 0) return reading.values[field];
  return read === undefined ? true : read(reading);
}
