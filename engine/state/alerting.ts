import { type AlertClock, createAlertClock } from '../alerts/clock.ts';
import { isTimed, type LimitRecord, type LimitState, needsTimers } from '../alerts/noise.ts';
import { isOpen, type RemovedRuleAlert, traceOf } from '../alerts/removed-rule.ts';
import { rowStreamOf } from '../delivery/evidence.ts';
import type { Plan } from '../model/plan/plan.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import type { RuleTrace } from '../model/rule-trace.ts';
import { createChanges, type Part, type Sections } from './changes.ts';
import type { Directory } from './directory.ts';
import { jsonPiece } from './json-piece.ts';
import { type KeyState, keyText } from './key.ts';
import type { KeySnapshot } from './key-snapshot.ts';
import type { RestoreContext } from './restore-context.ts';

/** What alerts have in common. Belongs to transition. */
export interface Alerting {
  clock: AlertClock;
  /** By the plan's rules. */
  readonly rules: readonly RuleAlerting[];
  /** Open alerts of changed or removed rules. The first record after a start resolves them. */
  removedRuleAlerts: readonly RemovedRuleAlert[];
}

/** What the alerts of one rule have in common. */
export interface RuleAlerting extends LimitState {
  /** If the rule is timed: the keys whose alerts each tick looks at. Not part of a snapshot, since it follows from the alerts. */
  readonly timedKeys: Set<KeyState>;
  /** Time of the alert clock before which ticks need not look at them, unless the active hours begin or end. Not part of a snapshot either. */
  lookAtMs: number;
  /** Whether the last tick was within the active hours. Not part of a snapshot. */
  wasActive: boolean;
}

/** The part of a snapshot's head that is about alerts. */
export interface AlertingHead {
  readonly alertClock: AlertClock;
  /** By rule name: the periods of limits that have begun. */
  readonly limits: Readonly<Record<string, LimitRecord>>;
}

/** Pieces of a snapshot about alerts, apart from those that are part of a key. */
export type AlertingPiece =
  /** An alert of a changed or removed rule, which no record has resolved yet. */
  | readonly ['orphan', RemovedRuleAlert]
  /** By rule name: what to keep of rules, in case that they are removed while they have open alerts. */
  | readonly ['traces', Readonly<Record<string, RuleTrace>>];

interface TracePart extends Part {
  readonly rule: RulePlan;
}

/** Makes the state of alerts before the first record. */
export function createAlerting(plan: Plan, sections: Sections): Alerting {
  const { rules } = plan;
  // The traces do not change, so only full checkpoints store them.
  const parts = rules.map((rule): TracePart => ({ number: rule.index, section: 0, rule }));
  createChanges(
    sections,
    () => parts,
    ({ rule }) => jsonPiece(traceOfRule(plan, rule)),
  );
  return {
    clock: createAlertClock(),
    rules: rules.map(() => ({ timedKeys: new Set(), lookAtMs: 0, wasActive: true, limit: undefined })),
    removedRuleAlerts: [],
  };
}

/** The alert clock and the limits, as the head of a snapshot has them. */
export function alertingHead({ rules }: Plan, alerting: Alerting): AlertingHead {
  const limits = rules.flatMap(({ name, index }) => {
    const { limit } = alerting.rules[index]!;
    return limit === undefined ? [] : [[name, limit] as const];
  });
  return { alertClock: alerting.clock, limits: Object.fromEntries(limits) };
}

/** What to keep of a rule, in case that it is removed while it has open alerts. */
function traceOfRule(plan: Plan, rule: RulePlan): AlertingPiece {
  const trace = traceOf(rule, rowStreamOf(plan, plan.streams[rule.stream]!));
  return ['traces', { [rule.name]: trace }];
}

/** Restores clock and limits. `from` and `to` are the names of the brokers, by connection index, in the snapshot and now. */
export function restoreAlertingHead(
  alerting: Alerting,
  { alertClock: { liveMs, ...clock }, limits }: AlertingHead,
  [from, to]: readonly [from: readonly string[], to: readonly string[]],
  { kept }: RestoreContext,
): void {
  alerting.clock = { ...clock, liveMs: to.map((name) => liveMs[from.indexOf(name)] ?? null) };
  for (const [name, limit] of Object.entries(limits)) {
    const rule = kept.get(name);
    if (rule !== undefined) alerting.rules[rule.index]!.limit = limit;
  }
}

/** Alerts of changed and removed rules, as the pieces of a snapshot bring them. */
export interface RemovedRulesRestoration {
  /** Those that the snapshot holds as such. */
  readonly known: RemovedRuleAlert[];
  /** Open alerts that no rule evaluates any more, from the snapshot's keys. */
  readonly found: (Omit<RemovedRuleAlert, 'rule'> & { readonly name: string })[];
  readonly traces: Record<string, RuleTrace>;
}

/** Starts to collect the alerts of changed and removed rules from a snapshot. */
export function beginRemovedRules(): RemovedRulesRestoration {
  return { known: [], found: [], traces: {} };
}

/** Finds the open alerts of a key that no rule evaluates any more: their stream was dropped, or their rule changed or was removed. */
export function findRemovedRules(
  { found }: RemovedRulesRestoration,
  { parts, alerts }: KeySnapshot,
  isStreamKept: boolean,
  { plan, kept }: RestoreContext,
): void {
  for (const [name, alert] of Object.entries(alerts)) {
    if ((isStreamKept && kept.has(name)) || !isOpen(alert)) continue;
    const reason = plan.rules.some((rule) => rule.name === name) ? 'rule-changed' : 'rule-removed';
    found.push({ name, reason, key: { text: keyText(parts), parts }, alert });
  }
}

/** The alerts to resolve. Leaves out those in snapshots of older versions that did not write traces of rules. */
export function listRemovedRules({ known, found, traces }: RemovedRulesRestoration): RemovedRuleAlert[] {
  const traced = found.flatMap(({ name, ...alert }) => {
    const rule = traces[name];
    return rule === undefined ? [] : [{ rule, ...alert }];
  });
  // The order of pieces in a snapshot must not decide the order of outcomes.
  return [...known, ...traced].sort((a, b) => compare(a.rule.name, b.rule.name) || compare(a.key.text, b.key.text));
}

/** Works out which keys have alerts that ticks look at, once all keys are restored. */
export function restoreTimedKeys(plan: Plan, { rules }: Alerting, streams: readonly Directory[]): void {
  for (const rule of plan.rules.filter(({ lifecycle }) => isTimed(lifecycle))) {
    for (const key of streams[rule.stream]!.keys[rule.keying.index]!.values()) {
      const alert = key.alerts[rule.slot];
      if (alert !== undefined && needsTimers(alert)) rules[rule.index]!.timedKeys.add(key);
    }
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
