import type { Report } from '../../document/fault.ts';
import type { StreamConfig } from '../../model/config.ts';
import type { Closed, Derived } from '../../model/item/window-result.ts';
import type { DerivedRule } from '../../model/plan/rule-plan.ts';
import type { Reading } from '../../model/reading.ts';
import type { RuleFile } from '../../model/rule.ts';
import { type Formulas, planFormulas } from './formulas.ts';
import { planRunning, runningScope } from './running-facts.ts';
import type { Scope } from './scope.ts';

/** Plans the facts of a rule without a window, and the scope of its conditions: the names of the reading and the facts. */
export function planDerived(
  { facts }: RuleFile,
  stream: StreamConfig,
  reading: Scope<Reading>,
  report: Report,
): Formulas<Derived> & Pick<DerivedRule, 'running'> {
  const running = planRunning(facts, stream, reading, report);
  const scope = runningScope(facts, stream, reading, report);
  return { running, ...planFormulas(facts, scope, report, () => undefined) };
}

/** Plans the calculated facts of a rule with a window, and the scope of its conditions, which contains them. */
export function planClosed(
  { facts }: RuleFile,
  stream: StreamConfig,
  aggregates: Scope<Closed>,
  report: Report,
): Formulas<Closed> {
  return planFormulas(facts, aggregates, report, (name) => {
    if (!stream.fields.some((field) => field.name === name)) return undefined;
    const message = `The calculation uses the field "${name}", but a window has many values of it.`;
    return { message, remedy: `Add a fact such as {"last": "${name}"}, and use the name of that fact.` };
  });
}
