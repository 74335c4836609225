import type { Detector } from '../detector.ts';
import type { FieldValue } from '../field.ts';
import type { Closed, Derived } from '../item/window-result.ts';
import type { Reading } from '../reading.ts';
import type { Severity } from '../rule.ts';
import type { RuleConditions } from './conditions-plan.ts';
import type { IndexPredicate } from './index-plan.ts';
import type { Keying } from './keying.ts';
import type { Lifecycle } from './lifecycle-plan.ts';
import type { WindowPlan } from './window-plan.ts';

/** A compiled rule, by its kind. */
export type RulePlan = ReadingRule | DerivedRule | WindowRule | SilenceRule;

/** What all kinds of compiled rules have. */
export interface RuleBase {
  /** Position in the plan's `rules`. */
  readonly index: number;
  readonly name: string;
  /** Hash of the rule's meaning. State of another version is not restored. */
  readonly version: string;
  readonly stream: number;
  readonly keying: Keying;
  /** Position among the rules of the same keying. A key's state keeps this rule's state at that position. */
  readonly slot: number;
  readonly type: string;
  /** Severity of the lowest level. */
  readonly severity: Severity;
  /** Whether the rule uses the attributes of devices. */
  readonly usesAttributes: boolean;
  readonly params: Readonly<Record<string, unknown>>;
  readonly lifecycle: Lifecycle;
  /** Makes the alert's message. `get` gives the facts of a transition and the parts of its key. */
  readonly message: (get: (name: string) => FieldValue | undefined) => string;
  /** Units of the facts that have one, by name. */
  readonly units: Readonly<Record<string, string>>;
}

/** A rule over single readings without facts. */
export interface ReadingRule extends RuleBase {
  readonly kind: 'reading';
  readonly order: ReadingOrder;
  readonly where: ((reading: Reading) => boolean) | undefined;
  /** Index predicates: each reading that concerns the rule meets at least one of them. Undefined: any reading may concern the rule. */
  readonly predicates: readonly IndexPredicate[] | undefined;
  readonly conditions: RuleConditions<Reading>;
}

/** A rule over single readings that has facts: running facts, which have state, and calculated facts. */
export interface DerivedRule extends RuleBase {
  readonly kind: 'derived';
  readonly order: ReadingOrder;
  readonly where: ((reading: Reading) => boolean) | undefined;
  /** See `ReadingRule`. */
  readonly predicates: readonly IndexPredicate[] | undefined;
  readonly running: readonly RunningFact[];
  readonly formulas: readonly FormulaPlan<Derived>[];
  /** Facts whose last values are remembered, for conditions with `changed`. */
  readonly remembered: readonly ((derived: Derived) => FieldValue | undefined)[];
  readonly conditions: RuleConditions<Derived>;
  /** Undefined: the rule is no view; it has alerts. */
  readonly view: ViewPlan<Derived> | undefined;
}

/** A rule over windows or a sequence. */
export interface WindowRule extends RuleBase {
  readonly kind: 'window';
  readonly where: ((reading: Reading) => boolean) | undefined;
  /** See `ReadingRule`. */
  readonly predicates: readonly IndexPredicate[] | undefined;
  readonly window: WindowPlan;
  /** Index of the key part that names a device. Closed windows are evaluated with its attributes. Undefined: with none. */
  readonly attributesOf: number | undefined;
  readonly formulas: readonly FormulaPlan<Closed>[];
  /** See `DerivedRule`. */
  readonly remembered: readonly ((closed: Closed) => FieldValue | undefined)[];
  readonly conditions: RuleConditions<Closed>;
  /** See `DerivedRule`. */
  readonly view: ViewPlan<Closed> | undefined;
}

/** A rule that fires when no reading of a key arrives for `silenceMs`. */
export interface SilenceRule extends RuleBase {
  readonly kind: 'silence';
  readonly silenceMs: number;
}

/** A rule without `event`. The values of its facts are published, stored, and become the readings of a stream of its name. */
export interface ViewPlan<E> {
  /** Names of its facts, which are the fields of its stream. */
  readonly names: readonly string[];
  /** The values, in the order of `names`. */
  readonly values: readonly ((env: E) => FieldValue | undefined)[];
}

/** The view of a rule. Throws if the rule is no view, which is a programming error. */
export function viewOf(rule: RulePlan): Pick<ViewPlan<never>, 'names'> {
  if ('view' in rule && rule.view !== undefined) return rule.view;
  throw new Error(`rule ${rule.name} is no view`);
}

/** A fact with state, and what its detector gets from each reading of a key. */
export interface RunningFact {
  readonly detector: Detector;
  /** The value for the detector. It is undefined if the reading has none. */
  readonly read: (reading: Reading) => FieldValue | undefined;
}

/** A calculation. It may use the calculations before it. */
export type FormulaPlan<E> = (env: E) => number | undefined;

/** Which readings of a device a rule over single readings skips, because it has evaluated newer ones. */
export interface ReadingOrder {
  /** Indexes of the fields that the rule reads. A reading is out of order if it has one of these fields and a newer reading had that field too. */
  readonly fields: readonly number[];
  /** Whether the rule evaluates readings in the order of their arrival, whatever their stamps are. */
  readonly byArrival: boolean;
}
