/** Options of an exponential backoff. All times are in milliseconds. */
export interface BackoffOptions {
  /** Wait of attempt 0, without jitter. */
  readonly baseMs: number;
  /** The longest wait, without jitter. */
  readonly capMs: number;
}

/**
 * Wait before a reconnection, in milliseconds: it doubles from `baseMs` (default 1 s) up to `capMs` (default 60 s), plus a random part of up to
 * `jitterMs` (default 1 s), so that clients that lost the same server do not reconnect at the same time.
 * `attempt` counts from 0; `random` returns numbers in [0, 1).
 */
export function backoffMs(
  attempt: number,
  random: () => number,
  options: Partial<BackoffOptions> & { readonly jitterMs?: number } = {},
): number {
  const { baseMs = 1_000, capMs = 60_000, jitterMs = 1_000 } = options;
  return ceilingMs(attempt, { baseMs, capMs }) + Math.floor(random() * jitterMs);
}

/**
 * Wait before the next attempt of a delivery, in milliseconds: a random time from 0 to the doubled, capped wait. `attempt` counts from 0;
 * `random` returns numbers in [0, 1). Source: M. Brooker, "Exponential Backoff And Jitter" (AWS, 2015), "full jitter".
 */
export function fullJitterMs(attempt: number, random: () => number, options: BackoffOptions): number {
  return Math.floor(random() * (ceilingMs(attempt, options) + 1));
}

function ceilingMs(attempt: number, options: BackoffOptions): number {
  // 2 ** attempt overflows to Infinity, never to a wrong number, so the cap works for any attempt.
  return Math.min(options.capMs, options.baseMs * 2 ** attempt);
}
