/** The rule language as rule authors write it: the content of a `NAME.rule.json`. */
export interface RuleFile {
  readonly $schema?: string;
  readonly name: string;
  readonly description?: string;
  readonly stream: string;
  /** Another stream, whose fields conditions and facts know by its name and theirs, as in `doors.open`. */
  readonly with?: WithSpec;
  /** Labels (or `device`) whose values make the key; `[]` is the whole stream. Default `["device"]`. */
  readonly per?: readonly string[];
  readonly where?: TopCondition;
  readonly window?: WindowSpec;
  /** In place of window and conditions: readings that meet one condition after the other. */
  readonly sequence?: SequenceSpec;
  /** Of a sequence: how long it waits for readings that come out of order. A window has its own. */
  readonly lateness?: string;
  readonly facts?: Readonly<Record<string, FactSpec>>;
  readonly conditions?: TopCondition;
  /** In place of conditions: the same alert at rising severities, lowest first. */
  readonly levels?: readonly LevelSpec[];
  /** Dead-man: no reading of the key for this long. Excludes window, facts, conditions and clear. */
  readonly silence?: string;
  readonly for?: HoldSpec;
  readonly clear?: TopCondition;
  readonly keepFiring?: string;
  /** Without an outcome for this long, the alert resolves. */
  readonly resolveAfter?: string;
  /** An open alert is told again each time this has passed. */
  readonly repeat?: string;
  readonly flapping?: { readonly changes: number; readonly within: string };
  readonly limit?: { readonly alerts: number; readonly per: string };
  readonly active?: ActiveSpec | readonly ActiveSpec[];
  /** A rule without it is a view. */
  readonly event?: RuleEvent;
  readonly priority?: number;
  /**
   * What a comparison of a fact without a value comes to: `unknown`, which decides nothing, or what json-rules-engine makes of `undefined`.
   * Default `unknown`.
   */
  readonly missing?: 'unknown' | 'undefined';
  /** Of a rule over single readings that remembers nothing: `arrival` judges a reading also where a newer one was judged before. Default `event`. */
  readonly order?: 'event' | 'arrival';
}

export type Severity = 'info' | 'warning' | 'critical';

/**
 * The other stream of a rule. With `last`, each reading of its own stream carries the last known values of the other; without it,
 * readings of both enter its window.
 */
export interface WithSpec {
  readonly stream: string;
  /** How far a last known value may be from the reading that carries it, in event time. */
  readonly last?: string;
}

/** How long the conditions must hold, or in how many of the last outcomes. */
export type HoldSpec = string | { readonly matches: number; readonly of: number };

/** A step of a severity ladder. */
export interface LevelSpec {
  readonly severity: Severity;
  readonly conditions: TopCondition;
  readonly clear?: TopCondition;
  /** In place of the rule's own. */
  readonly for?: HoldSpec;
}

/** Hours of the week in which a rule is looked at, by the clocks of a place. */
export interface ActiveSpec {
  /** The days on which the hours begin; default every day. */
  readonly days?: readonly Weekday[];
  /** `HH:MM`; default `00:00`. */
  readonly from?: string;
  /** `HH:MM` up to `24:00`, which is the default; before `from` it lies on the next day. */
  readonly to?: string;
  /** As in `Europe/Berlin`. */
  readonly timeZone: string;
}

export const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

export interface RuleEvent {
  readonly type: string;
  readonly params?: Readonly<Record<string, unknown>> & {
    readonly severity?: Severity;
    /** `{{name}}` stands for a fact, a field, a label, `device` or `key`; `{{name.unit}}` for its unit. */
    readonly message?: string;
  };
}

/** A window, by the key that names its kind. Lengths are durations but for those of `count`, which are numbers of readings. */
export type WindowSpec = (
  | { readonly tumbling: string }
  | { readonly hopping: string; readonly every: string }
  | { readonly sliding: string }
  | { readonly session: string; readonly max?: string }
  | { readonly count: number; readonly every?: number }
  | { readonly state: { readonly from: TopCondition; readonly until: TopCondition }; readonly max?: string }
) & { readonly lateness?: string };

/** The condition that a reading must meet first, and what must follow it, or must not. */
export type SequenceSpec = readonly [TopCondition, ...SequenceStep[]];

/** A reading that meets a condition; or none that does, up to the next `then` or, at the end, until the time is over. */
export type SequenceStep =
  | { readonly then: TopCondition; readonly within?: string }
  | { readonly not: Condition; readonly within?: string };

/** Exactly one aggregate, its name → what it is of: a field, `true` or a condition; beside it, the aggregate's parameters. */
export type FactSpec =
  | Readonly<Record<string, string | number | true | readonly number[] | TopCondition>>
  | Calculation;

/** A calculation: exactly one operation, and what it works on. */
export interface Calculation {
  readonly add?: readonly Operand[];
  readonly subtract?: readonly [Operand, Operand];
  readonly multiply?: readonly Operand[];
  readonly divide?: readonly [Operand, Operand];
  readonly min?: readonly Operand[];
  readonly max?: readonly Operand[];
  readonly pow?: readonly [Operand, Operand];
  readonly abs?: Operand;
  readonly round?: Operand;
  readonly sqrt?: Operand;
  readonly log?: Operand;
  /** Of `round`: digits behind the point. Default 0. */
  readonly digits?: number;
  /** Of `log`. Default: the natural logarithm. */
  readonly base?: number;
}

/** A number, the name of a field or fact, or what another calculation gives. */
export type Operand = number | string | Calculation;

export type Condition = LeafCondition | TopCondition;
export type TopCondition =
  | { readonly all: readonly Condition[]; readonly name?: string; readonly priority?: number }
  | { readonly any: readonly Condition[]; readonly name?: string; readonly priority?: number }
  | { readonly not: Condition; readonly name?: string; readonly priority?: number }
  | { readonly condition: string; readonly name?: string; readonly priority?: number };

/** Conditions and lists that rules refer to by name: the content of `conditions.json`, in the folder of the rules. */
export interface SharedFile {
  readonly $schema?: string;
  readonly conditions?: Readonly<Record<string, TopCondition>>;
  readonly lists?: Readonly<Record<string, readonly (string | number | boolean)[]>>;
}

export interface LeafCondition {
  readonly fact: string;
  readonly operator: string;
  readonly value: unknown;
  readonly path?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly name?: string;
  readonly priority?: number;
}
