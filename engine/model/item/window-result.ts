import type { Summary } from '../aggregate.ts';
import type { AttributeValues } from '../attributes.ts';
import type { FieldValue } from '../field.ts';
import type { Cause, Reading } from '../reading.ts';

/** The key that a rule groups by, with its parts in the order of the rule's `per`. */
export interface Key {
  readonly text: string;
  readonly parts: readonly string[];
}

/** A stretch of event time, in milliseconds: [start, end), or [start, end] where `inclusive`. */
export interface TimeSpan {
  readonly start: number;
  readonly end: number;
  /** The last reading stands at its end. */
  readonly inclusive: boolean;
}

/** A window that has closed, with its facts computed. */
export interface Closed extends Cause, TimeSpan {
  readonly kind: 'closed';
  /** Index of the rule in the plan. */
  readonly rule: number;
  readonly key: Key;
  /** By the aggregates of the rule's window: what each came to. */
  readonly facts: readonly (Summary | undefined)[];
  /** Of a sequence: how it went. */
  readonly match?: SequenceMatch;
  /** Those of the device in its key, where the rule looks at them; set by who judges. */
  attributes?: AttributeValues | undefined;
  /** Calculated facts, by their order in the plan; set by who judges. */
  computed?: readonly (number | undefined)[];
  /** What the facts that are asked for a change were before, by their order in the plan; set by who judges. */
  remembered?: readonly (FieldValue | null)[];
}

/** What a sequence has come to: a match, or a reading behind one that completes nothing. */
export interface SequenceMatch {
  /** Event times of the readings that met its steps, in order; empty: nothing was completed. */
  readonly metAt: readonly number[];
  /** From the first of them to the end of the match, or of the last one before; milliseconds. */
  readonly tookMs: number;
}

/** A reading with what a rule without a window works out from it and from those before it. */
export interface Derived {
  readonly kind: 'derived';
  readonly offset: number;
  readonly receivedAt: number;
  readonly reading: Reading;
  /** Event time of the reading of its key before it that the rule looked at; its own for the first. */
  readonly previousAt: number;
  /** Running facts, by their order in the plan. */
  readonly running: readonly (FieldValue | undefined)[];
  /** Calculated facts, by their order in the plan. */
  computed?: readonly (number | undefined)[];
  /** What the facts that are asked for a change were before, by their order in the plan. */
  remembered?: readonly (FieldValue | null)[];
}

/** What the facts of a view came to for one key: of a window that has closed, or with a reading. */
export interface Viewed extends Cause, TimeSpan {
  readonly kind: 'viewed';
  /** Deterministic, as that of a transition. Of its event, and of its row. */
  readonly id: string;
  /** Index of the view in the plan's rules. */
  readonly rule: number;
  readonly key: Key;
  /** By the fields of the view's stream. */
  readonly values: readonly (FieldValue | undefined)[];
}
