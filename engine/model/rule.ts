/** The rule language as rule authors write it: the content of a `NAME.rule.json`. */
export interface RuleFile {
  readonly $schema?: string;
  readonly name: string;
  readonly description?: string;
  readonly stream: string;
  /** Another stream. Conditions and facts name its fields with the stream's name, as in `doors.open`. */
  readonly with?: WithSpec;
  /** Labels (or `device`) whose values make the key; `[]` is the whole stream. Default `["device"]`. */
  readonly per?: readonly string[];
  readonly where?: TopCondition;
  readonly window?: WindowSpec;
  /** Readings that meet one condition after the other. Replaces `window` and `conditions`. */
  readonly sequence?: SequenceSpec;
  /** How long a sequence waits for readings that are out of order. A window has its own `lateness`. */
  readonly lateness?: string;
  readonly facts?: Readonly<Record<string, FactSpec>>;
  readonly conditions?: TopCondition;
  /** One alert with rising severities, lowest first. Replaces `conditions`. */
  readonly levels?: readonly LevelSpec[];
  /** The alert fires if there is no reading of the key for this long. Excludes `window`, `facts`, `conditions` and `clear`. */
  readonly silence?: string;
  readonly for?: HoldSpec;
  readonly clear?: TopCondition;
  readonly keepFiring?: string;
  /** The alert resolves if there is no outcome for this long. */
  readonly resolveAfter?: string;
  /** The interval at which an open alert re-notifies. */
  readonly repeat?: string;
  readonly flapping?: { readonly changes: number; readonly within: string };
  readonly limit?: { readonly alerts: number; readonly per: string };
  readonly active?: ActiveSpec | readonly ActiveSpec[];
  /** A rule without it is a view. */
  readonly event?: RuleEvent;
  readonly priority?: number;
  /**
   * The result of a comparison of a fact without a value: `unknown`, which decides nothing, or the result of json-rules-engine for
   * `undefined`. Default `unknown`.
   */
  readonly missing?: 'unknown' | 'undefined';
  /** Only for a rule over single readings without state: `arrival` evaluates a reading even if a newer one was evaluated before. Default `event`. */
  readonly order?: 'event' | 'arrival';
}

/** How severe an alert is, in rising order. */
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
  /** Replaces the rule's own `for`. */
  readonly for?: HoldSpec;
}

/** Hours of the week in which a rule is evaluated, in a time zone. */
export interface ActiveSpec {
  /** The days on which the hours begin; default every day. */
  readonly days?: readonly Weekday[];
  /** `HH:MM`; default `00:00`. */
  readonly from?: string;
  /** `HH:MM` up to `24:00`; default `24:00`. If it is before `from`, it is on the next day. */
  readonly to?: string;
  /** IANA name, as in `Europe/Berlin`. */
  readonly timeZone: string;
}

/** The days of the week as rules write them, from Sunday. */
export const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
/** A day of the week as rules write it. */
export type Weekday = (typeof WEEKDAYS)[number];

/** The event of a rule's alerts. */
export interface RuleEvent {
  readonly type: string;
  readonly params?: Readonly<Record<string, unknown>> & {
    readonly severity?: Severity;
    /** `{{name}}` is replaced by a fact, a field, a label, `device` or `key`; `{{name.unit}}` by its unit. */
    readonly message?: string;
  };
}

/** A window, by the key that names its kind. Lengths are durations, except for `count`, where they are numbers of readings. */
export type WindowSpec = (
  | { readonly tumbling: string }
  | { readonly hopping: string; readonly every: string }
  | { readonly sliding: string }
  | { readonly session: string; readonly max?: string }
  | { readonly count: number; readonly every?: number }
  | { readonly state: { readonly from: TopCondition; readonly until: TopCondition }; readonly max?: string }
) & { readonly lateness?: string };

/** The condition that a reading must meet first, and then what must or must not follow it. */
export type SequenceSpec = readonly [TopCondition, ...SequenceStep[]];

/** `then`: a reading that meets a condition. `not`: no reading that meets it, until the next `then` or (at the end) until the time is over. */
export type SequenceStep =
  | { readonly then: TopCondition; readonly within?: string }
  | { readonly not: Condition; readonly within?: string };

/** Exactly one aggregate: its name is the key, its source (a field, `true` or a condition) the value. The aggregate's parameters are beside it. */
export type FactSpec =
  | Readonly<Record<string, string | number | true | readonly number[] | TopCondition>>
  | Calculation;

/** A calculation: exactly one operation and its operands. */
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
  /** Only for `round`: digits after the decimal point. Default 0. */
  readonly digits?: number;
  /** Only for `log`. Default: the natural logarithm. */
  readonly base?: number;
}

/** A number, the name of a field or fact, or another calculation. */
export type Operand = number | string | Calculation;

/** A condition: a comparison, or a combination of conditions. */
export type Condition = LeafCondition | TopCondition;
/** A combination of conditions, or a reference to a shared one by its name. */
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

/** A comparison of a fact with a value. */
export interface LeafCondition {
  readonly fact: string;
  readonly operator: string;
  readonly value: unknown;
  readonly path?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly name?: string;
  readonly priority?: number;
}
