import type { Report } from '../../document/fault.ts';
import { durationOf } from '../../model/duration.ts';
import type { FieldValue } from '../../model/field.ts';
import type { Closed } from '../../model/item/window-result.ts';
import type { RuleConditions } from '../../model/plan/conditions-plan.ts';
import type { Keying } from '../../model/plan/keying.ts';
import type { Lifecycle } from '../../model/plan/lifecycle-plan.ts';
import type { WindowRule } from '../../model/plan/rule-plan.ts';
import type { AbsencePlan, SequencePlan } from '../../model/plan/window-plan.ts';
import type { Reading } from '../../model/reading.ts';
import type { Condition, RuleFile, SequenceSpec, SequenceStep, TopCondition } from '../../model/rule.ts';
import { type CompiledCondition, compileCondition } from '../conditions/conditions.ts';
import type { Scope } from './scope.ts';

/** What is needed to plan a sequence. */
export interface SequenceContext {
  readonly keying: Keying;
  readonly lifecycle: Lifecycle;
  /** The names that its conditions can use. */
  readonly scope: Scope<Reading>;
  readonly report: Report;
}

/** The fact of every sequence: seconds from the first reading of a match to its end. It hides a part of the key with that name. */
export const DURATION = 'duration';

/** Plans a sequence whose structure is valid and whose closing absences have deadlines; undefined if a condition has a fault. */
export function planSequence(
  rule: RuleFile,
  context: SequenceContext,
): Pick<WindowRule, 'window' | 'conditions'> | undefined {
  const steps = rule.sequence!;
  const conditions = compileSteps(steps, context);
  if (conditions === undefined) return undefined;
  const { keepFiringMs, active } = context.lifecycle;
  const window: SequencePlan = {
    kind: 'sequence',
    latenessMs: rule.lateness === undefined ? 0 : durationOf(rule.lateness),
    aggregates: [],
    conditions,
    ...planSteps(steps),
    // With `active`, results outside of the hours are ignored, so the results after a match must be repeated without a limit.
    clearingMs: active.length > 0 ? Number.POSITIVE_INFINITY : keepFiringMs,
  };
  return { window, conditions: conditionsOfMatch(steps, context.keying) };
}

/** The conditions of the steps, in order. */
export function conditionsOf([first, ...others]: SequenceSpec): readonly Condition[] {
  return [first, ...others.map((step) => ('then' in step ? step.then : step.not))];
}

/** The deadline of a closing `not`: the index of the step that it counts from, and its length. Undefined if it has none. */
export function deadlineOf(steps: SequenceSpec, index: number): { since: number; withinMs: number } | undefined {
  for (let i = index; i > 0; i--) {
    const { within } = stepAt(steps, i);
    if (within !== undefined) return { since: metBefore(steps, i), withinMs: durationOf(within) };
  }
  return undefined;
}

/** The last step at or before an index that a reading must meet. */
export function lastMet(steps: SequenceSpec, index = steps.length - 1): number {
  let at = index;
  while (at > 0 && !('then' in stepAt(steps, at))) at -= 1;
  return at;
}

function metBefore(steps: SequenceSpec, index: number): number {
  return lastMet(steps, index - 1);
}

function stepAt(steps: SequenceSpec, index: number): SequenceStep {
  return steps[index] as SequenceStep;
}

function compileSteps(steps: SequenceSpec, { scope, report }: SequenceContext): SequencePlan['conditions'] | undefined {
  const conditions = steps.flatMap((step, i): SequencePlan['conditions'] => {
    const compile = (condition: TopCondition, ...at: string[]): CompiledCondition<Reading> | undefined => {
      const { compiled, problems } = compileCondition(condition, scope);
      for (const { path, ...problem } of problems) report(['sequence', i, ...at, ...path], problem);
      return compiled;
    };
    if (i > 0 && 'not' in step) {
      // Compiled with its `not`, because a `not` may hold a bare comparison, and because the paths of problems contain it.
      const absent = compile({ not: step.not });
      return absent === undefined ? [] : [absent.fails];
    }
    const met = i > 0 && 'then' in step ? compile(step.then, 'then') : compile(step as TopCondition);
    return met === undefined ? [] : [met.holds];
  });
  return conditions.length < steps.length ? undefined : conditions;
}

function planSteps(steps: SequenceSpec): Pick<SequencePlan, 'steps' | 'closing'> {
  const planned: { flag: number; withinMs: number; breaks: number }[] = [];
  const closing: AbsencePlan[] = [];
  // For each step that a reading must meet: its number among those steps.
  const places = new Map<number, number>();
  const last = lastMet(steps);
  steps.forEach((_, i) => {
    const flag = 1 << i;
    if (i === lastMet(steps, i)) {
      places.set(i, planned.length);
      const within = i > 0 ? stepAt(steps, i).within : undefined;
      const withinMs = within === undefined ? Number.POSITIVE_INFINITY : durationOf(within);
      planned.push({ flag, withinMs, breaks: 0 });
    } else if (i < last) planned.at(-1)!.breaks |= flag;
    else {
      const { since, withinMs } = deadlineOf(steps, i)!;
      closing.push({ flag, since: places.get(since)!, withinMs });
    }
  });
  return { steps: planned, closing };
}

/** The conditions of a sequence: they hold for a match, and for nothing else. */
function conditionsOfMatch(steps: SequenceSpec, { per }: Keying): RuleConditions<Closed> {
  const holds = ({ match }: Closed) => match !== undefined && match.metAt.length > 0;
  return {
    holds,
    fails: (closed) => !holds(closed),
    clear: undefined,
    reads: new Set(),
    facts: ({ key, match }) => {
      const facts: Record<string, FieldValue | null> = {};
      per.forEach((name, i) => {
        facts[name] = key.parts[i] ?? null;
      });
      facts[DURATION] = match === undefined ? null : match.tookMs / 1_000;
      return facts;
    },
    outcomes: (closed) => {
      const metAt = closed.match?.metAt ?? [];
      let met = 0;
      return steps.map((step, i) => {
        const operator = i === 0 ? 'first' : 'then' in step ? 'then' : 'not';
        const at = operator === 'not' ? undefined : metAt[met++];
        const factValue = at === undefined ? null : new Date(at).toISOString();
        return { fact: `sequence[${i}]`, operator, value: step, factValue, result: holds(closed) };
      });
    },
  };
}
