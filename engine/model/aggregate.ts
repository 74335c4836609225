import type { FieldType, FieldValue } from './field.ts';
import type { JsonSchema } from './json-schema.ts';

/** The result of an aggregate: one value, or one number for each of several facts. */
export type Summary = FieldValue | readonly number[];

/**
 * One way to summarize the readings of a window.
 *
 * An accumulator `A` is a plain object of finite numbers, strings, booleans and lists of them, so that it survives a snapshot as
 * JSON. Each pane has its own accumulator, and panes are merged. So `merge` must give the same result as adding all readings to one accumulator.
 */
export interface Aggregate<A = unknown> {
  create(): A;
  /** Adds a value, which is never undefined. `time` is the reading's event time in milliseconds. Readings may come out of order. */
  add(into: A, value: FieldValue, time: number): void;
  /**
   * Adds the content of `from` to `into`. All readings of `from` are later in event time. `from` does not change and stays in use, so
   * afterwards the two share no objects.
   */
  merge(into: A, from: A): void;
  /** The value of the fact. It shares no objects with `of`. Undefined if no reading had the field. */
  result(of: A): Summary | undefined;
}

/** Where an aggregate gets its values: `field` is a field; `name` is a field, a label or `device`; `condition` is a condition over the reading. */
export type AggregateSource = 'field' | 'name' | 'condition';

/** The aggregates of one name in the rule language: one aggregate for each choice of parameters. */
export interface AggregateKind {
  /** Where it gets its values. Default: a field. */
  readonly source?: AggregateSource;
  /** Types of field it accepts; `none` for one that needs no field (`true`). */
  readonly accepts: readonly (FieldType | 'none')[];
  /** The keys beside its name in a fact. A parameter without a default is required. */
  readonly params?: Readonly<Record<string, JsonSchema>>;
  /** Makes the aggregate for these parameters, which the schema has already checked. */
  create(params: Readonly<Record<string, unknown>>): Aggregate;
  /** The number of facts, for an aggregate that gives several: `NAME.0`, `NAME.1`, … Absent: it gives one fact. */
  facts?(params: Readonly<Record<string, unknown>>): number;
}
