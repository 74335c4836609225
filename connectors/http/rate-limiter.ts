/** Calls `go` when the rate allows it, at once if possible. It does not call it if `isGone` returns true by then. */
export type RateLimiter = (isGone: () => boolean, go: () => void) => void;

const TICK_MS = 100;

/**
 * Creates a limiter that calls `perSecond` functions per second, after a first burst of as many. The others wait in order; the caller
 * limits how many can wait.
 */
export function createRateLimiter(perSecond: number): RateLimiter {
  const waiting: { isGone: () => boolean; go: () => void }[] = [];
  let left = perSecond;
  let filledAt = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const fill = () => {
    const now = performance.now();
    left = Math.min(perSecond, left + ((now - filledAt) * perSecond) / 1_000);
    filledAt = now;
  };
  const release = () => {
    timer = undefined;
    fill();
    while (left >= 1) {
      const next = waiting.shift();
      if (next === undefined) return;
      if (next.isGone()) continue;
      left -= 1;
      next.go();
    }
    if (waiting.length > 0) timer = setTimeout(release, TICK_MS).unref();
  };
  return (isGone, go) => {
    waiting.push({ isGone, go });
    if (timer === undefined) release();
  };
}
