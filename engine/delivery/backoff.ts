/** Shape of an exponential backoff; all in milliseconds. */
export interface BackoffOptions {
  /** Wait of attempt 0, before jitter. */
  readonly baseMs: number;
  /** No wait is longer than this, jitter apart. */
  readonly capMs: number;
}

/**
 * Wait before reconnecting: doubles from `baseMs` (default 1 s) up to `capMs` (default 60 s), plus up to `jitterMs`
 * (default 1 s), so that clients that lost the same server do not return in step.
 * `attempt` counts from 0; `random` gives numbers in [0, 1).
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
 * Wait before trying a delivery again: anything between 0 and the doubled, capped wait. `attempt` counts from 0;
 * `random` gives numbers in [0, 1). Source: M. Brooker, "Exponential Backoff And Jitter" (AWS, 2015), "full jitter".
 */
export function fullJitterMs(attempt: number, random: () => number, options: BackoffOptions): number {
  return Math.floor(random() * (ceilingMs(attempt, options) + 1));
}

function ceilingMs(attempt: number, options: BackoffOptions): number {
  // 2 ** attempt overflows to Infinity, never to a wrong number: the cap holds for any attempt.
  return Math.min(options.capMs, options.baseMs * 2 ** attempt);
}
