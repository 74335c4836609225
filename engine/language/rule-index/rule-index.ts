import type { FieldValue } from '../../model/field.ts';
import type { IndexPredicate, RuleIndex, SpanNode, SpanTable } from '../../model/plan/index-plan.ts';
import { DEVICE, FIRST_LABEL } from '../../model/plan/index-plan.ts';
import type { Reading } from '../../model/reading.ts';

/** With fewer rules that have predicates than this, evaluating each rule is faster than the index. */
const MIN_RULES = 16;
/** With fewer spans than this, a linear search is faster than splitting them. */
const MIN_SPANS = 8;

interface ValueSpan {
  readonly low: number;
  readonly high: number;
  readonly position: number;
}

/**
 * Makes an index of rules by their predicates. With it, the cost of finding the rules for a reading does not grow with the number of the
 * other rules. Undefined if there are too few rules with predicates.
 */
export function indexRules(
  rules: readonly { readonly predicates?: readonly IndexPredicate[] | undefined }[],
): RuleIndex | undefined {
  if (rules.filter(({ predicates }) => predicates !== undefined).length < MIN_RULES) return undefined;
  const always = new Int32Array((rules.length + 31) >> 5);
  const values = new Map<number, Map<FieldValue, number[]>>();
  const spans = new Map<number, ValueSpan[]>();
  rules.forEach(({ predicates }, position) => {
    if (predicates === undefined) include(always, position);
    for (const predicate of predicates ?? []) {
      if (predicate.kind === 'equals')
        entry(entry(values, predicate.source, newMap), predicate.value, newList).push(position);
      else if (predicate.low <= predicate.high)
        entry(spans, predicate.field, newList<ValueSpan>).push({ ...predicate, position });
    }
  });
  return {
    always,
    values: Array.from(values, ([source, positions]) => ({ source, positions })),
    spans: Array.from(spans, ([field, of]): SpanTable => {
      return { field, positions: of.map(({ position }) => position), root: buildSpanTree(of) };
    }),
  };
}

const newMap = () => new Map<FieldValue, number[]>();
function newList<T = number>(): T[] {
  return [];
}

function entry<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = create();
  map.set(key, made);
  return made;
}

/** Builds an interval tree: the spans that contain the median of all ends, those below it and those above it. Each level halves the ends. */
function buildSpanTree(spans: readonly ValueSpan[]): SpanNode | undefined {
  if (spans.length === 0) return undefined;
  const ends = Float64Array.from(spans.flatMap(({ low, high }) => [low, high].filter(Number.isFinite))).sort();
  const center = spans.length < MIN_SPANS ? undefined : ends[ends.length >> 1];
  const here = center === undefined ? spans : spans.filter(({ low, high }) => low <= center && center <= high);
  const byLow = [...here].sort((a, b) => a.low - b.low);
  const byHigh = [...here].sort((a, b) => b.high - a.high);
  return {
    center,
    lows: Float64Array.from(byLow, ({ low }) => low),
    highsOfLows: Float64Array.from(byLow, ({ high }) => high),
    byLow: Int32Array.from(byLow, ({ position }) => position),
    highs: Float64Array.from(byHigh, ({ high }) => high),
    byHigh: Int32Array.from(byHigh, ({ position }) => position),
    below: center === undefined ? undefined : buildSpanTree(spans.filter(({ high }) => high < center)),
    above: center === undefined ? undefined : buildSpanTree(spans.filter(({ low }) => low > center)),
  };
}

/**
 * Sets in `bits` the positions of all rules that the reading may meet. Every rule that it does meet is among them. `bits` must have the
 * length of the `always` of the index.
 */
export function selectRules(index: RuleIndex, reading: Reading, bits: Int32Array): void {
  bits.set(index.always);
  const { values, spans } = index;
  for (let i = 0; i < values.length; i++) {
    const { source, positions } = values[i]!;
    const value = read(reading, source);
    if (value !== undefined) includeAll(bits, positions.get(value));
  }
  for (let i = 0; i < spans.length; i++) {
    const table = spans[i]!;
    const value = reading.values[table.field];
    if (typeof value === 'number') includeSpans(bits, table.root, value);
    // Other types are compared by rules that the spans do not cover.
    else if (value !== undefined) includeAll(bits, table.positions);
  }
}

function read(reading: Reading, source: number): FieldValue | undefined {
  if (source >= 0) return reading.values[source];
  return source === DEVICE ? reading.device : reading.labels[FIRST_LABEL - source];
}

function includeSpans(bits: Int32Array, root: SpanNode | undefined, value: number): void {
  let node = root;
  while (node !== undefined) {
    const { center } = node;
    if (center === undefined) {
      const { lows, highsOfLows, byLow } = node;
      for (let i = 0; i < byLow.length && lows[i]! <= value; i++)
        if (value <= highsOfLows[i]!) include(bits, byLow[i]!);
      return;
    }
    if (value < center) {
      const { lows, byLow } = node;
      for (let i = 0; i < byLow.length && lows[i]! <= value; i++) include(bits, byLow[i]!);
      node = node.below;
    } else {
      const { highs, byHigh } = node;
      for (let i = 0; i < byHigh.length && highs[i]! >= value; i++) include(bits, byHigh[i]!);
      node = node.above;
    }
  }
}

function includeAll(bits: Int32Array, positions: readonly number[] | undefined): void {
  if (positions === undefined) return;
  for (let i = 0; i < positions.length; i++) include(bits, positions[i]!);
}

/** Sets the bit of a position. */
export function include(bits: Int32Array, position: number): void {
  bits[position >> 5]! |= 1 << (position & 31);
}

/** The first position at or after `from`; -1 if there is none. */
export function nextRule(bits: Int32Array, from: number): number {
  let word = from >> 5;
  if (word >= bits.length) return -1;
  let rest = bits[word]! & (-1 << (from & 31));
  while (rest === 0) {
    word += 1;
    if (word >= bits.length) return -1;
    rest = bits[word]!;
  }
  return (word << 5) + 31 - Math.clz32(rest & -rest);
}
