import type { FieldType, FieldValue } from './field.ts';

/**
 * One way to compute a fact from the readings of a key, one after the other, without a window.
 *
 * A state `S` is a plain object of finite numbers, strings, booleans and lists of them, so that it survives a snapshot as JSON;
 * its size is bounded, whatever the readings are.
 */
export interface Detector<S = unknown> {
  /** The state before the first reading. */
  create(): S;
  /**
   * Adds the next value and returns the fact for its reading. Undefined: there is no fact yet.
   * `time` is the reading's event time in milliseconds. It is never before the time of the previous reading.
   */
  next(state: S, value: FieldValue, time: number): FieldValue | undefined;
}

/** A duration in the rule, in a key beside the detector's name. */
export interface DetectorSpan {
  readonly key: string;
  /** Undefined: the duration is required. */
  readonly defaultMs?: number;
  readonly description: string;
}

/** The detectors of one name in the rule language: one detector for each span. */
export interface DetectorKind {
  /** What it gets from a reading: a field, the outcome of a condition, or only the reading's time (its value is then `true`). Default: a field. */
  readonly source?: 'field' | 'condition' | 'time';
  /** Types of field it accepts. */
  readonly accepts: readonly FieldType[];
  /** Type of the fact: a number, or the type of the field. Default: a number. */
  readonly gives?: 'number' | 'field';
  /** Unit of the fact: the field's unit, the field's unit per span, or seconds. Default: no unit. */
  readonly unit?: 'field' | 'field-per-span' | 's';
  readonly span?: DetectorSpan;
  readonly description: string;
  /** `spanMs` is in milliseconds; 0 for a kind without a span. */
  create(spanMs: number): Detector;
}
