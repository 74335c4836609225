import type { Lifecycle } from '../model/plan/lifecycle-plan.ts';
import type { AlertRecord, Change, NoiseRecord } from './alert-record.ts';

/** Counts of a rule's published and suppressed alerts in the current period of its `limit`. Plain data. */
export interface LimitRecord {
  /** When the period began, on the alert clock. */
  readonly sinceMs: number;
  /** When the period began, in receive time. */
  readonly sinceAt: number;
  /** The number of published alerts. */
  told: number;
  /** The number of suppressed alerts. */
  heldBack: number;
  /** The highest level of the suppressed alerts. */
  level: number;
  /** Keys of the first suppressed alerts, each once. */
  readonly keys: string[];
}

/** Whether the event of a change is published. Empty: it is published as usual. */
export interface PublishDecision {
  /** Why the event is not published. */
  readonly suppressed?: 'flapping' | 'limit';
  /** The alert starts to flap with this change. */
  readonly flapping?: boolean;
}

/** The state of a rule's `limit`. */
export interface LimitState {
  limit: LimitRecord | undefined;
}

const MAX_KEYS = 20;
const PUBLISHED: PublishDecision = {};

/** Whether alerts of a rule need timers: they act when time passes. */
export function isTimed({ repeatMs, resolveAfterMs, flapping, active }: Lifecycle): boolean {
  return repeatMs > 0 || resolveAfterMs > 0 || flapping !== undefined || active.length > 0;
}

/** Whether an alert of a rule with timers must be checked when time passes. */
export function needsTimers({ state, noise }: AlertRecord): boolean {
  return state !== 'inactive' || noise?.flapping === true || noise?.silent !== undefined;
}

/**
 * How long nothing happens to an alert that only has to wait; milliseconds of the alert clock. 0: something may happen at the next tick. Never too
 * long, because heard time is not faster than the clock. `isActive`: whether it is within the active hours of its rule, which stay as they are.
 */
export function quietFor(
  { state, noise }: AlertRecord,
  { repeatMs, resolveAfterMs, flapping }: Lifecycle,
  clock: { readonly elapsedMs: number; readonly heardMs: number },
  isActive: boolean,
): number {
  if (noise === undefined) return 0;
  const waits = [Number.POSITIVE_INFINITY];
  if (state === 'inactive') {
    if (isActive && noise.silent !== undefined) return 0;
  } else if (!isActive) return 0;
  else if (resolveAfterMs > 0) waits.push(resolveAfterMs - (clock.heardMs - noise.heardMs));
  if (noise.flapping) waits.push((flapping?.withinMs ?? 0) - (clock.elapsedMs - (noise.changes.at(-1) ?? 0)));
  if (repeatMs > 0 && state === 'firing') waits.push(repeatMs - (clock.elapsedMs - noise.toldMs));
  return Math.max(0, Math.min(...waits));
}

/** Whether a snapshot must contain the alert. */
export function isRemembered({ watched, noise }: AlertRecord): boolean {
  return watched || (noise !== undefined && (noise.flapping || noise.changes.length > 0));
}

/**
 * Decides whether a change to firing, between levels or to resolved is published. The change that makes the alert flap is published; it is
 * the last one until the alert is stable. An alert whose first event was suppressed by the limit is published when its level rises and the
 * limit has room then. Otherwise its further changes are suppressed too.
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
  const isSuppressed = limits && !noise.told && !(rises && admit(limited, lifecycle.limit, key, noise.level, clock));
  noise.told = !isSuppressed && (fires || flapping);
  if (isSuppressed) return { suppressed: 'limit', ...(flapping && { flapping }) };
  return flapping ? { flapping } : PUBLISHED;
}

/** Records a change. Returns whether the alert starts to flap. */
function countChange(noise: NoiseRecord, plan: Lifecycle['flapping'], nowMs: number): boolean {
  if (plan === undefined) return false;
  noise.changes = noise.changes.filter((changedMs) => nowMs - changedMs <= plan.withinMs);
  noise.changes.push(nowMs);
  if (noise.changes.length < plan.changes) return false;
  noise.flapping = true;
  noise.changes = [nowMs];
  return true;
}

/** Whether an alert that flaps has not changed for long enough to be stable. */
export function isStable(noise: NoiseRecord, { flapping }: Lifecycle, nowMs: number): boolean {
  return noise.flapping && (flapping === undefined || nowMs - (noise.changes.at(-1) ?? 0) >= flapping.withinMs);
}

/** Whether one more alert may be published in this period. */
export function hasRoom({ limit }: LimitState, plan: Lifecycle['limit']): boolean {
  return plan === undefined || limit === undefined || limit.told < plan.alerts;
}

/** Counts an alert that would be published. Returns whether it may be. The first alert begins a period. */
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

/** Ends the period when its time is over. Returns it if alerts were suppressed in it. */
export function endPeriod(limited: LimitState, plan: Lifecycle['limit'], nowMs: number): LimitRecord | undefined {
  const { limit } = limited;
  if (plan === undefined || limit === undefined || nowMs - limit.sinceMs < plan.perMs) return undefined;
  limited.limit = undefined;
  return limit.heldBack > 0 ? limit : undefined;
}
