import { suggest } from '../../document/suggest.ts';
import type { FieldType } from '../../model/field.ts';
import type { ConditionOutcome } from '../../model/item/alert.ts';
import { isObject } from '../../model/json-object.ts';
import type { RuleFile, TopCondition } from '../../model/rule.ts';
import type { KnownComparison } from './condition-contradictions.ts';
import type { FactGetter, Logic } from './operators.ts';
import type { NamedLists } from './own-operators.ts';
import { didYouMean } from './resolve-operator.ts';

/** What conditions of every rule may refer to by name. */
export interface Definitions {
  /** Conditions that `{ "condition": name }` stands for. */
  readonly shared?: Readonly<Record<string, TopCondition>> | undefined;
  /** Lists that `inList` and `notInList` ask. */
  readonly lists?: NamedLists | undefined;
  /** The shared conditions have been checked by themselves: of them only what depends on the facts at hand is a problem here. */
  readonly checked?: boolean | undefined;
  /** What a comparison of a fact without a value comes to; see `RuleFile.missing`. Default `unknown`. */
  readonly missing?: RuleFile['missing'];
}

/** What conditions may refer to, for one kind of environment. */
export interface ConditionContext<E> extends Definitions {
  /** Undefined: there is no such fact. */
  resolve(fact: string): FactGetter<E> | undefined;
  /** Reads what a fact was when it was last asked here; undefined: nobody remembers. */
  previous?(fact: string): FactGetter<E>;
  /** Names to suggest where a fact is unknown. */
  readonly names?: Iterable<string>;
  /** The type of a fact's values where it is known; lets more conditions that never hold be found. */
  typeOf?(fact: string): FieldType | undefined;
}

/** A fault in a condition, or (a warning) one that means something else than it seems to. */
export interface ConditionProblem {
  /** From the condition given: keys and indexes. A fault inside a shared condition stands at the reference to it. */
  readonly path: readonly (string | number)[];
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly severity: 'error' | 'warning';
}

/** A comparison of one fact, compiled. */
export interface Leaf<E> {
  readonly logic: Logic<E>;
  readonly outcome: (env: E) => ConditionOutcome;
}

/** What compiling one condition has come to so far. */
export interface Compilation<E> {
  readonly context: ConditionContext<E>;
  readonly problems: ConditionProblem[];
  readonly leaves: Leaf<E>[];
  readonly facts: Set<string>;
  /** Comparisons by their node, for what they mean side by side. */
  readonly known: Map<object, KnownComparison>;
  /** There is an error, also one that was not to be noted here. */
  failed: boolean;
  /** Conditions seen, with those of shared conditions as often as they are referred to. */
  nodes: number;
}

/** Where in a condition the compiler stands. */
export interface ConditionPlace {
  readonly path: readonly (string | number)[];
  readonly depth: number;
  /** Shared conditions being compiled, the outermost first. */
  readonly within: readonly string[];
}

/** The place one level further in. */
export function inside(place: ConditionPlace, ...keys: readonly (string | number)[]): ConditionPlace {
  return { ...at(place, ...keys), depth: place.depth + 1 };
}

/** A key of the same condition, to point at. */
export function at(place: ConditionPlace, ...keys: readonly (string | number)[]): ConditionPlace {
  return place.within.length > 0 ? place : { ...place, path: [...place.path, ...keys] };
}

/** What depends on the facts at hand, so that it is looked for at each reference to a shared condition. */
const FACT_CODES: ReadonlySet<string> = new Set([
  'unknown-fact',
  'too-large',
  'no-previous',
  'never-holds',
  'always-holds',
  'not-for-numbers',
  'numeric-text',
  'coerced-value',
  'sometimes-unanswerable',
  'unanswerable',
]);

/** Whether a place lies in a shared condition whose own problems have been told. */
export function isChecked<E>({ context }: Compilation<E>, { within }: ConditionPlace): boolean {
  return context.checked === true && within.length > 0;
}

/** Notes a problem. */
export function report<E>(
  compilation: Compilation<E>,
  place: ConditionPlace,
  problem: Omit<ConditionProblem, 'path' | 'severity'>,
  severity: ConditionProblem['severity'] = 'error',
): void {
  if (severity === 'error') compilation.failed = true;
  if (isChecked(compilation, place) && !FACT_CODES.has(problem.code)) return;
  const shared = place.within.at(-1);
  const message = shared === undefined ? problem.message : `Shared condition ${quote(shared)}: ${problem.message}`;
  compilation.problems.push({ ...problem, message, path: place.path, severity });
}

/** Notes every key that is not allowed; returns the keys that were probably meant. */
export function checkKeys<E>(
  compilation: Compilation<E>,
  place: ConditionPlace,
  found: object,
  allowed: readonly string[],
): ReadonlySet<string> {
  const suggested = new Set<string>();
  for (const key of Object.keys(found)) {
    if (allowed.includes(key)) continue;
    const meant = suggest(
      key,
      allowed.filter((name) => !Object.hasOwn(found, name)),
    );
    if (meant !== undefined) suggested.add(meant);
    const remedy = didYouMean(meant, `Allowed here: ${allowed.join(', ')}.`);
    report(compilation, at(place, key), { code: 'unknown-key', message: `Unknown key ${quote(key)}.`, remedy });
  }
  return suggested;
}

const LONGEST_QUOTE = 60;

/** A value as problems show it: JSON, cut short; an object only by its kind. */
export function quote(found: unknown): string {
  if (found === undefined) return 'nothing';
  if (isObject(found)) return 'an object';
  if (Array.isArray(found) && found.some((element) => typeof element === 'object' && element !== null)) return 'a list';
  const text = JSON.stringify(found);
  return text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
}
