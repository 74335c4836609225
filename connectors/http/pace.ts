/** Calls `go` when it is its turn, at once if it can be; never where `isGone` says by then that nobody waits any more. */
export type Pace = (isGone: () => boolean, go: () => void) => void;

const TICK_MS = 100;

/**
 * Lets so many through in each second, after a first burst of as many. The others wait in their order; whoever calls bounds how many
 * can wait.
 */
export function createPace(perSecond: number): Pace {
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
