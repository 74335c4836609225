import type { Summary } from '../aggregate.ts';
import type { AttributeValues } from '../attributes.ts';
import type { FieldValue } from '../field.ts';
import type { Cause, Reading } from '../reading.ts';

/** The key that a rule groups by, with its parts in the order of the rule's `per`. */
export interface Key {
  readonly text: string;
  readonly parts: readonly string[];
}

/** An interval of event time, in milliseconds: [start, end), or [start, end] if `inclusive`. */
export interface TimeSpan {
  readonly start: number;
  readonly end: number;
  /** Whether the end belongs to the interval: the last reading is at the end. */
  readonly inclusive: boolean;
}

/** A window that has closed, with its facts computed. */
export interface Closed extends Cause, TimeSpan {
  readonly kind: 'closed';
  /** Index of the rule in the plan. */
  readonly rule: number;
  readonly key: Key;
  /** The result of each aggregate, in the order of the aggregates of the rule's window. */
  readonly facts: readonly (Summary | undefined)[];
  /** The match. Only for a sequence. */
  readonly match?: SequenceMatch;
  /** The attributes of the device in its key, if the rule uses them. Set by evaluate. */
  attributes?: AttributeValues | undefined;
  /** Calculated facts, in the order of the plan. Set by evaluate. */
  computed?: readonly (number | undefined)[];
  /** Earlier values of the facts that `changed` compares, in the order of the plan. Set by evaluate. */
  remembered?: readonly (FieldValue | null)[];
}

/** The result of a sequence: a match, or a reading after a match that completes nothing. */
export interface SequenceMatch {
  /** Event times of the readings that matched its steps, in order. Empty: nothing was completed. */
  readonly metAt: readonly number[];
  /** Milliseconds from the first of these readings to the end of the match. If nothing was completed, those of the last match. */
  readonly tookMs: number;
}

/** A reading, with the facts that a rule without a window computes from it and from earlier readings. */
export interface Derived {
  readonly kind: 'derived';
  readonly offset: number;
  readonly receivedAt: number;
  readonly reading: Reading;
  /** Event time of the previous reading of its key that the rule evaluated. The first reading has its own event time here. */
  readonly previousAt: number;
  /** Running facts, in the order of the plan. */
  readonly running: readonly (FieldValue | undefined)[];
  /** Calculated facts, in the order of the plan. */
  computed?: readonly (number | undefined)[];
  /** Earlier values of the facts that `changed` compares, in the order of the plan. */
  remembered?: readonly (FieldValue | null)[];
}

/** The facts of a view for one key, at a window that has closed or at a reading. */
export interface Viewed extends Cause, TimeSpan {
  readonly kind: 'viewed';
  /** Id of its event and of its row. Deterministic, like the id of a transition. */
  readonly id: string;
  /** Index of the view in the plan's rules. */
  readonly rule: number;
  readonly key: Key;
  /** Values in the order of the fields of the view's stream. */
  readonly values: readonly (FieldValue | undefined)[];
}
