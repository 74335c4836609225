import type { FieldType, FieldValue } from '../../model/field.ts';
import { type KnownConstant, type KnownFact, likeOf, scalarsOf } from './condition-probes.ts';
import type { ResolvedOperator } from './resolve-operator.ts';

/** A comparison with a constant, as far as it is known before any reading comes. */
export interface KnownComparison {
  readonly fact: KnownFact;
  readonly operator: ResolvedOperator;
  readonly right: KnownConstant;
}

/** Comparisons of one fact in a group that no value can meet together (`all`), or that every value meets (`any`). */
export interface Contradiction {
  /** Index of the comparison that completes the contradiction. */
  readonly at: number;
  /** Index of the comparison that it contradicts; undefined if it contradicts all comparisons before it together. */
  readonly with: number | undefined;
}

/** Longer lists and more comparisons are not examined, because that would take too long. */
const MAX_ELEMENTS = 16;
const MAX_COMPARISONS = 32;

const ORDERINGS = new Set(['lessThan', 'lessThanInclusive', 'greaterThan', 'greaterThanInclusive']);
const EQUALITIES = new Set(['equal', 'notEqual', 'in', 'notIn', 'between', 'inList', 'notInList']);

/**
 * Finds the first contradiction for each fact: the comparison of an `all` that can never hold together with those before it, or the
 * comparison of an `any` with which the group holds for every value. Comparisons that never or always hold by themselves are skipped.
 *
 * The result of a comparison with constants changes only at the constants. So it is enough to try each constant and one value between
 * each two. This is not so for comparisons of texts other than equality, so these are skipped: some contradictions are then not
 * found, but none is reported wrongly.
 */
export function findContradictions(
  kind: 'all' | 'any',
  comparisons: readonly (KnownComparison | undefined)[],
): Contradiction[] {
  const byFact = new Map<string, number[]>();
  comparisons.forEach((each, i) => {
    if (each === undefined || !isDecided(each)) return;
    const indexes = byFact.get(each.fact.name) ?? [];
    byFact.set(each.fact.name, indexes);
    if (indexes.length < MAX_COMPARISONS) indexes.push(i);
  });
  return [...byFact.values()].flatMap((indexes) => {
    if (indexes.length < 2) return [];
    const found = findFirstContradiction(kind, new Map(indexes.map((i) => [i, comparisons[i]!])));
    return found === undefined ? [] : [found];
  });
}

/** Tries each probe with each comparison. A probe is excluded if it makes the comparison fail (`all`) or hold (`any`). */
function findFirstContradiction(
  kind: 'all' | 'any',
  group: ReadonlyMap<number, KnownComparison>,
): Contradiction | undefined {
  const probes = probesOf(kind, [...group.values()]);
  const remaining = new Map(
    Array.from(group, ([i, { operator, right }]) => {
      const decided = (probe: FieldValue | undefined) =>
        (operator.compare(probe, right.constant) === true) === (kind === 'any');
      return [i, new Set(probes.filter((probe) => !decided(probe)))] as const;
    }).filter(([, left]) => left.size > 0),
  );
  const before: number[] = [];
  let left = new Set(probes);
  for (const [i, own] of remaining) {
    left = intersect(left, own);
    if (left.size === 0)
      return { at: i, with: before.find((other) => intersect(remaining.get(other)!, own).size === 0) };
    before.push(i);
  }
  return undefined;
}

function intersect<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): Set<T> {
  return new Set([...a].filter((each) => b.has(each)));
}

function isDecided({ operator, right }: KnownComparison): boolean {
  if (operator.decorators.some((decorator) => decorator !== 'not')) return false;
  if (ORDERINGS.has(operator.name)) return typeof right.constant === 'number';
  if (!EQUALITIES.has(operator.name)) return false;
  const isMembership = operator.name === 'in' || operator.name === 'notIn';
  if (isMembership && !Array.isArray(right.constant)) return false;
  return scalarsOf(likeOf(right), MAX_ELEMENTS + 1).length <= MAX_ELEMENTS;
}

function probesOf(kind: 'all' | 'any', comparisons: readonly KnownComparison[]): (FieldValue | undefined)[] {
  const scalars = comparisons.flatMap(({ right }) => scalarsOf(likeOf(right), MAX_ELEMENTS));
  const numbers = regionsOf(scalars.filter((scalar) => typeof scalar === 'number'));
  const texts = scalars.filter((scalar) => typeof scalar === 'string');
  const type = comparisons[0]!.fact.type;
  const wanted = (each: FieldType) => type === undefined || type === each;
  return [
    // A fact without a value meets no ordering, so it is not tried for `any`: every other value can still meet the group.
    ...(kind === 'all' ? [undefined] : []),
    ...(wanted('number') ? numbers : []),
    ...(wanted('boolean') ? [true, false] : []),
    // Texts with spaces are converted to the number, but equal no other probe. The last text is not a number and equals no constant.
    ...(wanted('string')
      ? [...texts, ...numbers.flatMap((each) => [`${each}`, `  ${each}`]), `${texts.join('')}x`]
      : []),
  ];
}

/** Each number, one number between each two, and one beyond each end. */
function regionsOf(numbers: readonly number[]): number[] {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  return [
    -Number.MAX_VALUE,
    ...sorted.flatMap((each, i) => (i === 0 ? [each] : [each / 2 + sorted[i - 1]! / 2, each])),
    Number.MAX_VALUE,
  ];
}
