import { type AlertRecord, createAlertRecord, type Explanation } from '../alerts/alert-record.ts';
import { endAlert, instantOf } from '../alerts/lifecycle.ts';
import type { RemovedRuleAlert } from '../alerts/removed-rule.ts';
import type { Notice, Transition } from '../model/item/alert.ts';
import type { Item } from '../model/item/item.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import { lookUpKey } from '../state/directory.ts';
import type { AlertHandling, Moment } from './alert-transitions.ts';

/**
 * Tells every alert as over whose rule was changed or removed while it was open. To be called with whatever comes first after that, and
 * before it has consequences: a rule of the same name and key may fire anew because of it.
 */
export function resolveRemovedRules(handling: AlertHandling, item: Item, out: Item[]): void {
  const { alerting } = handling.state;
  const { removedRuleAlerts } = alerting;
  const moment = removedRuleAlerts.length === 0 ? undefined : momentOf(item);
  if (moment === undefined) return;
  alerting.removedRuleAlerts = [];
  const rules = new Map(handling.rules.map(({ rule }) => [rule.name, rule]));
  for (const alert of removedRuleAlerts) {
    const end = endOf(alert, moment, handling);
    out.push(end);
    precede(rules.get(alert.rule.name), alert, end, handling);
  }
}

/** Lets no alert of the rule as it is now begin before this one ended: a reading that waited at the broker is older than the change. */
function precede(
  rule: RulePlan | undefined,
  { key, rule: { per } }: RemovedRuleAlert,
  { offset, at }: Transition | Notice,
  { state }: AlertHandling,
): void {
  if (rule === undefined || rule.keying.per.join() !== per.join()) return;
  const { alerts } = lookUpKey(state.streams[rule.stream]!, rule.keying.index, key.parts);
  const record = (alerts[rule.slot] ??= createAlertRecord());
  Object.assign(record, { changedAt: instantOf(record, offset, at), changedOffset: offset, ahead: true });
}

function endOf(
  { rule, reason, key, alert }: RemovedRuleAlert,
  moment: Moment,
  handling: AlertHandling,
): Transition | Notice {
  const { offset, recordedAt } = moment;
  const { noise } = alert;
  const level = alert.level || (noise?.level ?? 0);
  const at = instantOf(alert, offset, recordedAt);
  const change = endAlert(alert);
  const { from = 'resolved', to = 'resolved', since = noise?.since ?? at } = change ?? {};
  // Who did not hear of its beginning need not hear of its end.
  const isHeldBack = to === 'resolved' && noise?.told === false;
  if (isHeldBack) handling.counters.events_suppressed += 1;
  const told = {
    offset,
    recordedAt,
    rule: -1,
    former: rule,
    key,
    from,
    to,
    severity: rule.severities[Math.max(level, 1) - 1]!,
    reason,
    ...(isHeldBack && { suppressed: 'limit' as const }),
    at,
    since,
    ...explanationOf(alert, since, at),
  };
  const idFor = (what: Transition['to'] | Notice['notice']) => handling.nextId(rule, { key }, offset, what, at);
  // It flapped, and did not fire at this moment: its end stands in its last transition, and only those who listen wait for it.
  if (change === undefined) return { kind: 'notice', notice: 'stable', id: idFor('stable'), ...told };
  handling.counters.transitions += 1;
  return { kind: 'transition', id: idFor(to), ...told };
}

/** How things stood at the last outcome, where that is known. */
function explanationOf({ noise }: AlertRecord, since: number, at: number): Explanation {
  return noise?.last ?? { facts: {}, conditions: [], evidence: { from: since, to: at } };
}

function momentOf(item: Item): Moment | undefined {
  if ('receivedAt' in item) return { offset: item.offset, recordedAt: item.receivedAt };
  if ('recordedAt' in item) return { offset: item.offset, recordedAt: item.recordedAt };
  if ('at' in item) return { offset: item.offset, recordedAt: item.at };
  return undefined;
}
