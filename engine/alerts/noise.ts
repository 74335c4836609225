import type { Lifecycle } from '../model/plan/lifecycle-plan.ts';
import type { AlertRecord, Change, NoiseRecord } from './alert-record.ts';

/** The alerts of a rule that were told, and held back, in the period that runs. Plain data. */
export interface LimitRecord {
  /** When the period began: alert clock, and receive time. */
  readonly sinceMs: number;
  readonly sinceAt: number;
  told: number;
  heldBack: number;
  /** The highest level among those held back. */
  level: number;
  readonly keys: string[];
}

/** What to do about a change. Empty: its event is sent as ever. */
export interface PublishDecision {
  readonly suppressed?: 'flapping' | 'limit';
  readonly flapping?: boolean;
}

/** Where the limit of a rule is remembered. */
export interface LimitState {
  limit: LimitRecord | undefined;
}

const MAX_KEYS = 20;
const TOLD: PublishDecision = {};

/** Whether alerts of a rule act when time passes. */
export function isTimed({ repeatMs, resolveAfterMs, flapping, active }: Lifecycle): boolean {
  return repeatMs > 0 || resolveAfterMs > 0 || flapping !== undefined || active.length > 0;
}

/** Whether an alert of a timed rule has to be looked at when time passes. */
export function needsTimers({ state, noise }: AlertRecord): boolean {
  return state !== 'inactive' || noise?.flapping === true || noise?.silent !== undefined;
}

/** Whether an alert is worth a place in a snapshot. */
export function isRemembered({ watched, noise }: AlertRecord): boolean {
  return watched || (noise !== undefined && (noise.flapping || noise.changes.length > 0));
}

/**
 * Decides whether a change to firing, between levels or to resolved is told. A change that makes the alert flap is: it is the last one
 * until the alert is stable. An alert whose beginning was held back by the limit is told when it rises and there is room by then, else
 * its further changes are held back too.
 */
export function decideToPublish(
  noise: NoiseRecord,
  lifecycle: Lifecycle,
  limited: LimitState,
  change: Change,
  key: string,
  clock: { readonly elapsedMs: number; readonly at: number },
): PublishDecision {
  const fires = change.to === 'firing';
  if (fires) {
    noise.level = change.toLevel;
    noise.since = change.since;
  }
  if (noise.flapping) {
    noise.changes = [clock.elapsedMs];
    return { suppressed: 'flapping' };
  }
  const flapping = countChange(noise, lifecycle.flapping, clock.elapsedMs);
  noise.toldMs = clock.elapsedMs;
  const rises = flapping || change.toLevel > change.fromLevel;
  const limits = lifecycle.limit !== undefined;
  const heldBack = limits && !noise.told && !(rises && admit(limited, lifecycle.limit, key, noise.level, clock));
  noise.told = !heldBack && (fires || flapping);
  if (heldBack) return { suppressed: 'limit', ...(flapping && { flapping }) };
  return flapping ? { flapping } : TOLD;
}

/** Takes a change down, and says whether the alert flaps from now on. */
function countChange(noise: NoiseRecord, plan: Lifecycle['flapping'], nowMs: number): boolean {
  if (plan === undefined) return false;
  noise.changes = noise.changes.filter((changedMs) => nowMs - changedMs <= plan.withinMs);
  noise.changes.push(nowMs);
  if (noise.changes.length < plan.changes) return false;
  noise.flapping = true;
  noise.changes = [nowMs];
  return true;
}

/** Whether an alert that flaps has not changed for long enough. */
export function isStable(noise: NoiseRecord, { flapping }: Lifecycle, nowMs: number): boolean {
  return noise.flapping && (flapping === undefined || nowMs - (noise.changes.at(-1) ?? 0) >= flapping.withinMs);
}

/** Whether one more alert may be told in this period. */
export function hasRoom({ limit }: LimitState, plan: Lifecycle['limit']): boolean {
  return plan === undefined || limit === undefined || limit.told < plan.alerts;
}

/** Counts an alert that would be told, and says whether it may be. The first one begins a period. */
export function admit(
  limited: LimitState,
  plan: Lifecycle['limit'],
  key: string,
  level: number,
  clock: { readonly elapsedMs: number; readonly at: number },
): boolean {
  if (plan === undefined) return true;
  limited.limit ??= { sinceMs: clock.elapsedMs, sinceAt: clock.at, told: 0, heldBack: 0, level: 0, keys: [] };
  const { limit } = limited;
  if (limit.told < plan.alerts) {
    limit.told += 1;
    return true;
  }
  limit.heldBack += 1;
  limit.level = Math.max(limit.level, level);
  if (limit.keys.length < MAX_KEYS && !limit.keys.includes(key)) limit.keys.push(key);
  return false;
}

/** Ends the period once it is over; gives it back where alerts were held back in it. */
export function endPeriod(limited: LimitState, plan: Lifecycle['limit'], nowMs: number): LimitRecord | undefined {
  const { limit } = limited;
  if (plan === undefined || limit === undefined || nowMs - limit.sinceMs < plan.perMs) return undefined;
  limited.limit = undefined;
  return limit.heldBack > 0 ? limit : undefined;
}
