/**
 * Timers for very many things, most of which are pushed back before they run out.
 *
 * Buckets of one second; pushing a timer back costs nothing, because whoever is woken looks whether it is really time and asks
 * again if not. Hashed timing wheels: Varghese and Lauck 1987. Holds no time of its own: `advance` is told.
 */
export interface TimingWheel<T> {
  /** Wakes `thing` at the first advance that reaches `atMs`. */
  schedule(thing: T, atMs: number): void;
  /** Everything due at or before `nowMs`, in the order of `schedule` within a second; nothing twice. */
  advance(nowMs: number): T[];
}

const BUCKET_MS = 1_000;

export function createTimingWheel<T>(): TimingWheel<T> {
  const buckets = new Map<number, T[]>();
  let reached = Number.NEGATIVE_INFINITY;
  return {
    schedule(thing, atMs) {
      // A bucket is emptied when time has passed its end, so that nothing wakes early; what is overdue waits for the next advance.
      const slot = Math.max(Math.ceil(atMs / BUCKET_MS), reached + 1);
      const bucket = buckets.get(slot);
      if (bucket === undefined) buckets.set(slot, [thing]);
      else bucket.push(thing);
    },
    advance(nowMs) {
      const until = Math.floor(nowMs / BUCKET_MS);
      const due: T[] = [];
      if (until <= reached) return due;
      for (const slot of [...buckets.keys()].filter((key) => key <= until).sort((a, b) => a - b)) {
        due.push(...(buckets.get(slot) as T[]));
        buckets.delete(slot);
      }
      reached = until;
      return due;
    },
  };
}
