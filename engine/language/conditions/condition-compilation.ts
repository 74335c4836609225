import { suggest } from '../../document/suggest.ts';
import type { FieldType } from '../../model/field.ts';
import type { ConditionOutcome } from '../../model/item/alert.ts';
import { isObject } from '../../model/json-object.ts';
import type { RuleFile, TopCondition } from '../../model/rule.ts';
import type { KnownComparison } from './condition-contradictions.ts';
import type { FactGetter, Logic } from './operators.ts';
import type { NamedLists } from './own-operators.ts';
import { didYouMean } from './resolve-operator.ts';

/** The definitions that conditions of every rule can refer to by name. */
export interface Definitions {
  /** Conditions that `{ "condition": name }` refers to. */
  readonly shared?: Readonly<Record<string, TopCondition>> | undefined;
  /** Lists that `inList` and `notInList` refer to. */
  readonly lists?: NamedLists | undefined;
  /** True if the shared conditions have been checked already. Only problems that depend on the facts of the rule are then reported here. */
  readonly checked?: boolean | undefined;
  /** The result of a comparison with a fact that has no value; see `RuleFile.missing`. Default: `unknown`. */
  readonly missing?: RuleFile['missing'];
}

/** Everything that conditions can refer to, for one type of environment (`E`): a reading, a closed window, … */
export interface ConditionContext<E> extends Definitions {
  /** How to read a fact; undefined if there is no such fact. */
  resolve(fact: string): FactGetter<E> | undefined;
  /** How to read the previous value of a fact. The function is undefined if previous values are not remembered. */
  previous?(fact: string): FactGetter<E>;
  /** Names to suggest if a fact is unknown. */
  readonly names?: Iterable<string>;
  /** The type of the values of a fact, if it is known. With it, more conditions that never hold can be found. */
  typeOf?(fact: string): FieldType | undefined;
}

/** A fault in a condition, or a warning that a condition has another meaning than it seems to have. */
export interface ConditionProblem {
  /** Path from the given condition. A fault inside a shared condition has the path of the reference to it. */
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

/** The state of compiling one condition. */
export interface Compilation<E> {
  readonly context: ConditionContext<E>;
  readonly problems: ConditionProblem[];
  readonly leaves: Leaf<E>[];
  readonly facts: Set<string>;
  /** Comparisons with constants by their node, to find comparisons that contradict each other. */
  readonly known: Map<object, KnownComparison>;
  /** True if there is an error, even one that is not reported here. */
  failed: boolean;
  /** Number of conditions compiled so far. A shared condition counts at each reference. */
  nodes: number;
}

/** The position of the compiler in a condition. */
export interface ConditionPlace {
  readonly path: readonly (string | number)[];
  readonly depth: number;
  /** Names of the shared conditions that are being compiled, the outermost first. */
  readonly within: readonly string[];
}

/** The place of a part, one level deeper. */
export function inside(place: ConditionPlace, ...keys: readonly (string | number)[]): ConditionPlace {
  return { ...at(place, ...keys), depth: place.depth + 1 };
}

/** The place of a key of the same condition, for a problem. Inside a shared condition it stays at the reference. */
export function at(place: ConditionPlace, ...keys: readonly (string | number)[]): ConditionPlace {
  return place.within.length > 0 ? place : { ...place, path: [...place.path, ...keys] };
}

/** Codes of problems that depend on the facts of a rule, and so are looked for at each reference to a shared condition. */
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

/** Whether a place is in a shared condition whose own problems have been reported already. */
export function isChecked<E>({ context }: Compilation<E>, { within }: ConditionPlace): boolean {
  return context.checked === true && within.length > 0;
}

/** Records a problem. */
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

/** Records every key that is not allowed, and returns the keys that these most likely mean. */
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
    const remedy = didYouMean(meant, `Allowed keys: ${allowed.join(', ')}.`);
    report(compilation, at(place, key), { code: 'unknown-key', message: `Unknown key ${quote(key)}.`, remedy });
  }
  return suggested;
}

const LONGEST_QUOTE = 60;

/** Formats a value for a message: as JSON, shortened. Of an object, only the type is shown. */
export function quote(found: unknown): string {
  if (found === undefined) return 'nothing';
  if (isObject(found)) return 'an object';
  if (Array.isArray(found) && found.some((element) => typeof element === 'object' && element !== null)) return 'a list';
  const text = JSON.stringify(found);
  return text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text;
}
