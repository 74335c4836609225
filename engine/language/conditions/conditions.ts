import { suggest } from '../../document/suggest.ts';
import type { ConditionOutcome } from '../../model/item/alert.ts';
import { isObject } from '../../model/json-object.ts';
import type { TopCondition } from '../../model/rule.ts';
import {
  at,
  type Compilation,
  type ConditionContext,
  type ConditionPlace,
  type ConditionProblem,
  checkKeys,
  inside,
  isChecked,
  quote,
  report,
} from './condition-compilation.ts';
import { type Contradiction, findContradictions, type KnownComparison } from './condition-contradictions.ts';
import { compileLeaf } from './condition-leaf.ts';
import { writtenOf } from './condition-probes.ts';
import type { Logic, Test } from './operators.ts';
import { didYouMean } from './resolve-operator.ts';

export type { ConditionContext, ConditionProblem, Definitions } from './condition-compilation.ts';
export { DECORATOR_NAMES, OPERATOR_NAMES } from './operators.ts';

/** A condition as closures over an environment; none of them throws or keeps anything. `holds` and `fails` stop at the first part that decides. */
export interface CompiledCondition<E> extends Logic<E> {
  /** Every comparison in the order written, those of shared conditions at each reference; asks all of them. */
  readonly explain: (env: E) => readonly ConditionOutcome[];
  /** Names of the facts read, on either side of an operator. */
  readonly facts: ReadonlySet<string>;
}

const MAX_DEPTH = 32;
const MAX_NODES = 1_000;

const KINDS = ['all', 'any', 'not', 'condition'] as const;
type Kind = (typeof KINDS)[number];

/**
 * Compiles a condition with json-rules-engine's meaning (7.3, `allowUndefinedFacts`), but for facts without a value where `missing` is not
 * `undefined`: a comparison with one is unknown then, and decides nothing. Finds all problems at once.
 * `compiled` is undefined exactly where one of them is an error. Where the library throws in the middle of a run
 * (say, `in` a number), an error or warning tells so beforehand, and the comparison is false.
 */
export function compileCondition<E>(
  condition: TopCondition,
  context: ConditionContext<E>,
): { compiled: CompiledCondition<E> | undefined; problems: ConditionProblem[] } {
  const compilation: Compilation<E> = {
    context,
    problems: [],
    leaves: [],
    facts: new Set(),
    known: new Map(),
    failed: false,
    nodes: 0,
  };
  const logic = compileTop(compilation, condition, { path: [], depth: 0, within: [] });
  const { problems, leaves, facts } = compilation;
  if (logic === undefined || compilation.failed) {
    return { compiled: undefined, problems };
  }
  return { compiled: { ...logic, explain: (env) => leaves.map((leaf) => leaf.outcome(env)), facts }, problems };
}

/** What a condition says of an environment; undefined where that is unknown. */
export function answerOf<E>({ holds, fails }: Logic<E>): (env: E) => boolean | undefined {
  return (env) => (holds(env) ? true : fails(env) ? false : undefined);
}

function compileTop<E>(compilation: Compilation<E>, node: unknown, place: ConditionPlace): Logic<E> | undefined {
  if (!isObject(node) || KINDS.some((kind) => Object.hasOwn(node, kind)) || !Object.hasOwn(node, 'fact')) {
    return compileNode(compilation, node, place);
  }
  report(compilation, place, {
    code: 'bare-comparison',
    message: 'A comparison stands where a group must.',
    remedy: 'Wrap it: { "all": [ … ] }.',
  });
  return compileLeaf(compilation, node, place);
}

function compileNode<E>(compilation: Compilation<E>, node: unknown, place: ConditionPlace): Logic<E> | undefined {
  if (isTooLarge(compilation, place)) return undefined;
  const kinds = isObject(node) ? KINDS.filter((kind) => Object.hasOwn(node, kind)) : [];
  const isLeaf = isObject(node) && ['fact', 'operator', 'value'].some((key) => Object.hasOwn(node, key));
  if (!isObject(node) || (kinds.length === 0 && !isLeaf)) {
    report(compilation, place, {
      code: 'not-a-condition',
      message: `Found ${quote(node)} where a condition must stand.`,
      remedy: 'A condition has all, any, not or condition; or fact, operator and value.',
    });
    return undefined;
  }
  const [kind] = kinds;
  if (kind === undefined) return compileLeaf(compilation, node, place);
  if (kinds.length > 1 || isLeaf) {
    report(compilation, place, {
      code: 'ambiguous-condition',
      message: `One condition has ${(isLeaf ? [...kinds, 'a comparison'] : kinds).join(' and ')}.`,
      remedy: 'Make each a condition of its own, inside an all or any.',
    });
    return undefined;
  }
  checkKeys(compilation, place, node, [kind, 'name', 'priority']);
  return compileKind(compilation, kind, node[kind], place);
}

function compileKind<E>(
  compilation: Compilation<E>,
  kind: Kind,
  content: unknown,
  place: ConditionPlace,
): Logic<E> | undefined {
  if (kind === 'condition') return compileReference(compilation, content, place);
  if (kind !== 'not') return compileGroup(compilation, kind, content, place);
  const logic = compileNode(compilation, content, inside(place, 'not'));
  return logic && { holds: logic.fails, fails: logic.holds };
}

function compileGroup<E>(
  compilation: Compilation<E>,
  kind: 'all' | 'any',
  content: unknown,
  place: ConditionPlace,
): Logic<E> | undefined {
  if (!Array.isArray(content)) {
    report(compilation, at(place, kind), {
      code: 'not-a-list',
      message: `"${kind}" is ${quote(content)}.`,
      remedy: `"${kind}" takes a list of conditions.`,
    });
    return undefined;
  }
  if (content.length === 0) {
    const message = `An empty "${kind}" always holds.`;
    const remedy = 'Put conditions into it, or remove it.';
    report(compilation, at(place, kind), { code: 'empty-group', message, remedy }, 'warning');
  }
  const parts: Logic<E>[] = [];
  content.forEach((child: unknown, index) => {
    const part = compileNode(compilation, child, inside(place, kind, index));
    if (part !== undefined) parts.push(part);
  });
  warnOfContradictions(compilation, kind, content, place);
  // Fewer parts than conditions only where an error has been noted, so that none of them will be asked.
  return kind === 'all' ? allOf(parts) : anyOf(parts);
}

function warnOfContradictions<E>(
  compilation: Compilation<E>,
  kind: 'all' | 'any',
  content: readonly unknown[],
  place: ConditionPlace,
): void {
  const known = content.map((child) => (isObject(child) ? compilation.known.get(child) : undefined));
  // What is so for any type of fact was told where the condition stands.
  const untyped = known.map((each) => each && { ...each, fact: { ...each.fact, type: undefined } });
  const told = isChecked(compilation, place) ? findContradictions(kind, untyped).map(({ at }) => at) : [];
  for (const found of findContradictions(kind, known)) {
    if (told.includes(found.at)) continue;
    report(
      compilation,
      at(inside(place, kind, found.at), 'value'),
      explainContradiction(kind, found, known),
      'warning',
    );
  }
}

function explainContradiction(
  kind: 'all' | 'any',
  found: Contradiction,
  known: readonly (KnownComparison | undefined)[],
): { code: string; message: string; remedy: string } {
  const { fact, operator, right } = known[found.at]!;
  const partner = found.with === undefined ? undefined : known[found.with];
  const show = (each: Pick<KnownComparison, 'operator' | 'right'>) =>
    `${quote(each.operator.text)} ${quote(writtenOf(each.right))}`;
  const those = partner === undefined ? 'what stands before it' : show(partner);
  if (kind === 'all') {
    const message = `${show({ operator, right })} never holds together with ${those} for ${quote(fact.name)}.`;
    return { code: 'never-holds', message, remedy: 'Correct one of them, or put them into an "any".' };
  }
  const message = `${show({ operator, right })}, or else ${those}, holds whatever ${quote(fact.name)} is.`;
  return { code: 'always-holds', message, remedy: 'Correct one of them, or put them into an "all".' };
}

function compileReference<E>(compilation: Compilation<E>, name: unknown, place: ConditionPlace): Logic<E> | undefined {
  const shared = compilation.context.shared ?? {};
  const here = at(place, 'condition');
  if (typeof name !== 'string' || !Object.hasOwn(shared, name)) {
    const meant = typeof name === 'string' ? suggest(name, Object.keys(shared)) : undefined;
    report(compilation, here, {
      code: 'unknown-condition',
      message: `There is no shared condition ${quote(name)}.`,
      remedy: didYouMean(
        meant,
        'Shared conditions stand in conditions.json, in the folder of the rules, under "conditions".',
      ),
    });
    return undefined;
  }
  if (place.within.includes(name)) {
    report(compilation, here, {
      code: 'circular-condition',
      message: `The shared condition refers to itself: ${[...place.within, name].join(' → ')}.`,
      remedy: 'Break the circle.',
    });
    return undefined;
  }
  return compileTop(compilation, shared[name], { ...here, depth: place.depth + 1, within: [...place.within, name] });
}

function isTooLarge<E>(compilation: Compilation<E>, place: ConditionPlace): boolean {
  if (compilation.nodes > MAX_NODES) return true;
  compilation.nodes++;
  const tooDeep = place.depth > MAX_DEPTH;
  if (!tooDeep && compilation.nodes <= MAX_NODES) return false;
  // Said once, and nothing further is looked at.
  compilation.nodes = MAX_NODES + 1;
  report(compilation, place, {
    code: 'too-large',
    message: tooDeep ? `Nested more than ${MAX_DEPTH} deep.` : `More than ${MAX_NODES} conditions.`,
    remedy: 'Split the rule, or put lists of values into one condition with "in".',
  });
  return true;
}

// An empty group always holds, as in json-rules-engine.
const ALWAYS: Logic<unknown> = { holds: () => true, fails: () => false };

function allOf<E>(parts: readonly Logic<E>[]): Logic<E> {
  if (parts.length === 0) return ALWAYS;
  return { holds: every(parts.map(({ holds }) => holds)), fails: some(parts.map(({ fails }) => fails)) };
}

function anyOf<E>(parts: readonly Logic<E>[]): Logic<E> {
  if (parts.length === 0) return ALWAYS;
  return { holds: some(parts.map(({ holds }) => holds)), fails: every(parts.map(({ fails }) => fails)) };
}

// Most groups have two or three parts, and a call is cheaper than a turn of a loop over an array.
function every<E>(tests: readonly Test<E>[]): Test<E> {
  const [a, b, c] = tests;
  if (a === undefined) return () => true;
  if (b === undefined) return a;
  if (tests.length === 2) return (env) => a(env) && b(env);
  if (c !== undefined && tests.length === 3) return (env) => a(env) && b(env) && c(env);
  return (env) => {
    for (let i = 0; i < tests.length; i++) if (!tests[i]!(env)) return false;
    return true;
  };
}

function some<E>(tests: readonly Test<E>[]): Test<E> {
  const [a, b, c] = tests;
  if (a === undefined) return () => false;
  if (b === undefined) return a;
  if (tests.length === 2) return (env) => a(env) || b(env);
  if (c !== undefined && tests.length === 3) return (env) => a(env) || b(env) || c(env);
  return (env) => {
    for (let i = 0; i < tests.length; i++) if (tests[i]!(env)) return true;
    return false;
  };
}
