import type { FieldType, FieldValue } from './field.ts';
import type { JsonSchema } from './json-schema.ts';

/** What an aggregate comes to: one value, or one number for each of several facts. */
export type Summary = FieldValue | readonly number[];

/**
 * One way to sum up the readings of a window.
 *
 * An accumulator `A` is a plain object of finite numbers, strings, booleans and lists of them, so that it survives a snapshot as
 * JSON. Panes are accumulated apart and merged, so `merge` must give what adding all readings to one accumulator gives.
 */
export interface Aggregate<A = unknown> {
  create(): A;
  /** Takes a present value in; `time` is the reading's event time in milliseconds. Readings may come out of order. */
  add(into: A, value: FieldValue, time: number): void;
  /**
   * Takes `from`, whose readings are all later in event time, into `into`. `from` stays as it is and goes on being used:
   * the two share nothing afterwards.
   */
  merge(into: A, from: A): void;
  /** The value of the fact, which shares nothing with `of`; undefined where no reading had the field. */
  result(of: A): Summary | undefined;
}

/** Where an aggregate takes its values from: one field, a field, label or `device`, or a condition over the reading. */
export type AggregateSource = 'field' | 'name' | 'condition';

/** A name of the rule language and the aggregates it stands for, one for each choice of parameters. */
export interface AggregateKind {
  /** Default: a field. */
  readonly source?: AggregateSource;
  /** Types of field it accepts; `none` for one that needs no field (`true`). */
  readonly accepts: readonly (FieldType | 'none')[];
  /** What stands beside its name in a fact, and must be there where it has no default. */
  readonly params?: Readonly<Record<string, JsonSchema>>;
  /** Makes the aggregate of these parameters, which keep to the schema. */
  create(params: Readonly<Record<string, unknown>>): Aggregate;
  /** How many facts it gives, where they are several: `NAME.0`, `NAME.1`, … */
  facts?(params: Readonly<Record<string, unknown>>): number;
}
