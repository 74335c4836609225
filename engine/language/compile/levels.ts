import type { Report } from '../../document/fault.ts';
import type { ConditionOutcome } from '../../model/item/alert.ts';
import type { RuleConditions } from '../../model/plan/conditions-plan.ts';
import type { LevelSpec, TopCondition } from '../../model/rule.ts';
import { type CompiledCondition, compileCondition } from '../conditions/conditions.ts';
import type { Scope } from './scope.ts';

/** Compiles the conditions of `levels`; undefined if one of them has an error, which has been reported. */
export function compileLevels<E>(
  levels: readonly LevelSpec[],
  scope: Scope<E>,
  report: Report,
): Pick<RuleConditions<E>, 'holds' | 'fails' | 'clear' | 'ladder' | 'outcomes' | 'reads'> | undefined {
  const compiled: CompiledLevel<E>[] = [];
  levels.forEach((level, i) => {
    const compileAt = (condition: TopCondition, key: string) => {
      const result = compileCondition(condition, scope);
      for (const { path, ...problem } of result.problems) report(['levels', i, key, ...path], problem);
      return result.compiled;
    };
    const conditions = compileAt(level.conditions, 'conditions');
    const clear = level.clear && compileAt(level.clear, 'clear');
    if (conditions !== undefined) compiled.push({ severity: level.severity, conditions, clear });
  });
  if (compiled.length < levels.length) return undefined;
  const reached = (env: E): number => {
    for (let i = compiled.length; i > 0; i--) if (compiled[i - 1]!.conditions.holds(env)) return i;
    return 0;
  };
  const possible = (env: E): number => {
    for (let i = compiled.length; i > 0; i--) if (!compiled[i - 1]!.conditions.fails(env)) return i;
    return 0;
  };
  const bitsOf = (isSet: (level: CompiledLevel<E>, i: number) => boolean): number =>
    compiled.reduce((bits, level, i) => (isSet(level, i) ? bits | (1 << i) : bits), 0);
  return {
    holds: (env) => reached(env) > 0,
    fails: (env) => possible(env) === 0,
    clear: undefined,
    ladder: {
      reached,
      possible,
      clearing: (env, _reached, possible) =>
        bitsOf(({ clear }, i) => (clear === undefined ? possible <= i : clear.holds(env))),
      undecided: (env, reached, possible) =>
        bitsOf(({ clear }, i) =>
          clear === undefined ? reached <= i && i < possible : !clear.holds(env) && !clear.fails(env),
        ),
    },
    outcomes: (env, clearing) => compiled.flatMap((level) => explainLevel(level, env, clearing)),
    reads: new Set(compiled.flatMap(({ conditions, clear }) => [...conditions.facts, ...(clear?.facts ?? [])])),
  };
}

interface CompiledLevel<E> {
  readonly severity: LevelSpec['severity'];
  readonly conditions: CompiledCondition<E>;
  readonly clear: CompiledCondition<E> | undefined;
}

function explainLevel<E>(
  { severity, conditions, clear }: CompiledLevel<E>,
  env: E,
  clearing: boolean,
): ConditionOutcome[] {
  const outcomes = [...conditions.explain(env), ...(clearing && clear !== undefined ? clear.explain(env) : [])];
  return outcomes.map((outcome) => ({ ...outcome, severity }));
}
