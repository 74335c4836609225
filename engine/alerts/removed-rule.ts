import type { Key } from '../model/item/window-result.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import type { RowStream } from '../model/row-stream.ts';
import type { RuleTrace } from '../model/rule-trace.ts';
import type { AlertRecord } from './alert-record.ts';

/** An open alert whose rule was changed or removed: its resolved event is still to be published. Plain data. */
export interface RemovedRuleAlert {
  readonly rule: RuleTrace;
  readonly reason: 'rule-changed' | 'rule-removed';
  readonly key: Key;
  readonly alert: AlertRecord;
}

/** Whether users may still see the alert as open. */
export function isOpen({ state, noise }: AlertRecord): boolean {
  return state !== 'inactive' || noise?.flapping === true;
}

/** The trace of a rule that has an open alert. */
export function traceOf(rule: RulePlan, stream: RowStream): RuleTrace {
  const { name, version, type, keying, lifecycle, params, units } = rule;
  const severities = lifecycle.levels.map(({ severity }) => severity);
  return { name, version, type, stream, per: keying.per, severities, params, units };
}
