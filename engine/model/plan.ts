import type { Aggregate } from '../aggregates/aggregate.ts';
import type { StreamConfig } from './config.ts';
import type { Closed, ConditionOutcome } from './item.ts';
import type { FieldValue, Reading } from './reading.ts';
import type { Severity } from './rule.ts';

/** Config and rules, compiled: everything the fold needs to know, and nothing that changes while it runs. */
export interface Plan {
  readonly streams: readonly StreamPlan[];
  readonly rules: readonly RulePlan[];
}

export interface StreamPlan {
  readonly index: number;
  readonly name: string;
  readonly config: StreamConfig;
  /** Every way in which this stream's rules group readings; the first is always by device. */
  readonly keyings: readonly Keying[];
  /** Rules that look at single readings, at windows, and for silence. */
  readonly readingRules: readonly ReadingRule[];
  readonly windowRules: readonly WindowRule[];
  /** By keying: the silence rules that group by it. */
  readonly silenceRules: readonly (readonly SilenceRule[])[];
  readonly hasSilence: boolean;
}

/** A way to group the readings of a stream. */
export interface Keying {
  /** Position in the stream's `keyings`. */
  readonly index: number;
  readonly per: readonly string[];
  /** Where each part comes from: -1 the device, else the index of a label. */
  readonly parts: readonly number[];
  /** Each key is one device. */
  readonly byDevice: boolean;
}

export type RulePlan = ReadingRule | WindowRule | SilenceRule;

interface RuleBase {
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
  readonly severity: Severity;
  readonly params: Readonly<Record<string, unknown>>;
  readonly lifecycle: Lifecycle;
  /** What the alert says, from the facts of a transition and the parts of its key. */
  readonly message: (get: (name: string) => FieldValue | undefined) => string;
}

/** How verdicts become alerts; milliseconds, 0 for at once. */
export interface Lifecycle {
  readonly forMs: number;
  readonly keepFiringMs: number;
}

/** Conditions over an environment `E`, compiled. */
export interface Judge<E> {
  readonly holds: (env: E) => boolean;
  /** The rule's own `clear`; undefined: an alert clears when its conditions no longer hold. */
  readonly clears: ((env: E) => boolean) | undefined;
  /** Every fact by name, as it stands in alerts. */
  readonly facts: (env: E) => Record<string, FieldValue | null>;
  /** Every leaf condition of `conditions` (and, for a firing alert, of `clear`). */
  readonly outcomes: (env: E, clearing: boolean) => readonly ConditionOutcome[];
}

export interface ReadingRule extends RuleBase {
  readonly kind: 'reading';
  readonly where: ((reading: Reading) => boolean) | undefined;
  readonly judge: Judge<Reading>;
}

export interface WindowRule extends RuleBase {
  readonly kind: 'window';
  readonly where: ((reading: Reading) => boolean) | undefined;
  readonly window: WindowPlan;
  readonly judge: Judge<Closed>;
}

export interface SilenceRule extends RuleBase {
  readonly kind: 'silence';
  readonly silenceMs: number;
}

/** A window as panes: a tumbling window is one pane, a hopping one `panes` of them. Milliseconds of event time. */
export interface WindowPlan {
  readonly paneMs: number;
  readonly panes: number;
  readonly latenessMs: number;
  readonly aggregates: readonly {
    readonly aggregate: Aggregate /** Index of the field, or -1 for none. */;
    readonly field: number;
  }[];
}
