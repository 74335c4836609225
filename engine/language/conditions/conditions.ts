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
import { allOf, anyOf } from './logic.ts';
import type { Logic } from './operators.ts';
import { didYouMean } from './resolve-operator.ts';

export type { ConditionContext, ConditionProblem, Definitions } from './condition-compilation.ts';
export { DECORATOR_NAMES, OPERATOR_NAMES } from './operators.ts';

/** A condition as functions of an environment. None of them throws or has state. `holds` and `fails` stop at the first part that decides the result. */
export interface CompiledCondition<E> extends Logic<E> {
  /** Evaluates every comparison, in the order written. Those of a shared condition appear at each reference. */
  readonly explain: (env: E) => readonly ConditionOutcome[];
  /** Names of the facts on either side of an operator. */
  readonly facts: ReadonlySet<string>;
}

const MAX_DEPTH = 32;
const MAX_NODES = 1_000;

const KINDS = ['all', 'any', 'not', 'condition'] as const;
type Kind = (typeof KINDS)[number];

/**
 * Compiles a condition with the meaning that it has in json-rules-engine (7.3, `allowUndefinedFacts`). The exception is a fact without a
 * value: unless `missing` is `undefined`, the result of its comparison is unknown. All problems are found at once.
 * `compiled` is undefined exactly if one of them is an error. If json-rules-engine would throw in the middle of a run (for example, `in`
 * with a number), an error or a warning reports that here, and the comparison is false.
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

function compileTop<E>(compilation: Compilation<E>, node: unknown, place: ConditionPlace): Logic<E> | undefined {
  if (!isObject(node) || KINDS.some((kind) => Object.hasOwn(node, kind)) || !Object.hasOwn(node, 'fact')) {
    return compileNode(compilation, node, place);
  }
  report(compilation, place, {
    code: 'bare-comparison',
    message: 'Found a comparison where a group of conditions is needed.',
    remedy: 'Put it into a group: {"all": [ … ]}.',
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
      message: `Found ${quote(node)} where a condition is needed.`,
      remedy: 'Write a condition with all, any, not or condition, or with fact, operator and value.',
    });
    return undefined;
  }
  const [kind] = kinds;
  if (kind === undefined) return compileLeaf(compilation, node, place);
  if (kinds.length > 1 || isLeaf) {
    report(compilation, place, {
      code: 'ambiguous-condition',
      message: `This condition has ${(isLeaf ? [...kinds, 'a comparison'] : kinds).join(' and ')}, but only one of these is allowed.`,
      remedy: 'Write one condition for each, inside an all or any.',
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
      message: `"${kind}" must be a list of conditions; found ${quote(content)}.`,
      remedy: `Write it like {"${kind}": [ … ]}.`,
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
  // There are fewer parts than conditions only after an error, and then the condition is never evaluated.
  return kind === 'all' ? allOf(parts) : anyOf(parts);
}

function warnOfContradictions<E>(
  compilation: Compilation<E>,
  kind: 'all' | 'any',
  content: readonly unknown[],
  place: ConditionPlace,
): void {
  const known = content.map((child) => (isObject(child) ? compilation.known.get(child) : undefined));
  // Problems for any type of fact have been reported at the shared condition itself.
  const untyped = known.map((each) => each && { ...each, fact: { ...each.fact, type: undefined } });
  const reported = isChecked(compilation, place) ? findContradictions(kind, untyped).map(({ at }) => at) : [];
  for (const found of findContradictions(kind, known)) {
    if (reported.includes(found.at)) continue;
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
  const those = partner === undefined ? undefined : show(partner);
  if (kind === 'all') {
    const message = `For ${quote(fact.name)}, ${show({ operator, right })} and ${those ?? 'the comparisons before it'} never hold together.`;
    return { code: 'never-holds', message, remedy: 'Correct one of them, or use "any" instead of "all".' };
  }
  const message = `For every value of ${quote(fact.name)}, ${show({ operator, right })} or ${those ?? 'a comparison before it'} holds.`;
  return { code: 'always-holds', message, remedy: 'Correct one of them, or use "all" instead of "any".' };
}

function compileReference<E>(compilation: Compilation<E>, name: unknown, place: ConditionPlace): Logic<E> | undefined {
  const shared = compilation.context.shared ?? {};
  const here = at(place, 'condition');
  if (typeof name !== 'string' || !Object.hasOwn(shared, name)) {
    const meant = typeof name === 'string' ? suggest(name, Object.keys(shared)) : undefined;
    report(compilation, here, {
      code: 'unknown-condition',
      message: `There is no shared condition ${quote(name)}.`,
      remedy: didYouMean(meant, 'Define it in conditions.json, in the folder of the rules, under "conditions".'),
    });
    return undefined;
  }
  if (place.within.includes(name)) {
    report(compilation, here, {
      code: 'circular-condition',
      message: `The shared condition refers to itself: ${[...place.within, name].join(' → ')}.`,
      remedy: 'Remove one of these references.',
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
  // This is reported once, and nothing after it is compiled.
  compilation.nodes = MAX_NODES + 1;
  report(compilation, place, {
    code: 'too-large',
    message: tooDeep
      ? `The conditions are nested more than ${MAX_DEPTH} levels deep.`
      : `The rule has more than ${MAX_NODES} conditions.`,
    remedy: 'Split the rule, or replace several comparisons by one with "in".',
  });
  return true;
}
