import type { AlertRecord, Explanation, NoiseRecord } from '../alerts/alert-record.ts';
import { type AlertClock, advanceAlertClock, hostTime } from '../alerts/clock.ts';
import { endAlert, instantOf } from '../alerts/lifecycle.ts';
import { admit, endPeriod, hasRoom, isStable } from '../alerts/noise.ts';
import { overflowId } from '../delivery/event-id.ts';
import type { EndReason, Evaluation, Notice } from '../model/item/alert.ts';
import type { Item, Tick } from '../model/item/item.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import type { KeyState } from '../state/key.ts';
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
 * What alerts do when time passes without an outcome: they end with the hours of their rule or after too long a gap, are told again,
 * are found stable; a silence that began outside the hours is told when they begin; the overflow of a limit is summed up.
 * Looks at open alerts only.
 */
export const runAlertTimers = (handling: AlertHandling, journalId: string) => {
  const { clock } = handling.state.alerting;
  const rules = handling.rules.filter(({ bounded }) => bounded);
  return (tick: Tick, out: Item[]): void => {
    advanceAlertClock(clock, tick.at, tick.liveMs);
    for (const of of rules) {
      sumUp(of, clock, journalId, tick, out);
      if (of.own.timedKeys.size === 0) continue;
      const active = of.isActive === undefined || of.isActive(hostTime(clock, tick.at));
      const due: KeyState[] = [];
      for (const key of of.own.timedKeys) if (isDue(of, key.alerts[of.rule.slot]!, clock, active)) due.push(key);
      // The order of open alerts is not part of a snapshot, so the order of outputs must not depend on it.
      due.sort((a, b) => (a.key.text < b.key.text ? -1 : 1));
      for (const key of due) attend({ of, key, record: key.alerts[of.rule.slot]!, clock, handling, tick, active }, out);
    }
  };
};

/** An alert that something is due for. */
interface Due {
  readonly of: AlertRule;
  readonly key: KeyState;
  readonly record: AlertRecord;
  readonly clock: AlertClock;
  readonly handling: AlertHandling;
  readonly tick: Tick;
  /** The rule is looked at now. */
  readonly active: boolean;
}

function isDue({ rule, own }: AlertRule, record: AlertRecord, clock: AlertClock, active: boolean): boolean {
  const noise = record.noise!;
  if (record.state === 'inactive') {
    if (active && noise.silent !== undefined) return true;
  } else if (!active || hasGap(rule, noise, clock)) return true;
  if (isStable(noise, rule.lifecycle, clock.elapsedMs)) return true;
  return isToRepeat(rule, record, clock) && (noise.told || hasRoom(own, rule.lifecycle.limit));
}

function hasGap({ lifecycle: { resolveAfterMs } }: RulePlan, { heardMs }: NoiseRecord, clock: AlertClock): boolean {
  return resolveAfterMs > 0 && clock.heardMs - heardMs >= resolveAfterMs;
}

function isToRepeat({ lifecycle: { repeatMs } }: RulePlan, { state, noise }: AlertRecord, clock: AlertClock): boolean {
  return repeatMs > 0 && state === 'firing' && clock.elapsedMs - noise!.toldMs >= repeatMs;
}

function attend(due: Due, out: Item[]): void {
  const { of, key, record, clock, handling, active } = due;
  const { rule, own } = of;
  const noise = record.noise!;
  if (record.state === 'inactive') {
    if (active && noise.silent !== undefined) applyEvaluation(handling, stillSilent(due, noise.silent), out);
  } else if (!active) end(due, 'schedule', out);
  else if (hasGap(rule, noise, clock)) end(due, 'gap', out);
  if (isStable(noise, rule.lifecycle, clock.elapsedMs)) calmDown(due, out);
  if (isToRepeat(rule, record, clock) && (noise.told || hasRoom(own, rule.lifecycle.limit))) {
    if (!noise.told) admit(own, rule.lifecycle.limit, key.key.text, record.level, clock);
    noise.told = true;
    noise.toldMs = clock.elapsedMs;
    out.push({ ...notice(due, 'repeat', 'firing'), ...(noise.flapping && { flapping: true }) });
  }
  settleAlert(of, key, record);
}

/** The silence that was noticed before, as of now. */
function stillSilent({ of, key, tick }: Due, silent: NonNullable<NoiseRecord['silent']>): Evaluation {
  return {
    kind: 'evaluation',
    offset: tick.offset,
    recordedAt: tick.at,
    rule: of.rule.index,
    key: key.key,
    at: tick.at,
    holds: true,
    clears: false,
    subject: { kind: 'silence', ...silent },
  };
}

function end(due: Due, reason: EndReason, out: Item[]): void {
  const { of, key, record, handling, tick } = due;
  const { offset, at: recordedAt } = tick;
  const at = instantOf(record, offset, recordedAt);
  const change = endAlert(record);
  if (change === undefined) return;
  const explanation = explanationOf(due);
  changeAlert(handling, of, key, change, { offset, recordedAt, at, stampedAt: recordedAt, explanation, reason }, out);
}

/** The alert has not changed for long enough: what it is now is told. */
function calmDown(due: Due, out: Item[]): void {
  const { of, key, record, clock } = due;
  const noise = record.noise!;
  const { limit } = of.rule.lifecycle;
  const fires = record.state === 'firing';
  noise.flapping = false;
  noise.changes = [];
  noise.toldMs = clock.elapsedMs;
  const heldBack = !noise.told && !(fires && admit(of.own, limit, key.key.text, noise.level, clock));
  noise.told = fires && !heldBack;
  const said = notice(due, 'stable', fires ? 'firing' : 'resolved');
  out.push(heldBack ? { ...said, suppressed: 'limit' } : said);
}

function notice(due: Due, what: Notice['notice'], state: 'firing' | 'resolved'): Notice {
  const { of, key, record, handling, tick } = due;
  const { level, since } = record.noise!;
  const at = notBefore(tick, record.changedAt);
  return {
    kind: 'notice',
    notice: what,
    id: handling.nextId(of.rule, key, tick.offset, what, at),
    offset: tick.offset,
    recordedAt: tick.at,
    rule: of.rule.index,
    key: key.key,
    from: state,
    to: state,
    severity: severityAt(of.rule, level),
    at,
    since,
    ...explanationOf(due),
  };
}

/** How things stood at the last outcome; a silence, how it stands now. */
function explanationOf(due: Due): Explanation {
  const { of, record, tick } = due;
  const { last, silent } = record.noise!;
  if (silent !== undefined) return explain(of.rule, stillSilent(due, silent), false);
  if (last === undefined) return { facts: {}, conditions: [], evidence: { from: record.since, to: tick.at } };
  // As it comes out of a snapshot, so that it makes no difference whether it has been in one.
  return JSON.parse(JSON.stringify(last)) as Explanation;
}

/** Clocks of devices may be ahead of ours; what happens to an alert does not lie before its last change. */
function notBefore({ at }: Tick, changedAt: number): number {
  return Math.max(at, changedAt);
}

function sumUp(
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
