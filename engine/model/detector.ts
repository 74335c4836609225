import type { FieldType, FieldValue } from './field.ts';

/**
 * One way to follow the readings of a key without a window.
 *
 * A state `S` is a plain object of finite numbers, strings, booleans and lists of them, so that it survives a snapshot as JSON;
 * it is bounded, whatever comes.
 */
export interface Detector<S = unknown> {
  /** The state before the first reading. */
  create(): S;
  /**
   * Takes the next value in and gives the fact for its reading; undefined where there is none yet.
   * `time` is the reading's event time in milliseconds, never before that of the reading before.
   */
  next(state: S, value: FieldValue, time: number): FieldValue | undefined;
}

/** A duration that stands beside a detector's name. */
export interface DetectorSpan {
  readonly key: string;
  /** Undefined: it must be given. */
  readonly defaultMs?: number;
  readonly description: string;
}

/** A name of the rule language and the detectors that it stands for, one for each span. */
export interface DetectorKind {
  /** What it takes from a reading: a field, the outcome of a condition, or nothing but its time (`true`). Default: a field. */
  readonly source?: 'field' | 'condition' | 'time';
  /** Types of field it accepts. */
  readonly accepts: readonly FieldType[];
  /** Type of the fact: a number, or that of the field. Default: a number. */
  readonly gives?: 'number' | 'field';
  /** Unit of the fact: the field's, the field's per span, or seconds. Default: none. */
  readonly unit?: 'field' | 'field-per-span' | 's';
  readonly span?: DetectorSpan;
  readonly description: string;
  /** `spanMs` is 0 where it has no span. */
  create(spanMs: number): Detector;
}
