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

export type RulePlan = ReadingRule | DerivedRule | WindowRule | SilenceRule;

export interface RuleBase {
  /** Position in the plan's `rules`. */
  readonly index: number;
  readonly name: string;
  /** Hash of the rule's meaning; state of another version is not taken over. */
  readonly version: string;
  readonly stream: number;
  readonly keying: Keying;
  /** Position among the rules of the same keying: where a key's state keeps this rule's. */
  readonly slot: number;
  readonly type: string;
  /** Of the lowest level. */
  readonly severity: Severity;
  /** It looks at the attributes of the devices whose readings it sees. */
  readonly usesAttributes: boolean;
  readonly params: Readonly<Record<string, unknown>>;
  readonly lifecycle: Lifecycle;
  /** What the alert says, from the facts of a transition and the parts of its key. */
  readonly message: (get: (name: string) => FieldValue | undefined) => string;
  /** Units of the facts that have one, by name. */
  readonly units: Readonly<Record<string, string>>;
}

export interface ReadingRule extends RuleBase {
  readonly kind: 'reading';
  readonly order: ReadingOrder;
  readonly where: ((reading: Reading) => boolean) | undefined;
  /** Each reading that the rule must see has at least one of them; undefined: it may be any. */
  readonly predicates: readonly IndexPredicate[] | undefined;
  readonly judge: RuleConditions<Reading>;
}

/** A rule over single readings that has facts: running ones, which remember, and calculated ones. */
export interface DerivedRule extends RuleBase {
  readonly kind: 'derived';
  readonly order: ReadingOrder;
  readonly where: ((reading: Reading) => boolean) | undefined;
  /** See `ReadingRule`. */
  readonly predicates: readonly IndexPredicate[] | undefined;
  readonly running: readonly RunningFact[];
  readonly formulas: readonly FormulaPlan<Derived>[];
  /** Facts whose last values are remembered, for conditions that ask whether they changed. */
  readonly remembered: readonly ((derived: Derived) => FieldValue | undefined)[];
  readonly judge: RuleConditions<Derived>;
  /** Undefined: it has alerts. */
  readonly view: ViewPlan<Derived> | undefined;
}

export interface WindowRule extends RuleBase {
  readonly kind: 'window';
  readonly where: ((reading: Reading) => boolean) | undefined;
  /** See `ReadingRule`. */
  readonly predicates: readonly IndexPredicate[] | undefined;
  readonly window: WindowPlan;
  /** Which part of the key names the device whose attributes closed windows are judged by; undefined: none. */
  readonly attributesOf: number | undefined;
  readonly formulas: readonly FormulaPlan<Closed>[];
  /** See `DerivedRule`. */
  readonly remembered: readonly ((closed: Closed) => FieldValue | undefined)[];
  readonly judge: RuleConditions<Closed>;
  /** See `DerivedRule`. */
  readonly view: ViewPlan<Closed> | undefined;
}

export interface SilenceRule extends RuleBase {
  readonly kind: 'silence';
  readonly silenceMs: number;
}

/** A rule without event: what its facts come to is told, stored, and what a stream of its name is made of. */
export interface ViewPlan<E> {
  /** Of its facts, which are the fields of its stream; `values` are in their order. */
  readonly names: readonly string[];
  /** By the fields of the view's stream. */
  readonly values: readonly ((env: E) => FieldValue | undefined)[];
}

/** The view that a rule is; throws where it is none, which is a programming error. */
export function viewOf(rule: RulePlan): Pick<ViewPlan<never>, 'names'> {
  if ('view' in rule && rule.view !== undefined) return rule.view;
  throw new Error(`rule ${rule.name} is no view`);
}

/** A fact that follows the readings of a key, and what it takes from each. */
export interface RunningFact {
  readonly detector: Detector;
  /** Undefined: the reading says nothing to it. */
  readonly read: (reading: Reading) => FieldValue | undefined;
}

/** A calculation; it may use those that stand before it. */
export type FormulaPlan<E> = (env: E) => number | undefined;

/** Which readings of a device a rule over single readings passes over, because it has judged newer ones. */
export interface ReadingOrder {
  /** Indexes of the fields that it reads: a reading is out of order where one of those it has is known from a newer reading. */
  readonly fields: readonly number[];
  /** It judges readings in the order of their arrival, whatever their stamps. */
  readonly byArrival: boolean;
}
