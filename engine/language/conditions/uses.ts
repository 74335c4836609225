import type { RuleFile, TopCondition } from '../../model/rule.ts';

/** The names that conditions refer to, directly or through shared conditions. */
export interface Uses {
  readonly conditions: ReadonlySet<string>;
  readonly lists: ReadonlySet<string>;
  /** Whether one of them uses the operator `changed`. */
  readonly changed: boolean;
}

/** An `operator` that refers to a list, with or without decorators. */
const LIST_OPERATOR = /(^|:)(inList|notInList)$/;
const CHANGED = /(^|:)changed$/;

/** Collects the names in any part of a rule. Values that are not conditions are ignored. */
export function usesOf(within: unknown, shared: Readonly<Record<string, TopCondition>>): Uses {
  const conditions = new Set<string>();
  const lists = new Set<string>();
  let changed = false;
  const visit = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    if (Array.isArray(node)) {
      node.forEach(visit);
      return;
    }
    const { condition, operator, value } = node as Readonly<Record<string, unknown>>;
    if (typeof condition === 'string' && !conditions.has(condition)) {
      conditions.add(condition);
      if (Object.hasOwn(shared, condition)) visit(shared[condition]);
    }
    if (typeof operator === 'string') {
      if (LIST_OPERATOR.test(operator)) for (const name of [value].flat(8)) lists.add(String(name));
      changed ||= CHANGED.test(operator);
      return;
    }
    for (const part of Object.values(node)) visit(part);
  };
  visit(within);
  return { conditions, lists, changed };
}

/** The names that a rule refers to. Its `event` is not searched, because it may hold anything. */
export function usesOfRule(rule: RuleFile, shared: Readonly<Record<string, TopCondition>>): Uses {
  const { event: _event, ...evaluated } = rule;
  return usesOf(evaluated, shared);
}
