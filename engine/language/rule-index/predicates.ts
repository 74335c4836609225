import type { StreamConfig } from '../../model/config.ts';
import type { FieldValue } from '../../model/field.ts';
import { isObject } from '../../model/json-object.ts';
import { DEVICE, FIRST_LABEL, type IndexPredicate } from '../../model/plan/index-plan.ts';
import type { RuleFile, TopCondition } from '../../model/rule.ts';
import type { Definitions } from '../conditions/conditions.ts';

/** What conditions refer to: names of a stream, shared conditions, lists. */
export interface PredicateContext {
  readonly stream: StreamConfig;
  readonly definitions: Definitions;
}

type JsonObject = Readonly<Record<string, unknown>>;

/** The most telling first: a text or number that must be the same, bounds, one of two. */
const TEXT = 0;
const BOUNDS = 1;
const EITHER = 2;
/** Weighs more than any number of clues of the kind before. */
const KIND = 1e6;

/**
 * What readings have in common for which all of these sound conditions hold: at least one of the clues. Undefined where nothing
 * is known that could be looked up; none at all where they never hold.
 *
 * Facts of a rule are no clues, only what stands in the reading itself.
 */
export function predicatesOf(
  conditions: readonly (TopCondition | undefined)[],
  context: PredicateContext,
): readonly IndexPredicate[] | undefined {
  return ofAll(
    conditions.filter((each) => each !== undefined),
    context,
  );
}

/** Clues to a rule without a window whose outcome follows from the single reading. */
export function predicatesOfRule(
  { where, conditions, levels }: RuleFile,
  context: PredicateContext,
): readonly IndexPredicate[] | undefined {
  const judged = levels === undefined ? conditions : { any: levels.map((level) => level.conditions) };
  return predicatesOf([where, judged], context);
}

function ofNode(node: unknown, context: PredicateContext): readonly IndexPredicate[] | undefined {
  if (!isObject(node)) return undefined;
  if (Array.isArray(node.all)) return ofAll(node.all, context);
  if (Array.isArray(node.any)) return ofAny(node.any, context);
  if (typeof node.condition === 'string') return ofNode(context.definitions.shared?.[node.condition], context);
  return typeof node.fact === 'string' ? ofLeaf(node, context) : undefined;
}

/** Any part of them would do; the best is taken, with the bounds of a field made one. */
function ofAll(nodes: readonly unknown[], context: PredicateContext): readonly IndexPredicate[] | undefined {
  const found = nodes.flatMap((node) => {
    const clues = ofNode(node, context);
    return clues === undefined ? [] : [clues];
  });
  let best: readonly IndexPredicate[] | undefined;
  for (const clues of found) {
    if (best === undefined || weigh(clues) < weigh(best)) best = clues;
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

/** An empty group always holds. */
function ofAny(nodes: readonly unknown[], context: PredicateContext): readonly IndexPredicate[] | undefined {
  if (nodes.length === 0) return undefined;
  const all: IndexPredicate[] = [];
  for (const node of nodes) {
    const clues = ofNode(node, context);
    if (clues === undefined) return undefined;
    for (const clue of clues) all.push(clue);
  }
  return all;
}

/** Only operators without a decorator; each clue asks for less than its operator, or the same. */
function ofLeaf(leaf: JsonObject, context: PredicateContext): readonly IndexPredicate[] | undefined {
  const { operator, value } = leaf;
  const source = sourceOf(String(leaf.fact), context.stream);
  if (source === undefined) return undefined;
  if (operator === 'equal' && isScalar(value)) return equals(source, [value]);
  if (operator === 'in' && Array.isArray(value)) return equals(source, value.filter(isScalar));
  if (operator === 'inList') return listed(source, context.definitions.lists?.[String(value)]);
  return context.stream.fields[source]?.type === 'number' ? ofBounds(source, operator, value) : undefined;
}

function ofBounds(field: number, operator: unknown, value: unknown): readonly IndexPredicate[] | undefined {
  if (operator === 'between' && Array.isArray(value)) return within(field, Number(value[0]), Number(value[1]));
  // A text is compared in its own ways.
  if (typeof value !== 'number') return undefined;
  if (operator === 'greaterThan' || operator === 'greaterThanInclusive') return within(field, value, Infinity);
  if (operator === 'lessThan' || operator === 'lessThanInclusive') return within(field, -Infinity, value);
  return undefined;
}

/** A field hides a label, and that the device, as in conditions. */
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

/** Less is better. */
function weigh(clues: readonly IndexPredicate[]): number {
  let worst = TEXT;
  for (const clue of clues) {
    worst = Math.max(worst, clue.kind === 'within' ? BOUNDS : typeof clue.value === 'boolean' ? EITHER : TEXT);
  }
  return worst * KIND + clues.length;
}
