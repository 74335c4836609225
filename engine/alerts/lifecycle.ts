import type { Lifecycle } from '../model/plan/lifecycle-plan.ts';
import type { AlertRecord, Change } from './alert-record.ts';
import { createLevelRecord, oldestMatch, takeOutcome } from './hold.ts';

/** What the conditions of a rule came to. A rule with one level does without `reached` and `clearing`. */
export interface RuleOutcome {
  readonly at: number;
  readonly holds: boolean;
  readonly clears: boolean;
  /** The highest level whose conditions hold, from 1; 0 for none. It makes those below hold. */
  readonly reached?: number;
  /** The levels that may be left, as bits from the lowest. */
  readonly clearing?: number;
  /** The highest level whose conditions hold or of which that is unknown, for facts have no value. Default: `reached`. */
  readonly possible?: number;
  /** Levels of which it is unknown whether they may be left, as bits. Default: none. */
  readonly undecided?: number;
}

/**
 * The instant of what happens to an alert at `at`: never before its last change, for devices of a group do not agree on the time. What one
 * record causes after its first change is a microsecond later (the precision of events and tables), so that everyone sees which came last.
 */
export function instantOf({ changedAt, changedOffset }: AlertRecord, offset: number, at: number): number {
  const earliest = changedOffset === offset ? (Math.round(changedAt * 1000) + 1) / 1000 : changedAt;
  return Math.max(at, earliest);
}

/** Notes when an alert changed, and which record caused it; `stampedAt` is the event time of the cause. */
export function takeDownChange(record: AlertRecord, offset: number, at: number, stampedAt: number): void {
  record.changedAt = at;
  record.changedOffset = offset;
  record.ahead = at > stampedAt;
}

/**
 * Moves an alert on by one outcome of its rule: inactive → pending (`for`) → firing → (`keepFiring`) → resolved, and, while it
 * fires, from level to level: up when the conditions of a higher one have held, down when its own have been calm.
 *
 * Outcomes count in the order in which they come, and none is earlier than the alert's last change. One that is earlier than the outcome
 * before it (devices of a group whose clocks differ) makes no time pass: `for` and `keepFiring` are only ever served by stamps that went
 * forward. Where facts have no value, outcomes may be unknown in part, and change nothing there.
 * A rule without `for` goes from inactive to firing directly; one whose conditions stop holding while pending falls back to inactive.
 * `for` and `keepFiring` go by `waitsAt`. Returns undefined where nothing changed.
 */
export function advance(
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
  const met = takeIn(record, lifecycle, { at, reached, possible, clearing, undecided }, waitsAt);
  const { state: from, level: fromLevel } = record;
  if (met > fromLevel) rise(record, met, at);
  else sink(record, lifecycle, waitsAt, undecided);
  const { level: toLevel } = record;
  if (toLevel === fromLevel && toLevel > 0) return undefined;
  if (toLevel > 0) return { from, to: 'firing', since: record.since, fromLevel, toLevel };
  const { since } = record;
  if (fromLevel > 0) {
    record.state = 'inactive';
    // Whether the conditions still hold may be unknown; the next alert waits for itself.
    for (const level of record.levels) level.since = -1;
    return { from, to: 'resolved', since, fromLevel, toLevel };
  }
  const pending = reached > 0 || (from === 'pending' && (possible > 0 || hasMatches(record)));
  if (pending === (from === 'pending')) return undefined;
  record.state = pending ? 'pending' : 'inactive';
  if (pending) record.since = at;
  return { from, to: record.state, since: record.since, fromLevel, toLevel };
}

/** Shows every level the outcome; returns the highest whose conditions have held long or often enough. */
function takeIn(
  record: AlertRecord,
  { levels }: Lifecycle,
  { at, reached, possible, clearing, undecided }: Required<Omit<RuleOutcome, 'holds' | 'clears'>>,
  waitsAt: number,
): number {
  let met = 0;
  for (let i = 0; i < levels.length; i++) {
    const level = (record.levels[i] ??= createLevelRecord());
    const holds = reached > i;
    // What is unknown is neither a match nor a miss, and breaks off no time.
    const { hold } = levels[i]!;
    const isMet = (holds || possible <= i) && takeOutcome(level, hold, 'matches' in hold ? at : waitsAt, holds);
    if (isMet) met = i + 1;
    const bit = 1 << i;
    if (!holds && !isMet && (undecided & bit) !== 0) continue;
    if (holds || isMet || (clearing & bit) === 0) level.calmSince = -1;
    else if (level.calmSince < 0 && i < record.level) level.calmSince = waitsAt;
  }
  return met;
}

function rise(record: AlertRecord, to: number, at: number): void {
  const first = record.level === 0;
  for (let i = record.level; i < to; i++) record.levels[i]!.calmSince = -1;
  record.level = to;
  if (!first) return;
  const pendingSince = record.state === 'pending' ? record.since : at;
  record.since = oldestMatch(record.levels[to - 1]!) ?? pendingSince;
  record.state = 'firing';
}

/** Leaves every level, from the top, that has been calm for long enough, and is known to be calm now. */
function sink(record: AlertRecord, { keepFiringMs }: Lifecycle, at: number, undecided: number): void {
  while (record.level > 0) {
    if ((undecided & (1 << (record.level - 1))) !== 0) return;
    const { calmSince } = record.levels[record.level - 1]!;
    if (calmSince < 0 || at - calmSince < keepFiringMs) return;
    record.level -= 1;
  }
}

/**
 * Event time has jumped from `from` to `to` for the key: what waits for time, or counts matches, begins from the start, and an alert that
 * fires has fired for as long as before.
 */
export function restart(record: AlertRecord, from: number, to: number): void {
  for (const level of record.levels) {
    level.since = -1;
    level.calmSince = -1;
    if (level.recent !== undefined) level.recent = [];
  }
  delaySince(record, to - from, to);
  if (record.state === 'pending') record.since = to;
}

/** Receive time was set forward by `byMs`: that serves nothing that waits. */
export function delayWaits({ levels }: AlertRecord, byMs: number): void {
  for (const level of levels) {
    if (level.since >= 0) level.since += byMs;
    if (level.calmSince >= 0) level.calmSince += byMs;
  }
}

/** The time that an open alert goes by was set forward by `byMs`, and is `now`: the alert is as old as before. */
export function delaySince(record: AlertRecord, byMs: number, now: number): void {
  const { noise } = record;
  if (record.state !== 'inactive') {
    record.since = Math.min(record.since + byMs, now);
    record.changedAt = Math.max(record.changedAt, record.since);
  }
  if (noise !== undefined && noise.since >= 0) noise.since = Math.min(noise.since + byMs, now);
}

/** Ends an alert, whatever its conditions say, and forgets how long and how often they held. Undefined where it is inactive already. */
export function release(record: AlertRecord): Change | undefined {
  const { state: from, level: fromLevel, since } = record;
  record.levels.length = 0;
  record.level = 0;
  record.state = 'inactive';
  if (from === 'inactive') return undefined;
  return { from, to: from === 'firing' ? 'resolved' : 'inactive', since, fromLevel, toLevel: 0 };
}

/** Whether outcomes that do not hold matter to the alert. */
export function mustWatch(record: AlertRecord): boolean {
  return record.state !== 'inactive' || record.noise?.silent !== undefined || hasMatches(record);
}

function hasMatches({ levels }: AlertRecord): boolean {
  for (const { recent } of levels) if (recent !== undefined && recent.length > 0) return true;
  return false;
}
