import type { FieldType, FieldValue } from '../../model/field.ts';
import { type KnownConstant, type KnownFact, likeOf, scalarsOf } from './condition-probes.ts';
import type { ResolvedOperator } from './resolve-operator.ts';

/** A comparison with a value that never changes, as far as it is known before any reading has come. */
export interface KnownComparison {
  readonly fact: KnownFact;
  readonly operator: ResolvedOperator;
  readonly right: KnownConstant;
}

/** Comparisons of one fact that, side by side in a group, leave it nothing (`all`) or everything (`any`). */
export interface Contradiction {
  /** Index of the comparison that makes it so. */
  readonly at: number;
  /** Index of the one that it takes for that; undefined: all before it. */
  readonly with: number | undefined;
}

/** What a longer list costs would not be worth it. */
const MAX_ELEMENTS = 16;
const MAX_COMPARISONS = 32;

const ORDERINGS = new Set(['lessThan', 'lessThanInclusive', 'greaterThan', 'greaterThanInclusive']);
const EQUALITIES = new Set(['equal', 'notEqual', 'in', 'notIn', 'between', 'inList', 'notInList']);

/**
 * Finds, for each fact, the first comparison of an `all` that can never hold together with those before it, or of an `any` that
 * together with them holds whatever value the fact has. Those that are so by themselves are passed over.
 *
 * Comparisons with constants decide at the constants and nowhere else, so a value at each of them and one between each two stand
 * for all values. That leaves out comparisons of texts other than equality: leaving some out finds fewer, but none that is wrong.
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
    const found = findFirst(kind, new Map(indexes.map((i) => [i, comparisons[i]!])));
    return found === undefined ? [] : [found];
  });
}

/** Every value of the fact that makes a difference, with whether it decides a comparison: against an `all`, or for an `any`. */
function findFirst(kind: 'all' | 'any', group: ReadonlyMap<number, KnownComparison>): Contradiction | undefined {
  const probes = probesOf(kind, [...group.values()]);
  const open = new Map(
    Array.from(group, ([i, { operator, right }]) => {
      const decided = (probe: FieldValue | undefined) =>
        (operator.compare(probe, right.constant) === true) === (kind === 'any');
      return [i, new Set(probes.filter((probe) => !decided(probe)))] as const;
    }).filter(([, left]) => left.size > 0),
  );
  const before: number[] = [];
  let left = new Set(probes);
  for (const [i, own] of open) {
    left = intersect(left, own);
    if (left.size === 0) return { at: i, with: before.find((other) => intersect(open.get(other)!, own).size === 0) };
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
    // A fact without a value meets no ordering: it does not keep an `any` from holding whatever the value is.
    ...(kind === 'all' ? [undefined] : []),
    ...(wanted('number') ? numbers : []),
    ...(wanted('boolean') ? [true, false] : []),
    // The spaces make a text that reads as the number and is none of the others; so does the last, which reads as none.
    ...(wanted('string')
      ? [...texts, ...numbers.flatMap((each) => [`${each}`, `  ${each}`]), `${texts.join('')}x`]
      : []),
  ];
}

/** Each number, one between each two, and one beyond each end. */
function regionsOf(numbers: readonly number[]): number[] {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  return [
    -Number.MAX_VALUE,
    ...sorted.flatMap((each, i) => (i === 0 ? [each] : [each / 2 + sorted[i - 1]! / 2, each])),
    Number.MAX_VALUE,
  ];
}
