/**
 * Timers for very many things, most of which are pushed back before they run out.
 *
 * Buckets of one second; pushing a timer back costs nothing, because whoever is woken looks whether it is really time and asks
 * again if not. Hashed timing wheels: Varghese and Lauck 1987. Holds no time of its own: `advance` is told.
 */
export interface TimingWheel<T> {
  /** Wakes `thing` at the first advance that reaches `atMs`, or at the next one where that has passed. */
  schedule(thing: T, atMs: number): void;
  /** Everything due at or before `nowMs`, to the millisecond, in the order of `schedule` within a second; nothing twice. */
  advance(nowMs: number): T[];
}

interface Timer<T> {
  readonly thing: T;
  readonly atMs: number;
}

const BUCKET_MS = 1_000;

export function createTimingWheel<T>(): TimingWheel<T> {
  const buckets = new Map<number, Timer<T>[]>();
  return {
    schedule(thing, atMs) {
      const slot = Math.floor(atMs / BUCKET_MS);
      const bucket = buckets.get(slot);
      if (bucket === undefined) buckets.set(slot, [{ thing, atMs }]);
      else bucket.push({ thing, atMs });
    },
    advance(nowMs) {
      const due: T[] = [];
      const until = Math.floor(nowMs / BUCKET_MS);
      for (const slot of [...buckets.keys()].filter((key) => key <= until).sort((a, b) => a - b)) {
        // To the millisecond: were it to the bucket, the instant of waking would depend on when the timer was set.
        const later: Timer<T>[] = [];
        for (const timer of buckets.get(slot)!) {
          if (timer.atMs <= nowMs) due.push(timer.thing);
          else later.push(timer);
        }
        if (later.length === 0) buckets.delete(slot);
        else buckets.set(slot, later);
      }
      return due;
    },
  };
}
