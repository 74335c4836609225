import type { FieldType, FieldValue } from '../../model/field.ts';

/** A fact, as far as it is known before any reading comes. */
export interface KnownFact {
  readonly name: string;
  readonly type: FieldType | undefined;
}

/** A constant in a rule. */
export interface KnownConstant {
  /** The value as `compare` needs it. */
  readonly constant: unknown;
  /** The value as written in the rule, if it differs from `constant`. */
  readonly written?: unknown;
  /** Values at which the result of a comparison can change, if they differ from the constant; undefined if they are not known. */
  readonly like?: unknown;
}

/** The right side of a comparison: another fact, or a constant. */
export type KnownValue = KnownFact | KnownConstant;

/** A constant as it is written in the rule. */
export const writtenOf = (right: KnownConstant): unknown => ('written' in right ? right.written : right.constant);

/** The values from which the probes for a constant are made. */
export const likeOf = (right: KnownConstant): unknown => ('like' in right ? right.like : right.constant);

/** A fact and a value to try an operator with. */
export type Probe = readonly [fact: FieldValue | undefined, value: unknown];

/**
 * Facts that together cover every case that an operator distinguishes, whatever the value is.
 * The last two are the smallest and the largest text that begins like a number.
 */
const FACTS: readonly (FieldValue | undefined)[] = [
  undefined,
  Number.NaN,
  Number.NEGATIVE_INFINITY,
  -1,
  0,
  1,
  Number.POSITIVE_INFINITY,
  true,
  false,
  '',
  '0',
  '5',
  'x',
  'true',
  'false',
  'Infinity',
  '-Infinity',
  '\t0',
  '\ufeff9',
];

/** How many elements of a list get probes; more would make the check of a long list slow. */
const MAX_ELEMENTS = 16;

/** The pairs to try an operator with: fixed ones, and for a constant also pairs made from its content. */
export function probesFor(fact: KnownFact, right: KnownValue): readonly Probe[] {
  if (!('name' in right)) {
    const facts = new Set([...FACTS, ...factsLike(likeOf(right))]);
    return ofType([...facts], fact.type).map((probe) => [probe, right.constant]);
  }
  const facts = ofType(FACTS, fact.type);
  if (fact.name === right.name) return facts.map((probe) => [probe, probe]);
  const values = ofType(FACTS, right.type);
  return facts.flatMap((probe) => values.map((value) => [probe, value] as const));
}

/** Whether a list is short enough for each element to be a probe. */
export function isCovered(like: unknown): boolean {
  return scalarsOf(like, MAX_ELEMENTS + 1).length <= MAX_ELEMENTS;
}

/** The scalars of a value, from all levels of its lists; at most `most`. */
export function scalarsOf(value: unknown, most: number): readonly (FieldValue | null)[] {
  if (!Array.isArray(value)) return [value as FieldValue | null];
  const scalars: (FieldValue | null)[] = [];
  for (const element of value) {
    if (scalars.length >= most) break;
    scalars.push(...scalarsOf(element, most - scalars.length));
  }
  return scalars;
}

function ofType(facts: readonly (FieldValue | undefined)[], type: FieldType | undefined) {
  return type === undefined ? facts : facts.filter((fact) => fact === undefined || typeof fact === type);
}

function factsLike(constant: unknown): readonly FieldValue[] {
  const scalars = scalarsOf(constant, MAX_ELEMENTS);
  const texts = scalars.map(String);
  const numbers = scalars.map(Number).filter(Number.isFinite);
  // The two texts of the whole value contain the text of every part: the first spells out null, the second nested lists.
  return [...scalars.filter((scalar) => scalar !== null), ...texts, ...numbers, texts.join(','), String(constant)];
}
