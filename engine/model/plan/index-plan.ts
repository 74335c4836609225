import type { FieldValue } from '../field.ts';

/** Something that a reading has, and without which a rule has no use for it. */
export type IndexPredicate =
  | { readonly kind: 'equals'; readonly source: number; readonly value: FieldValue }
  | { readonly kind: 'within'; readonly field: number; readonly low: number; readonly high: number };

/** What a clue looks at where that is no field, which stands by its index: the device, or (going down) the labels. */
export const DEVICE = -1;

export const FIRST_LABEL = -2;

/** Rules that look at readings, by what they ask of them. A rule stands by its position among those that the index is of. */
export interface RuleIndex {
  /** Rules without predicates, as bits by position. */
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
