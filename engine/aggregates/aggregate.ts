import type { FieldType, FieldValue } from '../model/reading.ts';

/**
 * One way to sum up the readings of a window.
 *
 * An accumulator `A` is a plain object of finite numbers, strings and booleans, so that it survives a snapshot as JSON.
 * Panes are accumulated apart and merged, so `merge` must give what adding all readings to one accumulator gives.
 */
export interface Aggregate<A = unknown> {
  /** Field types it accepts; `none` for an aggregate that needs no field. */
  readonly accepts: readonly (FieldType | 'none')[];
  create(): A;
  /** Takes a present value in; `time` is the reading's event time in milliseconds. Readings may come out of order. */
  add(into: A, value: FieldValue, time: number): void;
  /** Takes `from` into `into`; `from` is not used afterwards. */
  merge(into: A, from: A): void;
  /** The value of the fact; undefined where no reading had the field. */
  result(of: A): FieldValue | undefined;
}
