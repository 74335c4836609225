import type { FieldValue } from '../field.ts';
import type { ConditionOutcome } from '../item/alert.ts';

/** Compiled conditions over an environment `E`. */
export interface RuleConditions<E> {
  readonly holds: (env: E) => boolean;
  /** If both this and `holds` are false, it is unknown whether the conditions hold, because facts have no value. */
  readonly fails: (env: E) => boolean;
  /** The rule's own `clear`; undefined: an alert clears when its conditions no longer hold. */
  readonly clear: Pick<RuleConditions<E>, 'holds' | 'fails'> | undefined;
  /** Present for a rule with several levels. `holds` is then true if any level holds. */
  readonly ladder?: SeverityLevels<E>;
  /** Every fact by name, as alerts contain it. */
  readonly facts: (env: E) => Record<string, FieldValue | null>;
  /** Every leaf condition of `conditions` (and, for a firing alert, of `clear`). */
  readonly outcomes: (env: E, clearing: boolean) => readonly ConditionOutcome[];
  /** Names of all facts that `conditions` and `clear` compare. */
  readonly reads: ReadonlySet<string>;
}

/** The conditions of several levels. If a level holds, all lower levels hold too. */
export interface SeverityLevels<E> {
  /** The highest level whose conditions hold, from 1; 0 for none. */
  readonly reached: (env: E) => number;
  /** The highest level whose conditions hold or may hold (a fact has no value), from 1; 0 for none. */
  readonly possible: (env: E) => number;
  /** Bits of the levels that may be left; bit 0 is the lowest level. */
  readonly clearing: (env: E, reached: number, possible: number) => number;
  /** Bits of the levels for which it is unknown whether they may be left. */
  readonly undecided: (env: E, reached: number, possible: number) => number;
}
