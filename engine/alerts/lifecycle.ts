import type { Evaluation } from '../model/item/alert.ts';
import type { Lifecycle } from '../model/plan/lifecycle-plan.ts';
import type { AlertRecord, Change } from './alert-record.ts';
import { addOutcome, createLevelRecord, oldestMatch } from './hold.ts';

/** The part of an evaluation that moves an alert on. A rule with one level has no `reached` and `clearing`. */
export type RuleOutcome = Pick<
  Evaluation,
  'at' | 'holds' | 'clears' | 'reached' | 'clearing' | 'possible' | 'undecided'
>;

/**
 * The instant for a change of an alert at `at`. It is never before the alert's last change, because the clocks of a group's devices differ. If
 * one record causes several changes, each is a microsecond after the one before (the precision of events and tables), which shows their order.
 */
export function instantOf({ changedAt, changedOffset }: AlertRecord, offset: number, at: number): number {
  const earliest = changedOffset === offset ? (Math.round(changedAt * 1000) + 1) / 1000 : changedAt;
  return Math.max(at, earliest);
}

/** Records when an alert changed, and which record caused it. `stampedAt` is the event time of the cause. */
export function recordChange(record: AlertRecord, offset: number, at: number, stampedAt: number): void {
  record.changedAt = at;
  record.changedOffset = offset;
  record.ahead = at > stampedAt;
}

/**
 * Applies one outcome of its rule to an alert: inactive → pending (`for`) → firing → (`keepFiring`) → resolved. While the alert fires, its level
 * also changes: up when the conditions of a higher level have held, down when its own level has been clearing for long enough.
 *
 * Outcomes are applied in the order of arrival, and none is earlier than the alert's last change. An outcome that is earlier than the previous
 * one (devices of a group with different clocks) does not advance time: only stamps that go forward count for `for` and `keepFiring`. If
 * facts have no value, outcomes may be unknown in part; the unknown part changes nothing.
 * A rule without `for` goes from inactive directly to firing. If the conditions stop holding while it is pending, it returns to inactive.
 * `for` and `keepFiring` count from `waitsAt`. Returns undefined if nothing changed.
 */
export function applyOutcome(
  record: AlertRecord,
  lifecycle: Lifecycle,
  outcome: RuleOutcome,
  waitsAt = outcome.at,
): Change | undefined {
  const { at } = outcome;
  const reached = outcome.reached ?? (outcome.holds ? 1 : 0);
  const possible = outcome.possible ?? reached;
  const clearing = outcome.clearing ?? (outcome.clears ? 1 : 0);
  const undecided = outcome.undecided ?? 0;
  const met = updateLevels(record, lifecycle, { at, reached, possible, clearing, undecided }, waitsAt);
  const { state: from, level: fromLevel } = record;
  if (met > fromLevel) raiseLevel(record, met, at);
  else lowerLevel(record, lifecycle, waitsAt, undecided);
  const { level: toLevel } = record;
  if (toLevel === fromLevel && toLevel > 0) return undefined;
  if (toLevel > 0) return { from, to: 'firing', since: record.since, fromLevel, toLevel };
  const { since } = record;
  if (fromLevel > 0) {
    record.state = 'inactive';
    // It may be unknown whether the conditions still hold. The next alert must wait for its whole time.
    for (const level of record.levels) level.since = -1;
    return { from, to: 'resolved', since, fromLevel, toLevel };
  }
  const pending = reached > 0 || (from === 'pending' && (possible > 0 || hasMatches(record)));
  if (pending === (from === 'pending')) return undefined;
  record.state = pending ? 'pending' : 'inactive';
  if (pending) record.since = at;
  return { from, to: record.state, since: record.since, fromLevel, toLevel };
}

/** Applies the outcome to every level. Returns the highest level whose conditions have held long or often enough. */
function updateLevels(
  record: AlertRecord,
  { levels }: Lifecycle,
  { at, reached, possible, clearing, undecided }: Required<Omit<RuleOutcome, 'holds' | 'clears'>>,
  waitsAt: number,
): number {
  let met = 0;
  for (let i = 0; i < levels.length; i++) {
    const holds = reached > i;
    // Outcomes that change nothing leave no trace. How many of them are passed depends on how records are cut into arrays.
    if (!holds && record.levels[i] === undefined) continue;
    const level = (record.levels[i] ??= createLevelRecord());
    // An unknown outcome is neither a match nor a miss, and does not interrupt `for`.
    const { hold } = levels[i]!;
    const isMet = (holds || possible <= i) && addOutcome(level, hold, 'matches' in hold ? at : waitsAt, holds);
    if (isMet) met = i + 1;
    const bit = 1 << i;
    if (!holds && !isMet && (undecided & bit) !== 0) continue;
    if (holds || isMet || (clearing & bit) === 0) level.calmSince = -1;
    else if (level.calmSince < 0 && i < record.level) level.calmSince = waitsAt;
  }
  return met;
}

function raiseLevel(record: AlertRecord, to: number, at: number): void {
  const first = record.level === 0;
  for (let i = record.level; i < to; i++) record.levels[i]!.calmSince = -1;
  record.level = to;
  if (!first) return;
  const pendingSince = record.state === 'pending' ? record.since : at;
  record.since = oldestMatch(record.levels[to - 1]!) ?? pendingSince;
  record.state = 'firing';
}

/** Leaves levels, from the top, while each has been clearing for long enough and is known to be clearing now. */
function lowerLevel(record: AlertRecord, { keepFiringMs }: Lifecycle, at: number, undecided: number): void {
  while (record.level > 0) {
    if ((undecided & (1 << (record.level - 1))) !== 0) return;
    const { calmSince } = record.levels[record.level - 1]!;
    if (calmSince < 0 || at - calmSince < keepFiringMs) return;
    record.level -= 1;
  }
}

/**
 * Call this when the key's event time jumped from `from` to `to`. Waits and counts of matches start again. The age of an alert that fires
 * does not change.
 */
export function restartAlert(record: AlertRecord, from: number, to: number): void {
  for (const level of record.levels) {
    level.since = -1;
    level.calmSince = -1;
    if (level.recent !== undefined) level.recent = [];
  }
  shiftSince(record, to - from, to);
  if (record.state === 'pending') record.since = to;
}

/** Call this when receive time was set forward by `byMs`. The step does not shorten any wait. */
export function shiftWaits({ levels }: AlertRecord, byMs: number): void {
  for (const level of levels) {
    if (level.since >= 0) level.since += byMs;
    if (level.calmSince >= 0) level.calmSince += byMs;
  }
}

/** Call this when the time of an open alert was set forward by `byMs` to `now`. The age of the alert does not change. */
export function shiftSince(record: AlertRecord, byMs: number, now: number): void {
  const { noise } = record;
  if (record.state !== 'inactive') {
    record.since = Math.min(record.since + byMs, now);
    record.changedAt = Math.max(record.changedAt, record.since);
  }
  if (noise !== undefined && noise.since >= 0) noise.since = Math.min(noise.since + byMs, now);
}

/** Ends an alert, whatever its conditions are, and forgets how long and how often they held. Undefined if it is already inactive. */
export function endAlert(record: AlertRecord): Change | undefined {
  const { state: from, level: fromLevel, since } = record;
  record.levels.length = 0;
  record.level = 0;
  record.state = 'inactive';
  if (from === 'inactive') return undefined;
  return { from, to: from === 'firing' ? 'resolved' : 'inactive', since, fromLevel, toLevel: 0 };
}

/** Whether the alert needs outcomes that do not hold. */
export function mustWatch(record: AlertRecord): boolean {
  return record.state !== 'inactive' || record.noise?.silent !== undefined || hasMatches(record);
}

function hasMatches({ levels }: AlertRecord): boolean {
  for (const { recent } of levels) if (recent !== undefined && recent.length > 0) return true;
  return false;
}
