import {
  type AlertRecord,
  type Change,
  createAlertRecord,
  createNoiseRecord,
  type Explanation,
  type NoiseRecord,
} from '../alerts/alert-record.ts';
import { type AlertClock, hostTime } from '../alerts/clock.ts';
import { applyOutcome, instantOf, mustWatch, recordChange } from '../alerts/lifecycle.ts';
import { decideToPublish, isTimed, needsTimers } from '../alerts/noise.ts';
import { compileSchedule } from '../alerts/schedule.ts';
import { transitionId } from '../delivery/event-id.ts';
import type { EndReason, Evaluation, Notice, Transition } from '../model/item/alert.ts';
import type { Item } from '../model/item/item.ts';
import type { Plan } from '../model/plan/plan.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import type { Severity } from '../model/rule.ts';
import type { RuleAlerting } from '../state/alerting.ts';
import { lookUpKey } from '../state/directory.ts';
import type { KeyState } from '../state/key.ts';
import type { State } from '../state/state.ts';
import type { Counters } from '../telemetry.ts';
import { explain } from './explain.ts';

/** A rule with what its alerts need to know of it, worked out once. */
export interface AlertRule {
  readonly rule: RulePlan;
  readonly own: RuleAlerting;
  /** Its alerts act when time passes. */
  readonly timed: boolean;
  /** Its alerts have a noise record. */
  readonly bounded: boolean;
  /** Whether the rule is looked at; undefined: always. */
  readonly isActive: ((at: number) => boolean) | undefined;
}

/** Where in the journal something happened: a verdict, or a tick. */
export interface Moment {
  readonly offset: number;
  readonly recordedAt: number;
}

/** What all ways of changing an alert have in common. */
export interface AlertHandling {
  /** By the plan's rules. */
  readonly rules: readonly AlertRule[];
  readonly state: State;
  readonly counters: Counters;
  /** A deterministic id that no other transition or notice has. */
  nextId(
    rule: Pick<RulePlan, 'name'>,
    key: Pick<KeyState, 'key'>,
    offset: number,
    what: Transition['to'] | Notice['notice'],
    at: number,
  ): string;
}

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

/** Moves an alert on by a verdict. */
export function applyEvaluation(handling: AlertHandling, verdict: Evaluation, out: Item[]): void {
  const { state } = handling;
  const of = handling.rules[verdict.rule]!;
  const { rule, timed, bounded, isActive } = of;
  const key = lookUpKey(state.streams[rule.stream]!, rule.keying.index, verdict.key.parts);
  const record = (key.alerts[rule.slot] ??= createAlertRecord());
  const noise = bounded ? (record.noise ??= createNoiseRecord()) : undefined;
  if (timed && verdict.subject.kind === 'silence') rememberSilence(noise!, verdict);
  const { clock } = state.alerting;
  if (isActive === undefined || isWithin(isActive, verdict, clock)) {
    const at = instantOf(record, verdict.offset, verdict.at);
    // A stamp that is ahead of us must not serve what waits.
    const waitsAt = Math.min(verdict.waitsAt ?? at, verdict.recordedAt);
    const outcome = at === verdict.at ? verdict : { ...verdict, at };
    const change = applyOutcome(record, rule.lifecycle, outcome, waitsAt);
    if (change !== undefined || (timed && record.state !== 'inactive')) {
      const calmer = change !== undefined && change.toLevel < change.fromLevel;
      const explanation = explain(rule, verdict, calmer);
      if (timed) takeDown(noise!, explanation, clock.heardMs);
      if (change !== undefined)
        changeAlert(handling, of, key, change, { ...momentOf(verdict), at, stampedAt: verdict.at, explanation }, out);
    }
  }
  settleAlert(of, key, record);
}

/** Takes a change down, decides whether it is told, and puts the transition out. `at` is event time, by `instantOf`; `stampedAt` that of its cause. */
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
  const loud = noise !== undefined && (to === 'firing' || to === 'resolved');
  const telling = loud
    ? decideToPublish(noise, rule.lifecycle, own, change, key.key.text, state.alerting.clock)
    : undefined;
  recordChange(record, offset, at, stampedAt);
  if (telling?.suppressed !== undefined) counters.events_suppressed += 1;
  out.push({
    kind: 'transition',
    id: nextId(rule, key, offset, to, at),
    offset,
    recordedAt,
    rule: rule.index,
    key: key.key,
    from,
    to,
    severity: severityAt(rule, toLevel || fromLevel),
    ...(from === to && { previousSeverity: severityAt(rule, fromLevel) }),
    ...(reason !== undefined && { reason }),
    ...telling,
    at,
    since,
    ...explanation,
  });
}

/** Keeps what follows from an alert true to it; to be called when it may have changed. */
export function settleAlert({ own, timed }: AlertRule, key: KeyState, record: AlertRecord): void {
  record.watched = mustWatch(record);
  if (!timed) return;
  if (needsTimers(record)) own.timedKeys.add(key);
  else own.timedKeys.delete(key);
}

/** Severity of a level, from 1; of none, that of the lowest. */
export function severityAt({ lifecycle }: RulePlan, level: number): Severity {
  return lifecycle.levels[Math.max(level, 1) - 1]!.severity;
}

function momentOf({ offset, recordedAt }: Evaluation): Moment {
  return { offset, recordedAt };
}

/**
 * Whether an outcome lies within the rule's hours: its event time, and the time at which it came, or alerts would begin after their end. A
 * window belongs to its last instant, not to the beginning of the next. While receive time is ahead of the host's clock, so may event time be.
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

/** Silence is told once when it begins; an alert that is asleep then has to know of it later. */
function rememberSilence(noise: NoiseRecord, { holds, subject }: Evaluation): void {
  if (subject.kind !== 'silence') return;
  if (holds) noise.silent = { lastSeenAt: subject.lastSeenAt, reason: subject.reason };
  else delete noise.silent;
}

function takeDown(noise: NoiseRecord, explanation: Explanation, heardMs: number): void {
  noise.last = explanation;
  noise.heardMs = heardMs;
}

/**
 * The end of an alert whose rule was changed, and that of one of the new rule with a key that reads the same, may have one record and one
 * instant; the ids of one record are kept to decideToPublish those apart.
 */
function createIds(journalId: string): AlertHandling['nextId'] {
  let ids = new Set<string>();
  let idsOffset = -1;
  return (rule, key, offset, what, at) => {
    if (offset !== idsOffset) {
      ids = new Set();
      idsOffset = offset;
    }
    const id = transitionId(journalId, offset, rule.name, key.key.text, what, at);
    let unique = id;
    for (let n = 1; ids.has(unique); n++) unique = `${id}.${n}`;
    ids.add(unique);
    return unique;
  };
}
