import type { FieldValue } from '../field.ts';
import type { ConditionOutcome } from '../item/alert.ts';

/** Conditions over an environment `E`, compiled. */
export interface RuleConditions<E> {
  readonly holds: (env: E) => boolean;
  /** Where neither this nor `holds` is so, it is unknown whether the conditions hold: facts have no value. */
  readonly fails: (env: E) => boolean;
  /** The rule's own `clear`; undefined: an alert clears when its conditions no longer hold. */
  readonly clear: Pick<RuleConditions<E>, 'holds' | 'fails'> | undefined;
  /** Of a rule with several levels; there, `holds` is that any of them does. */
  readonly ladder?: SeverityLevels<E>;
  /** Every fact by name, as it stands in alerts. */
  readonly facts: (env: E) => Record<string, FieldValue | null>;
  /** Every leaf condition of `conditions` (and, for a firing alert, of `clear`). */
  readonly outcomes: (env: E, clearing: boolean) => readonly ConditionOutcome[];
  /** Names of all facts that `conditions` and `clear` compare. */
  readonly reads: ReadonlySet<string>;
}

/** Several levels of conditions; one that holds makes those below it hold. */
export interface SeverityLevels<E> {
  /** The highest level whose conditions hold, from 1; 0 for none. */
  readonly reached: (env: E) => number;
  /** The highest level whose conditions hold or of which that is unknown, from 1; 0 for none. */
  readonly possible: (env: E) => number;
  /** The levels that may be left, as bits from the lowest; and those of which it is unknown whether they may be. */
  readonly clearing: (env: E, reached: number, possible: number) => number;
  readonly undecided: (env: E, reached: number, possible: number) => number;
}
