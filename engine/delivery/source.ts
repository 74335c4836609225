import type { Notice, Transition } from '../model/item/alert.ts';
import type { Plan } from '../model/plan/plan.ts';
import type { RowStream } from '../model/row-stream.ts';
import type { EventRule } from './alert-data.ts';
import { rowStreamOf } from './evidence.ts';

/** The rule and stream of an alert, as its event and row need them. */
export interface AlertSource {
  readonly rule: EventRule;
  readonly stream: RowStream;
}

/** The rule and stream of an alert. They are from the plan or, if the plan no longer has the rule, from the trace that was kept of it. */
export function sourceOf(change: Transition | Notice, plan: Plan): AlertSource {
  const { former } = change;
  if (former === undefined) return sourcesOf(plan)[change.rule]!;
  const { per, severities, stream, ...rest } = former;
  // The rule's own message needs the facts of an outcome, and there was none.
  const message = () => endMessage(change, former.name);
  return { rule: { ...rest, severity: severities[0]!, keying: { per }, message }, stream };
}

/** By plan: the sources of its rules. */
const known = new WeakMap<Plan, readonly AlertSource[]>();

function sourcesOf(plan: Plan): readonly AlertSource[] {
  const sources =
    known.get(plan) ?? plan.rules.map((rule) => ({ rule, stream: rowStreamOf(plan, plan.streams[rule.stream]!) }));
  known.set(plan, sources);
  return sources;
}

function endMessage({ key, from, reason }: Transition | Notice, rule: string): string {
  const what = `${key.text === '' ? 'it' : key.text} ${from === 'pending' ? 'was pending' : 'fired'}`;
  return `${rule}: ${what} when the rule was ${reason === 'rule-removed' ? 'removed' : 'changed'}`;
}
