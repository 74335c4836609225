import type { StreamConfig } from '../config.ts';
import type { RuleIndex } from './index-plan.ts';
import type { Keying } from './keying.ts';
import type { DerivedRule, ReadingRule, RulePlan, SilenceRule, WindowRule } from './rule-plan.ts';

/** The compiled config and rules: everything that the fold needs and that does not change while it runs. */
export interface Plan {
  /** The streams of the config first, in its order. Then the derived streams, each after its sources. */
  readonly streams: readonly StreamPlan[];
  /** Number of levels of streams; at least 1. */
  readonly levels: number;
  readonly rules: readonly RulePlan[];
  /** Paths of the device attributes that rules use. `AttributeValues` are in this order. */
  readonly attributes: readonly (readonly string[])[];
}

/** A compiled stream, with the rules over it. */
export interface StreamPlan {
  readonly index: number;
  readonly name: string;
  /** The config of the stream. A derived stream has only a name, labels and fields, because nothing decodes it. */
  readonly config: StreamConfig;
  readonly origin: StreamOrigin;
  /** 0 for a stream of the config. A derived stream is one level above its highest source. */
  readonly level: number;
  /** Extra time to wait for a quiet device, because the readings of a view have a long interval; milliseconds. */
  readonly graceMs: number;
  /** A device or key that is idle for so long leaves the state; milliseconds of live time. Longer than anything that its rules wait for. */
  readonly forgetMs: number;
  /** Every way in which this stream's rules group readings. The first is always by device. */
  readonly keyings: readonly Keying[];
  /** Rules over single readings. */
  readonly readingRules: readonly (ReadingRule | DerivedRule)[];
  /** Rules over windows. */
  readonly windowRules: readonly WindowRule[];
  /** The index that finds the reading rules a reading may concern. Undefined: every rule is evaluated. */
  readonly readingIndex: RuleIndex | undefined;
  /** The same index for the window rules. */
  readonly windowIndex: RuleIndex | undefined;
  /** The silence rules of each keying, by the index of the keying. */
  readonly silenceRules: readonly (readonly SilenceRule[])[];
  readonly hasSilence: boolean;
  /** Whether any rule uses the attributes of a reading's device. */
  readonly usesAttributes: boolean;
}

/** Where the readings of a stream come from: devices, a view (a rule without `event`, by its index in the plan's `rules`), or two other streams. */
export type StreamOrigin =
  | { readonly kind: 'devices' }
  | { readonly kind: 'view'; readonly rule: number }
  | CorrelationOrigin;

/**
 * A correlation joins two streams, for rules that use both. Its labels are those of the first stream. Its fields are those of the first, then of
 * the other.
 */
export interface CorrelationOrigin {
  readonly kind: 'correlation';
  /** Indexes of the two streams: `of` is the rules' own stream, `with` is the other. Neither is a correlation. */
  readonly of: number;
  readonly with: number;
  /** Whether the first stream has devices. The readings of the correlation then have them too. */
  readonly hasDevice: boolean;
  readonly join: LastJoin | WindowJoin;
}

/** Each reading of the first stream carries the newest values of the other that are known for its key. */
export interface LastJoin {
  readonly kind: 'last';
  /** How far apart the two readings may be in event time, in either direction; milliseconds. */
  readonly lastMs: number;
  /** The parts of a key in the first stream; see `Keying.parts`. */
  readonly parts: readonly number[];
  /** The parts of a key in the other stream. */
  readonly otherParts: readonly number[];
  /** A version of the meaning of the values. It changes when the definition of either stream changes. */
  readonly version: string;
}

/** The correlation has the readings of both streams, each with the values of its own stream only. */
export interface WindowJoin {
  readonly kind: 'window';
  /** For each label of the first stream: where a reading of the other has it; see `Keying.parts`. Undefined: the other stream has no such label. */
  readonly labels: readonly (number | undefined)[];
  /** If the first stream has devices: where a reading of the other stream has the device. Undefined: in the other stream's own device. */
  readonly device: number | undefined;
}
