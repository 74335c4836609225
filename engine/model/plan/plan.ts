import type { StreamConfig } from '../config.ts';
import type { RuleIndex } from './index-plan.ts';
import type { Keying } from './keying.ts';
import type { DerivedRule, ReadingRule, RulePlan, SilenceRule, WindowRule } from './rule-plan.ts';

/** Config and rules, compiled: everything the fold needs to know, and nothing that changes while it runs. */
export interface Plan {
  /** Those of the config first, in its order; behind them those that the engine makes itself, each behind what it is made of. */
  readonly streams: readonly StreamPlan[];
  /** How many levels of streams there are; at least 1. */
  readonly levels: number;
  readonly rules: readonly RulePlan[];
  /** Paths of the device attributes that rules look at; their values stand in this order. */
  readonly attributes: readonly (readonly string[])[];
}

export interface StreamPlan {
  readonly index: number;
  readonly name: string;
  /** Of a derived stream: its name, labels and fields; nothing decodes it. */
  readonly config: StreamConfig;
  readonly origin: StreamOrigin;
  /** 0 for a stream of the config; a derived one stands one above the highest that it is made of. */
  readonly level: number;
  /** How much longer than its clock says a quiet device is waited for, since its readings come in wide strides; milliseconds. */
  readonly graceMs: number;
  /** Every way in which this stream's rules group readings; the first is always by device. */
  readonly keyings: readonly Keying[];
  /** Rules that look at single readings, at windows, and for silence. */
  readonly readingRules: readonly (ReadingRule | DerivedRule)[];
  readonly windowRules: readonly WindowRule[];
  /** Which of them a reading may concern; undefined: each has to be asked. */
  readonly readingIndex: RuleIndex | undefined;
  readonly windowIndex: RuleIndex | undefined;
  /** By keying: the silence rules that group by it. */
  readonly silenceRules: readonly (readonly SilenceRule[])[];
  readonly hasSilence: boolean;
  /** Some rule looks at the attributes of a reading's device. */
  readonly usesAttributes: boolean;
}

/** Where the readings of a stream come from: devices, or a view (a rule without event), by its place in the plan's `rules`, or two other streams. */
export type StreamOrigin =
  | { readonly kind: 'devices' }
  | { readonly kind: 'view'; readonly rule: number }
  | CorrelationOrigin;

/** Two streams made one, for rules that look at both: its labels are those of the first, its fields those of the first and then of the other. */
export interface CorrelationOrigin {
  readonly kind: 'correlation';
  /** Indexes of the two; the first is the rules' own. Neither is a correlation. */
  readonly of: number;
  readonly with: number;
  /** The first has devices, and so its readings here. */
  readonly hasDevice: boolean;
  readonly join: LastJoin | WindowJoin;
}

/** Each reading of the first stream carries the newest values of the other that are known for its key. */
export interface LastJoin {
  readonly kind: 'last';
  /** How far apart the two may be in event time, to either side. */
  readonly lastMs: number;
  /** Of what a key consists in either stream; see `Keying.parts`. */
  readonly parts: readonly number[];
  readonly otherParts: readonly number[];
  /** What the values mean: changes with what the streams are made of. */
  readonly version: string;
}

/** Readings of both streams, each with its own values only. */
export interface WindowJoin {
  readonly kind: 'window';
  /** By the labels of the first stream: where a reading of the other has it; see `Keying.parts`. Undefined: it has none. */
  readonly labels: readonly (number | undefined)[];
  /** Where it has the device, where the first stream has devices; undefined: what the other calls its device. */
  readonly device: number | undefined;
}
