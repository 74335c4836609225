import type { FieldType, FieldValue } from '../../model/field.ts';

/** A fact as far as it is known before any reading has come. */
export interface KnownFact {
  readonly name: string;
  readonly type: FieldType | undefined;
}

/** A value that never changes. */
export interface KnownConstant {
  /** As `compare` takes it. */
  readonly constant: unknown;
  /** As the rule has it, where that is something else. */
  readonly written?: unknown;
  /** Values near which facts decide, where that is not the constant itself; undefined where none can be named. */
  readonly like?: unknown;
}

/** What stands on the right of an operator: another fact, or a value that never changes. */
export type KnownValue = KnownFact | KnownConstant;

/** A constant as the rule has it. */
export const writtenOf = (right: KnownConstant): unknown => ('written' in right ? right.written : right.constant);

/** What probes are made of. */
export const likeOf = (right: KnownConstant): unknown => ('like' in right ? right.like : right.constant);

/** A fact and a value to try an operator with. */
export type Probe = readonly [fact: FieldValue | undefined, value: unknown];

/**
 * Facts that between them meet what an operator can ask of a fact, whatever the value:
 * the last two are the smallest and the greatest text that begins like a number.
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

/** Elements of a list of which probes are made; more would make checking a long list slow. */
const MAX_ELEMENTS = 16;

/** Pairs to try an operator with: fixed ones, and for a constant also those that its own content suggests. */
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

/** Whether a list is short enough that every element of it became a probe. */
export function isCovered(like: unknown): boolean {
  return scalarsOf(like, MAX_ELEMENTS + 1).length <= MAX_ELEMENTS;
}

/** The scalars of a value, however deep in lists; at most so many. */
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
  // The two texts of the whole contain that of every part: one spells null, the other nested lists.
  return [...scalars.filter((scalar) => scalar !== null), ...texts, ...numbers, texts.join(','), String(constant)];
}
