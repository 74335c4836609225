import {
  type AlertRecord,
  type Change,
  createNoiseRecord,
  type Explanation,
  type NoiseRecord,
} from '../alerts/alert-record.ts';
import { type AlertClock, hostTime } from '../alerts/clock.ts';
import { applyOutcome, instantOf, mustWatch, recordChange } from '../alerts/lifecycle.ts';
import { decideToPublish, isTimed, needsTimers, quietFor } from '../alerts/noise.ts';
import { compileSchedule } from '../alerts/schedule.ts';
import { transitionId } from '../delivery/event-id.ts';
import type { EndReason, Evaluation, Notice, Transition } from '../model/item/alert.ts';
import type { Item } from '../model/item/item.ts';
import type { Key } from '../model/item/window-result.ts';
import type { Plan } from '../model/plan/plan.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import type { Severity } from '../model/rule.ts';
import type { RuleAlerting } from '../state/alerting.ts';
import { alertOf, type KeyState, keyStateOf } from '../state/key.ts';
import type { State } from '../state/state.ts';
import type { Counters } from '../telemetry.ts';
import { explain } from './explain.ts';

/** A rule, with what its alerts need to know about it; worked out once. */
export interface AlertRule {
  readonly rule: RulePlan;
  readonly own: RuleAlerting;
  /** Its alerts act when time passes. */
  readonly timed: boolean;
  /** Its alerts have a noise record. */
  readonly bounded: boolean;
  /** Whether a time is within the active hours of the rule. Undefined: they are not limited. */
  readonly isActive: ((at: number) => boolean) | undefined;
}

/** The record of the journal that caused something: an evaluation, or a tick. */
export interface Moment {
  readonly offset: number;
  readonly recordedAt: number;
}

/** What the functions that change alerts have in common. */
export interface AlertHandling {
  /** By the plan's rules. */
  readonly rules: readonly AlertRule[];
  readonly state: State;
  readonly counters: Counters;
  /** A deterministic id that no other transition or notice has. */
  nextId(
    rule: Pick<RulePlan, 'name'>,
    key: Pick<Key, 'text'>,
    offset: number,
    what: Transition['to'] | Notice['notice'],
    at: number,
  ): string;
}

/** Prepares the rules of the plan for the functions that change alerts. `journalId` becomes part of the ids. */
export function createAlertHandling(plan: Plan, state: State, journalId: string, counters: Counters): AlertHandling {
  const rules = plan.rules.map((rule): AlertRule => {
    const { lifecycle, index } = rule;
    const timed = isTimed(lifecycle);
    return {
      rule,
      own: state.alerting.rules[index]!,
      timed,
      bounded: timed || lifecycle.limit !== undefined,
      isActive: lifecycle.active.length > 0 ? compileSchedule(lifecycle.active) : undefined,
    };
  });
  return { rules, state, counters, nextId: createIds(journalId) };
}

/** Changes an alert by an evaluation of its rule. */
export function applyEvaluation(handling: AlertHandling, evaluation: Evaluation, out: Item[]): void {
  const { state } = handling;
  const alertRule = handling.rules[evaluation.rule]!;
  const { rule, timed, bounded, isActive } = alertRule;
  const key = keyStateOf(evaluation.key);
  const record = alertOf(key, rule.slot);
  const noise = bounded ? (record.noise ??= createNoiseRecord()) : undefined;
  if (timed && evaluation.subject.kind === 'silence') rememberSilence(noise!, evaluation);
  const { clock } = state.alerting;
  if (isActive === undefined || isWithin(isActive, evaluation, clock)) {
    const at = instantOf(record, evaluation.offset, evaluation.at);
    // A stamp that is ahead of our clock must not end a wait early.
    const waitsAt = Math.min(evaluation.waitsAt ?? at, evaluation.recordedAt);
    const outcome = at === evaluation.at ? evaluation : { ...evaluation, at };
    const change = applyOutcome(record, rule.lifecycle, outcome, waitsAt);
    if (change !== undefined || (timed && record.state !== 'inactive')) {
      const isClearing = change !== undefined && change.toLevel < change.fromLevel;
      const explanation = explain(rule, evaluation, isClearing);
      if (timed) rememberExplanation(noise!, explanation, clock.heardMs);
      if (change !== undefined)
        changeAlert(
          handling,
          alertRule,
          key,
          change,
          { ...momentOf(evaluation), at, stampedAt: evaluation.at, explanation },
          out,
        );
    }
  }
  settleAlert(alertRule, key, record, clock);
}

/**
 * Records a change of an alert, decides whether it is published, and appends the transition. `at` is its event time, by `instantOf`; `stampedAt` is
 * the event time of its cause.
 */
export function changeAlert(
  { state, counters, nextId }: AlertHandling,
  { rule, own }: AlertRule,
  key: KeyState,
  change: Change,
  what: Moment & {
    readonly at: number;
    readonly stampedAt: number;
    readonly explanation: Explanation;
    readonly reason?: EndReason;
  },
  out: Item[],
): void {
  counters.transitions += 1;
  const { offset, recordedAt, at, stampedAt, explanation, reason } = what;
  const { from, to, since, fromLevel, toLevel } = change;
  const record = key.alerts[rule.slot]!;
  const { noise } = record;
  const isPublishable = noise !== undefined && (to === 'firing' || to === 'resolved');
  const decision = isPublishable
    ? decideToPublish(noise, rule.lifecycle, own, change, key.text, state.alerting.clock)
    : undefined;
  recordChange(record, offset, at, stampedAt);
  if (decision?.suppressed !== undefined) counters.events_suppressed += 1;
  out.push({
    kind: 'transition',
    id: nextId(rule, key, offset, to, at),
    offset,
    recordedAt,
    rule: rule.index,
    key,
    from,
    to,
    severity: severityAt(rule, toLevel || fromLevel),
    ...(from === to && { previousSeverity: severityAt(rule, fromLevel) }),
    ...(reason !== undefined && { reason }),
    ...decision,
    at,
    since,
    ...explanation,
  });
}

/** Updates what follows from an alert: `watched`, and when ticks look at it. Call it after each possible change. */
export function settleAlert(
  { rule, own, timed }: AlertRule,
  key: KeyState,
  record: AlertRecord,
  clock: AlertClock,
): void {
  record.watched = mustWatch(record);
  if (!timed) return;
  if (needsTimers(record)) {
    own.timedKeys.add(key);
    own.lookAtMs = Math.min(own.lookAtMs, clock.elapsedMs + quietFor(record, rule.lifecycle, clock, own.wasActive));
  } else own.timedKeys.delete(key);
}

/** The severity of a level; levels count from 1. Level 0 has the severity of level 1. */
export function severityAt({ lifecycle }: RulePlan, level: number): Severity {
  return lifecycle.levels[Math.max(level, 1) - 1]!.severity;
}

function momentOf({ offset, recordedAt }: Evaluation): Moment {
  return { offset, recordedAt };
}

/**
 * Whether an evaluation is within the active hours of the rule. Both its event time and its receive time must be, or alerts could begin after the
 * hours have ended. A window counts at its last instant, not at the start of the next window. While receive time is ahead of the host's clock,
 * event time may be too.
 */
function isWithin(
  isActive: (at: number) => boolean,
  { at, subject, recordedAt }: Evaluation,
  clock: AlertClock,
): boolean {
  const eventAt = subject.kind === 'closed' && !subject.inclusive ? at - 0.001 : at;
  const now = hostTime(clock, recordedAt);
  return isActive(now) && isActive(now < recordedAt ? Math.min(eventAt, now) : eventAt);
}

/** A silence is evaluated once, when it begins. If that is outside the active hours, the alert needs it later. */
function rememberSilence(noise: NoiseRecord, { holds, subject }: Evaluation): void {
  if (subject.kind !== 'silence') return;
  if (holds) noise.silent = { lastSeenAt: subject.lastSeenAt, reason: subject.reason };
  else delete noise.silent;
}

function rememberExplanation(noise: NoiseRecord, explanation: Explanation, heardMs: number): void {
  noise.last = explanation;
  noise.heardMs = heardMs;
}

/**
 * Makes ids that are unique. One record may end, at one instant, the alert of a changed rule and an alert of the new rule with the same key text.
 * The ids of one record are kept to distinguish those.
 */
function createIds(journalId: string): AlertHandling['nextId'] {
  /** Most records change one alert, so the set is made for the second. */
  let first = '';
  let ids: Set<string> | undefined;
  let idsOffset = -1;
  return (rule, key, offset, what, at) => {
    const id = transitionId(journalId, offset, rule.name, key.text, what, at);
    if (offset !== idsOffset) {
      first = id;
      ids = undefined;
      idsOffset = offset;
      return id;
    }
    ids ??= new Set([first]);
    let unique = id;
    for (let n = 1; ids.has(unique); n++) unique = `${id}.${n}`;
    ids.add(unique);
    return unique;
  };
}
