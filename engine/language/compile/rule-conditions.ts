import type { Report } from '../../document/fault.ts';
import type { FieldValue } from '../../model/field.ts';
import type { RuleConditions } from '../../model/plan/conditions-plan.ts';
import type { RuleFile, TopCondition } from '../../model/rule.ts';
import { type CompiledCondition, compileCondition } from '../conditions/conditions.ts';
import { compileLevels } from './levels.ts';
import { isView } from './rule-streams.ts';
import type { Scope } from './scope.ts';

/** Compiles the condition of a key of the rule. */
export function compileAt<E>(
  condition: TopCondition,
  key: string,
  scope: Scope<E>,
  report: Report,
): CompiledCondition<E> | undefined {
  const { compiled, problems } = compileCondition(condition, scope);
  for (const { path, ...problem } of problems) report([key, ...path], problem);
  return compiled;
}

/** Compiles the conditions of a rule; undefined if they have an error, which has been reported. Those of a view never hold. */
export function compileRuleConditions<E>(
  rule: RuleFile,
  scope: Scope<E>,
  report: Report,
): RuleConditions<E> | undefined {
  const getters = scope.names.map((name) => [name, scope.resolve(name)!] as const);
  const facts = (env: E) => {
    const values: Record<string, FieldValue | null> = {};
    for (const [name, get] of getters) values[name] = get(env) ?? null;
    return values;
  };
  if (rule.levels !== undefined) {
    const levels = compileLevels(rule.levels, scope, report);
    return levels && { ...levels, facts };
  }
  if (isView(rule)) {
    return { holds: () => false, fails: () => true, clear: undefined, facts, outcomes: () => [], reads: new Set() };
  }
  const conditions = rule.conditions && compileAt(rule.conditions, 'conditions', scope, report);
  const clear = rule.clear && compileAt(rule.clear, 'clear', scope, report);
  if (conditions === undefined) return undefined;
  return {
    holds: conditions.holds,
    fails: conditions.fails,
    clear,
    facts,
    outcomes: (env, clearing) => [
      ...conditions.explain(env),
      ...(clearing && clear !== undefined ? clear.explain(env) : []),
    ],
    reads: new Set([...conditions.facts, ...(clear?.facts ?? [])]),
  };
}
