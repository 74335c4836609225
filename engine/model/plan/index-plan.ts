import type { FieldValue } from '../field.ts';

/** A property that a reading must have, or the rule has no use for the reading. */
export type IndexPredicate =
  | { readonly kind: 'equals'; readonly source: number; readonly value: FieldValue }
  | { readonly kind: 'within'; readonly field: number; readonly low: number; readonly high: number };

/** The `source` of an index predicate is the index of a field, or this number for the device. */
export const DEVICE = -1;

/** The `source` of an index predicate on the first label. The next labels have the next lower numbers. */
export const FIRST_LABEL = -2;

/** An index of rules over readings, by their index predicates. A rule is named by its position among the indexed rules. */
export interface RuleIndex {
  /** Bits by position: the rules without index predicates. */
  readonly always: Int32Array;
  readonly values: readonly {
    readonly source: number;
    readonly positions: ReadonlyMap<FieldValue, readonly number[]>;
  }[];
  readonly spans: readonly SpanTable[];
}

/** Rules that need a field within bounds, as an interval tree. */
export interface SpanTable {
  readonly field: number;
  /** Positions of all these rules. */
  readonly positions: readonly number[];
  readonly root: SpanNode | undefined;
}

/** A node: the intervals that contain `center`, by rising low end and by falling high end, and the nodes of the intervals below and above. */
export interface SpanNode {
  /** Undefined: the node has few intervals, in any place. */
  readonly center: number | undefined;
  readonly lows: Float64Array;
  readonly highsOfLows: Float64Array;
  readonly byLow: Int32Array;
  readonly highs: Float64Array;
  readonly byHigh: Int32Array;
  readonly below: SpanNode | undefined;
  readonly above: SpanNode | undefined;
}
