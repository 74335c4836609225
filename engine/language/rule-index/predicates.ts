import type { StreamConfig } from '../../model/config.ts';
import type { FieldValue } from '../../model/field.ts';
import { isObject } from '../../model/json-object.ts';
import { DEVICE, FIRST_LABEL, type IndexPredicate } from '../../model/plan/index-plan.ts';
import type { RuleFile, TopCondition } from '../../model/rule.ts';
import type { Definitions } from '../conditions/conditions.ts';

/** The names that conditions refer to: those of a stream, shared conditions, lists. */
export interface PredicateContext {
  readonly stream: StreamConfig;
  readonly definitions: Definitions;
}

type JsonObject = Readonly<Record<string, unknown>>;

/** Ranks of predicates, the most selective first: equal to a text or number, within bounds, equal to true or false. */
const EQUAL_VALUE = 0;
const BETWEEN_BOUNDS = 1;
const EQUAL_BOOLEAN = 2;
/** Weight of a rank: more than any number of predicates of the rank before it. */
const RANK_WEIGHT = 1e6;

/**
 * Finds index predicates for conditions without faults: every reading that meets all of the conditions meets at least one predicate.
 * Undefined if there are none that could be looked up; an empty list if the conditions never hold.
 *
 * Predicates use only values of the reading itself, not facts of a rule.
 */
export function predicatesOf(
  conditions: readonly (TopCondition | undefined)[],
  context: PredicateContext,
): readonly IndexPredicate[] | undefined {
  return predicatesOfAll(
    conditions.filter((each) => each !== undefined),
    context,
  );
}

/** Finds the index predicates of a rule without a window whose result depends only on the single reading. */
export function predicatesOfRule(
  { where, conditions, levels }: RuleFile,
  context: PredicateContext,
): readonly IndexPredicate[] | undefined {
  const evaluated = levels === undefined ? conditions : { any: levels.map((level) => level.conditions) };
  return predicatesOf([where, evaluated], context);
}

function predicatesOfNode(node: unknown, context: PredicateContext): readonly IndexPredicate[] | undefined {
  if (!isObject(node)) return undefined;
  if (Array.isArray(node.all)) return predicatesOfAll(node.all, context);
  if (Array.isArray(node.any)) return predicatesOfAny(node.any, context);
  if (typeof node.condition === 'string')
    return predicatesOfNode(context.definitions.shared?.[node.condition], context);
  return typeof node.fact === 'string' ? predicatesOfLeaf(node, context) : undefined;
}

/** The predicates of any part would be enough. The most selective are taken, and bounds of the same field are combined. */
function predicatesOfAll(nodes: readonly unknown[], context: PredicateContext): readonly IndexPredicate[] | undefined {
  const found = nodes.flatMap((node) => {
    const predicates = predicatesOfNode(node, context);
    return predicates === undefined ? [] : [predicates];
  });
  let best: readonly IndexPredicate[] | undefined;
  for (const predicates of found) {
    if (best === undefined || costOf(predicates) < costOf(best)) best = predicates;
  }
  const [only] = best ?? [];
  if (best?.length !== 1 || only?.kind !== 'within') return best;
  let { low, high } = only;
  for (const [other, ...more] of found) {
    if (more.length > 0 || other?.kind !== 'within' || other.field !== only.field) continue;
    low = Math.max(low, other.low);
    high = Math.min(high, other.high);
  }
  return [{ ...only, low, high }];
}

/** All parts are needed. An empty group always holds, so it has no predicates. */
function predicatesOfAny(nodes: readonly unknown[], context: PredicateContext): readonly IndexPredicate[] | undefined {
  if (nodes.length === 0) return undefined;
  const all: IndexPredicate[] = [];
  for (const node of nodes) {
    const predicates = predicatesOfNode(node, context);
    if (predicates === undefined) return undefined;
    for (const predicate of predicates) all.push(predicate);
  }
  return all;
}

/** Only operators without a decorator have predicates. A predicate is as strict as its operator or less strict. */
function predicatesOfLeaf(leaf: JsonObject, context: PredicateContext): readonly IndexPredicate[] | undefined {
  const { operator, value } = leaf;
  const source = sourceOf(String(leaf.fact), context.stream);
  if (source === undefined) return undefined;
  if (operator === 'equal' && isScalar(value)) return equals(source, [value]);
  if (operator === 'in' && Array.isArray(value)) return equals(source, value.filter(isScalar));
  if (operator === 'inList') return listed(source, context.definitions.lists?.[String(value)]);
  return context.stream.fields[source]?.type === 'number' ? predicatesOfBounds(source, operator, value) : undefined;
}

function predicatesOfBounds(field: number, operator: unknown, value: unknown): readonly IndexPredicate[] | undefined {
  if (operator === 'between' && Array.isArray(value)) return within(field, Number(value[0]), Number(value[1]));
  // Comparisons with a text have other rules.
  if (typeof value !== 'number') return undefined;
  if (operator === 'greaterThan' || operator === 'greaterThanInclusive') return within(field, value, Infinity);
  if (operator === 'lessThan' || operator === 'lessThanInclusive') return within(field, -Infinity, value);
  return undefined;
}

/** Finds the field, label or device of a name. As in conditions, a field hides a label, and a label hides the device. */
function sourceOf(name: string, { fields, labels }: StreamConfig): number | undefined {
  const field = fields.findIndex((each) => each.name === name);
  if (field >= 0) return field;
  const label = labels.findIndex((each) => each.name === name);
  if (label >= 0) return FIRST_LABEL - label;
  return name === 'device' ? DEVICE : undefined;
}

function listed(source: number, list: readonly FieldValue[] | undefined): readonly IndexPredicate[] | undefined {
  return list && equals(source, list);
}

function equals(source: number, values: readonly FieldValue[]): readonly IndexPredicate[] {
  return [...new Set(values)].map((value) => ({ kind: 'equals', source, value }));
}

function within(field: number, low: number, high: number): readonly IndexPredicate[] {
  return [{ kind: 'within', field, low, high }];
}

function isScalar(value: unknown): value is FieldValue {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

/** How costly a list of predicates is: a lower number is more selective. */
function costOf(predicates: readonly IndexPredicate[]): number {
  let worst = EQUAL_VALUE;
  for (const predicate of predicates) {
    worst = Math.max(
      worst,
      predicate.kind === 'within' ? BETWEEN_BOUNDS : typeof predicate.value === 'boolean' ? EQUAL_BOOLEAN : EQUAL_VALUE,
    );
  }
  return worst * RANK_WEIGHT + predicates.length;
}
