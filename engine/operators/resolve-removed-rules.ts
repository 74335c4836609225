import type { AlertRecord, Explanation } from '../alerts/alert-record.ts';
import { endAlert, instantOf } from '../alerts/lifecycle.ts';
import type { RemovedRuleAlert } from '../alerts/removed-rule.ts';
import type { Notice, Transition } from '../model/item/alert.ts';
import type { Item } from '../model/item/item.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import { lookUpKey } from '../state/directory.ts';
import { alertOf } from '../state/key.ts';
import type { AlertHandling, Moment } from './alert-transitions.ts';

/**
 * Resolves every alert whose rule was changed or removed while the alert was open. Call it with the first item after a start, before the item has
 * consequences: it may fire an alert of a rule with the same name, for the same key.
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

/**
 * Makes sure that no alert of the changed rule begins before the old rule's alert has ended. A reading that waited at the broker may be older than
 * the end.
 */
function precede(
  rule: RulePlan | undefined,
  { key, rule: { per } }: RemovedRuleAlert,
  { offset, at }: Transition | Notice,
  { state }: AlertHandling,
): void {
  if (rule === undefined || rule.keying.per.join() !== per.join()) return;
  const stream = state.streams[rule.stream]!;
  const known = lookUpKey(stream, rule.keying, key.parts);
  stream.changedKeys.touch(known);
  const record = alertOf(known, rule.slot);
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
  // If the start of the alert was not published, its end is not published either.
  const isSuppressed = to === 'resolved' && noise?.told === false;
  if (isSuppressed) handling.counters.events_suppressed += 1;
  const common = {
    offset,
    recordedAt,
    rule: -1,
    former: rule,
    key,
    from,
    to,
    severity: rule.severities[Math.max(level, 1) - 1]!,
    reason,
    ...(isSuppressed && { suppressed: 'limit' as const }),
    at,
    since,
    ...explanationOf(alert, since, at),
  };
  const idFor = (what: Transition['to'] | Notice['notice']) => handling.nextId(rule, key, offset, what, at);
  // The alert was flapping and not firing. Its last transition already holds its end, so the table needs no row; subscribers need the event.
  if (change === undefined) return { kind: 'notice', notice: 'stable', id: idFor('stable'), ...common };
  handling.counters.transitions += 1;
  return { kind: 'transition', id: idFor(to), ...common };
}

/** The explanation of the last evaluation, if it is known. */
function explanationOf({ noise }: AlertRecord, since: number, at: number): Explanation {
  return noise?.last ?? { facts: {}, conditions: [], evidence: { from: since, to: at } };
}

function momentOf(item: Item): Moment | undefined {
  if ('receivedAt' in item) return { offset: item.offset, recordedAt: item.receivedAt };
  if ('recordedAt' in item) return { offset: item.offset, recordedAt: item.recordedAt };
  if ('at' in item) return { offset: item.offset, recordedAt: item.at };
  return undefined;
}
