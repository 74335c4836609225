import type { AlertRecord, Explanation, NoiseRecord } from '../alerts/alert-record.ts';
import { type AlertClock, advanceAlertClock, hostTime } from '../alerts/clock.ts';
import { endAlert, instantOf } from '../alerts/lifecycle.ts';
import { admit, endPeriod, hasRoom, isStable, quietFor } from '../alerts/noise.ts';
import { overflowId } from '../delivery/event-id.ts';
import type { EndReason, Evaluation, Notice } from '../model/item/alert.ts';
import type { Item, Tick } from '../model/item/item.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import { forgottenBy } from '../state/directory.ts';
import type { KeyState } from '../state/key.ts';
import { MOST_DUE } from '../state/state.ts';
import {
  type AlertHandling,
  type AlertRule,
  applyEvaluation,
  changeAlert,
  settleAlert,
  severityAt,
} from './alert-transitions.ts';
import { explain } from './explain.ts';

/**
 * Makes what changes alerts when time passes without an evaluation. Alerts end with the active hours of their rule, or after too long a gap.
 * They re-notify, or are found stable. A silence that began outside the active hours is published when they begin. At the end of a limit's
 * period, what it has suppressed is published as one overflow. Looks at open alerts only.
 */
export const runAlertTimers = (handling: AlertHandling, journalId: string) => {
  const { clock } = handling.state.alerting;
  const rules = handling.rules.filter(({ bounded }) => bounded);
  return (tick: Tick, out: Item[]): void => {
    advanceAlertClock(clock, tick.at, tick.liveMs);
    for (const { stream, key } of forgottenBy(tick)) endForgotten({ handling, clock, tick }, stream, key, out);
    for (const alertRule of rules) {
      publishOverflow(alertRule, clock, journalId, tick, out);
      const active = alertRule.isActive === undefined || alertRule.isActive(hostTime(clock, tick.at));
      const due = findDue(alertRule, clock, active);
      if (due.length === 0) continue;
      // The order of open alerts is not part of a snapshot, so the order of outputs must not depend on it.
      due.sort((a, b) => (a.text < b.text ? -1 : 1));
      const { state } = handling;
      const { changedKeys } = state.streams[alertRule.rule.stream]!;
      if (due.length > MOST_DUE) {
        state.hasMoreDue = true;
        alertRule.own.lookAtMs = 0;
      }
      for (const key of due.slice(0, MOST_DUE)) {
        changedKeys.touch(key);
        runDue({ alertRule, key, record: key.alerts[alertRule.rule.slot]!, clock, handling, tick, active }, out);
      }
    }
  };
};

/** The keys whose alerts are due. Looks at none of them before the first can be due, or the active hours begin or end. */
function findDue(alertRule: AlertRule, clock: AlertClock, active: boolean): KeyState[] {
  const { rule, own } = alertRule;
  const due: KeyState[] = [];
  const mustLook = active !== own.wasActive || clock.elapsedMs >= own.lookAtMs;
  own.wasActive = active;
  if (!mustLook) return due;
  let quietMs = Number.POSITIVE_INFINITY;
  for (const key of own.timedKeys) {
    const record = key.alerts[rule.slot]!;
    if (isDue(alertRule, record, clock, active)) due.push(key);
    else quietMs = Math.min(quietMs, quietFor(record, rule.lifecycle, clock, active));
  }
  own.lookAtMs = clock.elapsedMs + quietMs;
  return due;
}

/** An alert for which something is due at a tick. */
interface Due {
  readonly alertRule: AlertRule;
  readonly key: KeyState;
  readonly record: AlertRecord;
  readonly clock: AlertClock;
  readonly handling: AlertHandling;
  readonly tick: Tick;
  /** The tick is within the active hours of the rule. */
  readonly active: boolean;
}

/** Ends the alerts of a key that has left the state. */
function endForgotten(
  moment: Pick<Due, 'handling' | 'clock' | 'tick'>,
  stream: number,
  key: KeyState,
  out: Item[],
): void {
  for (const alertRule of moment.handling.rules) {
    const { rule, own } = alertRule;
    const record = rule.stream === stream && rule.keying.index === key.keying ? key.alerts[rule.slot] : undefined;
    if (record === undefined) continue;
    const due: Due = { ...moment, alertRule, key, record, active: true };
    end(due, 'forgotten', out);
    if (record.noise?.flapping) becomeStable(due, out);
    own.timedKeys.delete(key);
  }
}

function isDue({ rule, own }: AlertRule, record: AlertRecord, clock: AlertClock, active: boolean): boolean {
  const noise = record.noise!;
  if (record.state === 'inactive') {
    if (active && noise.silent !== undefined) return true;
  } else if (!active || hasGap(rule, noise, clock)) return true;
  if (isStable(noise, rule.lifecycle, clock.elapsedMs)) return true;
  return mustRenotify(rule, record, clock) && (noise.told || hasRoom(own, rule.lifecycle.limit));
}

function hasGap({ lifecycle: { resolveAfterMs } }: RulePlan, { heardMs }: NoiseRecord, clock: AlertClock): boolean {
  return resolveAfterMs > 0 && clock.heardMs - heardMs >= resolveAfterMs;
}

function mustRenotify(
  { lifecycle: { repeatMs } }: RulePlan,
  { state, noise }: AlertRecord,
  clock: AlertClock,
): boolean {
  return repeatMs > 0 && state === 'firing' && clock.elapsedMs - noise!.toldMs >= repeatMs;
}

function runDue(due: Due, out: Item[]): void {
  const { alertRule, key, record, clock, handling, active } = due;
  const { rule, own } = alertRule;
  const noise = record.noise!;
  if (record.state === 'inactive') {
    if (active && noise.silent !== undefined) applyEvaluation(handling, stillSilent(due, noise.silent), out);
  } else if (!active) end(due, 'schedule', out);
  else if (hasGap(rule, noise, clock)) end(due, 'gap', out);
  if (isStable(noise, rule.lifecycle, clock.elapsedMs)) becomeStable(due, out);
  if (mustRenotify(rule, record, clock) && (noise.told || hasRoom(own, rule.lifecycle.limit))) {
    if (!noise.told) admit(own, rule.lifecycle.limit, key.text, record.level, clock);
    noise.told = true;
    noise.toldMs = clock.elapsedMs;
    out.push({ ...notice(due, 'repeat', 'firing'), ...(noise.flapping && { flapping: true }) });
  }
  settleAlert(alertRule, key, record, clock);
}

/** The evaluation of a silence that began before and still lasts. */
function stillSilent({ alertRule, key, tick }: Due, silent: NonNullable<NoiseRecord['silent']>): Evaluation {
  return {
    kind: 'evaluation',
    offset: tick.offset,
    recordedAt: tick.at,
    rule: alertRule.rule.index,
    key,
    at: tick.at,
    holds: true,
    clears: false,
    subject: { kind: 'silence', ...silent },
  };
}

function end(due: Due, reason: EndReason, out: Item[]): void {
  const { alertRule, key, record, handling, tick } = due;
  const { offset, at: recordedAt } = tick;
  const at = instantOf(record, offset, recordedAt);
  const change = endAlert(record);
  if (change === undefined) return;
  const explanation = explanationOf(due);
  changeAlert(
    handling,
    alertRule,
    key,
    change,
    { offset, recordedAt, at, stampedAt: recordedAt, explanation, reason },
    out,
  );
}

/** Ends flapping: the alert has not changed for long enough, so its present state is published. */
function becomeStable(due: Due, out: Item[]): void {
  const { alertRule, key, record, clock } = due;
  const noise = record.noise!;
  const { limit } = alertRule.rule.lifecycle;
  const fires = record.state === 'firing';
  noise.flapping = false;
  noise.changes = [];
  noise.toldMs = clock.elapsedMs;
  const heldBack = !noise.told && !(fires && admit(alertRule.own, limit, key.text, noise.level, clock));
  noise.told = fires && !heldBack;
  const stable = notice(due, 'stable', fires ? 'firing' : 'resolved');
  out.push(heldBack ? { ...stable, suppressed: 'limit' } : stable);
}

function notice(due: Due, what: Notice['notice'], state: 'firing' | 'resolved'): Notice {
  const { alertRule, key, record, handling, tick } = due;
  const { level, since } = record.noise!;
  const at = notBefore(tick, record.changedAt);
  return {
    kind: 'notice',
    notice: what,
    id: handling.nextId(alertRule.rule, key, tick.offset, what, at),
    offset: tick.offset,
    recordedAt: tick.at,
    rule: alertRule.rule.index,
    key,
    from: state,
    to: state,
    severity: severityAt(alertRule.rule, level),
    at,
    since,
    ...explanationOf(due),
  };
}

/** The explanation of the last evaluation; of a silence, the explanation as of now. */
function explanationOf(due: Due): Explanation {
  const { alertRule, record, tick } = due;
  const { last, silent } = record.noise ?? {};
  if (silent !== undefined) return explain(alertRule.rule, stillSilent(due, silent), false);
  if (last === undefined) return { facts: {}, conditions: [], evidence: { from: record.since, to: tick.at } };
  // In the form that a snapshot gives it, so that outputs do not depend on a restart.
  return JSON.parse(JSON.stringify(last)) as Explanation;
}

/** The event time of a notice. Clocks of devices may be ahead of ours, but no notice is earlier than the last change of its alert. */
function notBefore({ at }: Tick, changedAt: number): number {
  return Math.max(at, changedAt);
}

function publishOverflow(
  { rule, own }: AlertRule,
  { elapsedMs }: AlertClock,
  journalId: string,
  { offset, at }: Tick,
  out: Item[],
): void {
  const period = endPeriod(own, rule.lifecycle.limit, elapsedMs);
  if (period === undefined) return;
  const { told, heldBack, keys, sinceAt, level } = period;
  const id = overflowId(journalId, offset, rule.name, at);
  const severity = severityAt(rule, level);
  out.push({ kind: 'overflow', id, offset, rule: rule.index, at, since: sinceAt, severity, told, heldBack, keys });
}
