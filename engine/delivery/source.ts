import type { Notice, Transition } from '../model/item/alert.ts';
import type { Plan } from '../model/plan/plan.ts';
import type { RowStream } from '../model/row-stream.ts';
import type { EventRule } from './events.ts';
import { rowStreamOf } from './evidence.ts';

/** What an alert's event and row say of its rule and stream. */
export interface AlertSource {
  readonly rule: EventRule;
  readonly stream: RowStream;
}

/** Where an alert comes from: the plan, or, where that no longer has its rule, what was kept of it. */
export function sourceOf(told: Transition | Notice, plan: Plan): AlertSource {
  const { former } = told;
  if (former === undefined) {
    const rule = plan.rules[told.rule]!;
    return { rule, stream: rowStreamOf(plan, plan.streams[rule.stream]!) };
  }
  const { per, severities, stream, ...rest } = former;
  // The facts that its own message speaks of are those of an outcome; there was none.
  const message = () => endMessage(told, former.name);
  return { rule: { ...rest, severity: severities[0]!, keying: { per }, message }, stream };
}

function endMessage({ key, from, reason }: Transition | Notice, rule: string): string {
  const what = `${key.text === '' ? 'it' : key.text} ${from === 'pending' ? 'was pending' : 'fired'}`;
  return `${rule}: ${what} when the rule was ${reason === 'rule-removed' ? 'removed' : 'changed'}`;
}
