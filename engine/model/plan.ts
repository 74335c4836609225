import type { Aggregate } from './aggregate.ts';
import type { StreamConfig } from './config.ts';
import type { Detector } from './detector.ts';
import type { FieldValue } from './field.ts';
import type { Closed, ConditionOutcome, Derived } from './item.ts';
import type { Reading } from './reading.ts';
import type { Severity } from './rule.ts';

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
  readonly settleMs: number;
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

export type RulePlan = ReadingRule | DerivedRule | WindowRule | SilenceRule;

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

/** Something that a reading has, and without which a rule has no use for it. */
export type Clue =
  | { readonly kind: 'equals'; readonly source: number; readonly value: FieldValue }
  | { readonly kind: 'within'; readonly field: number; readonly low: number; readonly high: number };

/** What a clue looks at where that is no field, which stands by its index: the device, or (going down) the labels. */
export const DEVICE = -1;
export const FIRST_LABEL = -2;

/** Rules that look at readings, by what they ask of them. A rule stands by its position among those that the index is of. */
export interface RuleIndex {
  /** Rules without clues, as bits by position. */
  readonly always: Int32Array;
  readonly values: readonly {
    readonly source: number;
    readonly positions: ReadonlyMap<FieldValue, readonly number[]>;
  }[];
  readonly spans: readonly SpanTable[];
}

/** Rules that ask for a field within bounds. */
export interface SpanTable {
  readonly field: number;
  /** All of them. */
  readonly positions: readonly number[];
  readonly root: SpanNode | undefined;
}

/** Spans that lie around a number, by rising low and by falling high ends, and the nodes of those below and above it. */
export interface SpanNode {
  /** Undefined: there are few, and they lie anywhere. */
  readonly center: number | undefined;
  readonly lows: Float64Array;
  readonly highsOfLows: Float64Array;
  readonly byLow: Int32Array;
  readonly highs: Float64Array;
  readonly byHigh: Int32Array;
  readonly below: SpanNode | undefined;
  readonly above: SpanNode | undefined;
}

/** How verdicts become alerts, and how loudly; milliseconds. */
export interface Lifecycle {
  /** Lowest first, at least one; a rule without a ladder has one. */
  readonly levels: readonly LevelPlan[];
  /** 0: resolves at once. */
  readonly keepFiringMs: number;
  /** 0: a gap in the data does not resolve an alert. */
  readonly resolveAfterMs: number;
  /** 0: told once. */
  readonly repeatMs: number;
  readonly flapping: { readonly changes: number; readonly withinMs: number } | undefined;
  readonly limit: { readonly alerts: number; readonly perMs: number } | undefined;
  /** Empty: always. */
  readonly active: readonly ScheduleSpan[];
}

/** A severity, and what it takes to reach it: conditions that hold for so long, or in so many of the last outcomes. */
export interface LevelPlan {
  readonly severity: Severity;
  readonly hold: { readonly forMs: number } | { readonly matches: number; readonly of: number };
}

/** Hours of the week by the clocks of a time zone. */
export interface ScheduleSpan {
  /** By day of the week from Sunday: whether the hours begin on it. */
  readonly days: readonly boolean[];
  /** Minutes since midnight, from 0 to 1440; `to` is not inside. Where it lies before `from` it means the next day. */
  readonly from: number;
  readonly to: number;
  readonly timeZone: string;
}

/** Conditions over an environment `E`, compiled. */
export interface Judge<E> {
  readonly holds: (env: E) => boolean;
  /** Where neither this nor `holds` is so, it is unknown whether the conditions hold: facts have no value. */
  readonly fails: (env: E) => boolean;
  /** The rule's own `clear`; undefined: an alert clears when its conditions no longer hold. */
  readonly clear: Pick<Judge<E>, 'holds' | 'fails'> | undefined;
  /** Of a rule with several levels; there, `holds` is that any of them does. */
  readonly ladder?: Ladder<E>;
  /** Every fact by name, as it stands in alerts. */
  readonly facts: (env: E) => Record<string, FieldValue | null>;
  /** Every leaf condition of `conditions` (and, for a firing alert, of `clear`). */
  readonly outcomes: (env: E, clearing: boolean) => readonly ConditionOutcome[];
  /** Names of all facts that `conditions` and `clear` compare. */
  readonly reads: ReadonlySet<string>;
}

/** Several levels of conditions; one that holds makes those below it hold. */
export interface Ladder<E> {
  /** The highest level whose conditions hold, from 1; 0 for none. */
  readonly reached: (env: E) => number;
  /** The highest level whose conditions hold or of which that is unknown, from 1; 0 for none. */
  readonly possible: (env: E) => number;
  /** The levels that may be left, as bits from the lowest; and those of which it is unknown whether they may be. */
  readonly clearing: (env: E, reached: number, possible: number) => number;
  readonly undecided: (env: E, reached: number, possible: number) => number;
}

/** Which readings of a device a rule over single readings passes over, because it has judged newer ones. */
export interface ReadingOrder {
  /** Indexes of the fields that it reads: a reading is out of order where one of those it has is known from a newer reading. */
  readonly fields: readonly number[];
  /** It judges readings in the order of their arrival, whatever their stamps. */
  readonly byArrival: boolean;
}

export interface ReadingRule extends RuleBase {
  readonly kind: 'reading';
  readonly order: ReadingOrder;
  readonly where: ((reading: Reading) => boolean) | undefined;
  /** Each reading that the rule must see has at least one of them; undefined: it may be any. */
  readonly clues: readonly Clue[] | undefined;
  readonly judge: Judge<Reading>;
}

/** A rule over single readings that has facts: running ones, which remember, and calculated ones. */
export interface DerivedRule extends RuleBase {
  readonly kind: 'derived';
  readonly order: ReadingOrder;
  readonly where: ((reading: Reading) => boolean) | undefined;
  /** See `ReadingRule`. */
  readonly clues: readonly Clue[] | undefined;
  readonly running: readonly RunningFact[];
  readonly formulas: readonly FormulaPlan<Derived>[];
  /** Facts whose last values are remembered, for conditions that ask whether they changed. */
  readonly remembered: readonly ((derived: Derived) => FieldValue | undefined)[];
  readonly judge: Judge<Derived>;
  /** Undefined: it has alerts. */
  readonly view: ViewPlan<Derived> | undefined;
}

/** A fact that follows the readings of a key, and what it takes from each. */
export interface RunningFact {
  readonly detector: Detector;
  /** Undefined: the reading says nothing to it. */
  readonly read: (reading: Reading) => FieldValue | undefined;
}

/** A calculation; it may use those that stand before it. */
export type FormulaPlan<E> = (env: E) => number | undefined;

export interface WindowRule extends RuleBase {
  readonly kind: 'window';
  readonly where: ((reading: Reading) => boolean) | undefined;
  /** See `ReadingRule`. */
  readonly clues: readonly Clue[] | undefined;
  readonly window: WindowPlan;
  /** Which part of the key names the device whose attributes closed windows are judged by; undefined: none. */
  readonly attributesOf: number | undefined;
  readonly formulas: readonly FormulaPlan<Closed>[];
  /** See `DerivedRule`. */
  readonly remembered: readonly ((closed: Closed) => FieldValue | undefined)[];
  readonly judge: Judge<Closed>;
  /** See `DerivedRule`. */
  readonly view: ViewPlan<Closed> | undefined;
}

export interface SilenceRule extends RuleBase {
  readonly kind: 'silence';
  readonly silenceMs: number;
}

/** The window of a rule, by its kind. Sizes are whole milliseconds of event time; `maxMs` is Infinity where there is no limit. */
export type WindowPlan = TumblingPlan | HoppingPlan | SlidingPlan | SessionPlan | CountPlan | StatePlan | SequencePlan;

/** Kinds that a rule's `window` names; a `sequence` is another key of the rule. */
export type WindowName = Exclude<WindowPlan['kind'], 'sequence'>;

/** Panes (see windows/) that one window may consist of: it bounds the accumulators that each key keeps for each fact. */
export const MAX_PANES = 3_600;

interface WindowBase {
  /** How long it waits for readings that come out of order. */
  readonly latenessMs: number;
  readonly aggregates: readonly WindowAggregate[];
}

/** One window after the other, aligned to the epoch. */
export interface TumblingPlan extends WindowBase {
  readonly kind: 'tumbling';
  readonly sizeMs: number;
}

/** Windows that overlap, aligned to the epoch. `sizeMs` is a multiple of `everyMs`. */
export interface HoppingPlan extends WindowBase {
  readonly kind: 'hopping';
  readonly sizeMs: number;
  readonly everyMs: number;
}

/** At each reading, those of the last `sizeMs`. */
export interface SlidingPlan extends WindowBase {
  readonly kind: 'sliding';
  readonly sizeMs: number;
}

/** Readings with less than `gapMs` between one and the next, for `maxMs` at most. */
export interface SessionPlan extends WindowBase {
  readonly kind: 'session';
  readonly gapMs: number;
  readonly maxMs: number;
}

/** After the first `size` readings, and then after every `every`, the last `size`. */
export interface CountPlan extends WindowBase {
  readonly kind: 'count';
  readonly size: number;
  readonly every: number;
  /** Greatest number that divides both. */
  readonly paneSize: number;
  /** Takes readings as they arrive, not by event time: the clocks of a group's devices do not agree on which came first. */
  readonly byArrival: boolean;
}

/** From a reading that meets `from` to the next one that meets `until`, or for `maxMs`. */
export interface StatePlan extends WindowBase {
  readonly kind: 'state';
  readonly from: (reading: Reading) => boolean;
  readonly until: (reading: Reading) => boolean;
  readonly maxMs: number;
  /** See `CountPlan`. */
  readonly byArrival: boolean;
}

/** Readings that meet one condition after the other, with others absent in between or at the end. It has no aggregates. */
export interface SequencePlan extends WindowBase {
  readonly kind: 'sequence';
  /** Every condition, as written; whether a reading meets the one at i is the bit i of its flags. At most 30. */
  readonly conditions: readonly ((reading: Reading) => boolean)[];
  /** What readings must meet, in order; at least one. */
  readonly steps: readonly SequenceStepPlan[];
  /** What must be absent behind the last of them for the match to be one; often empty. */
  readonly closing: readonly AbsencePlan[];
  /** How long it tells of readings that complete nothing, counted from the first of them behind a match; may be Infinity. */
  readonly calmMs: number;
}

export interface SequenceStepPlan {
  readonly flag: number;
  /** It must be met less than this after the step before it; Infinity: whenever. */
  readonly withinMs: number;
  /** Flags none of which a reading between this step and the next may have. */
  readonly breaks: number;
}

/** No reading with the flag in the time since a step was met. */
export interface AbsencePlan {
  readonly flag: number;
  /** Index of the step that the time counts from; a reading at its very end is no longer in it. */
  readonly since: number;
  readonly withinMs: number;
}

/** One aggregate of a window and what it takes from each reading. */
export interface WindowAggregate {
  readonly aggregate: Aggregate;
  /** Index of the field; -1: what `read` gives. */
  readonly field: number;
  /** What it takes where that is no field; without it, `true` from every reading. */
  readonly read?: ((reading: Reading) => FieldValue | undefined) | undefined;
}

/** What a window's aggregate takes from a reading; undefined: nothing. */
export function readFor({ field, read }: WindowAggregate, reading: Reading): FieldValue | undefined {
  if (field >= 0) return reading.values[field];
  return read === undefined ? true : read(reading);
}
