/** The rule language as rule authors write it: the content of a `NAME.rule.json`. */
export interface RuleFile {
  readonly $schema?: string;
  readonly name: string;
  readonly description?: string;
  readonly stream: string;
  /** Labels (or `device`) whose values make the key; `[]` is the whole stream. Default `["device"]`. */
  readonly per?: readonly string[];
  readonly where?: TopCondition;
  readonly window?: WindowSpec;
  readonly facts?: Readonly<Record<string, FactSpec>>;
  readonly conditions?: TopCondition;
  /** Dead-man: no reading of the key for this long. Excludes window, facts, conditions and clear. */
  readonly silence?: string;
  readonly for?: string;
  readonly clear?: TopCondition;
  readonly keepFiring?: string;
  readonly event: RuleEvent;
  readonly priority?: number;
}

export type Severity = 'info' | 'warning' | 'critical';

export interface RuleEvent {
  readonly type: string;
  readonly params?: Readonly<Record<string, unknown>> & {
    readonly severity?: Severity;
    /** `{{name}}` stands for a fact, a field, a label, `device` or `key`. */
    readonly message?: string;
  };
}

export type WindowSpec =
  | { readonly tumbling: string; readonly lateness?: string }
  | { readonly hopping: string; readonly every: string; readonly lateness?: string };

/** Exactly one aggregate: its name → the field it reads (`true` for `count`). */
export type FactSpec = Readonly<Record<string, string | true>>;

export type Condition = LeafCondition | TopCondition;
export type TopCondition =
  | { readonly all: readonly Condition[]; readonly name?: string; readonly priority?: number }
  | { readonly any: readonly Condition[]; readonly name?: string; readonly priority?: number }
  | { readonly not: Condition; readonly name?: string; readonly priority?: number };

export interface LeafCondition {
  readonly fact: string;
  readonly operator: string;
  readonly value: unknown;
  readonly path?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly name?: string;
  readonly priority?: number;
}
