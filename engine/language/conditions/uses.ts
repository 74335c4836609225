import type { RuleFile, TopCondition } from '../../model/rule.ts';

/** What conditions refer to by name, themselves or through the shared conditions that they refer to. */
export interface Uses {
  readonly conditions: ReadonlySet<string>;
  readonly lists: ReadonlySet<string>;
  /** One of them asks whether a fact changed. */
  readonly changed: boolean;
}

/** The last part of an `operator`, behind its decorators, that refers to a list. */
const LIST_OPERATOR = /(^|:)(inList|notInList)$/;
const CHANGED = /(^|:)changed$/;

/** Goes through anything that conditions stand in; what is no condition in it does no harm. */
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

/** What a rule refers to. Its event is handed on as it is, whatever it holds. */
export function usesOfRule(rule: RuleFile, shared: Readonly<Record<string, TopCondition>>): Uses {
  const { event: _event, ...judged } = rule;
  return usesOf(judged, shared);
}
