/**
 * Timers for very many things, one for each, most of which are pushed back before they run out.
 *
 * Buckets of one second; pushing a timer back costs nothing, because whoever is woken looks whether it is really time and asks
 * again if not. Hashed timing wheels: Varghese and Lauck 1987. Holds no time of its own: `advance` is told.
 */
export interface TimingWheel<T> {
  /** Wakes `thing` at the first advance that reaches `atMs`, or at the next one where that has passed. Takes the place of its timer, if it has one. */
  schedule(thing: T, atMs: number): void;
  /** Everything due at or before `nowMs`, to the millisecond, in the order of `schedule` within a second; nothing twice. */
  advance(nowMs: number): T[];
}

const BUCKET_MS = 1_000;

export function createTimingWheel<T>(): TimingWheel<T> {
  const buckets = new Map<number, Map<T, number>>();
  /** Where the timer of each thing is. Without it timers that another took the place of would pile up until their time. */
  const slots = new Map<T, number>();

  const remove = (thing: T): void => {
    const slot = slots.get(thing);
    if (slot === undefined) return;
    const bucket = buckets.get(slot)!;
    bucket.delete(thing);
    if (bucket.size === 0) buckets.delete(slot);
  };

  return {
    schedule(thing, atMs) {
      remove(thing);
      const slot = Math.floor(atMs / BUCKET_MS);
      slots.set(thing, slot);
      const bucket = buckets.get(slot);
      if (bucket === undefined) buckets.set(slot, new Map([[thing, atMs]]));
      else bucket.set(thing, atMs);
    },
    advance(nowMs) {
      const due: T[] = [];
      const until = Math.floor(nowMs / BUCKET_MS);
      for (const slot of [...buckets.keys()].filter((key) => key <= until).sort((a, b) => a - b)) {
        const bucket = buckets.get(slot)!;
        for (const [thing, atMs] of bucket) {
          // To the millisecond: were it to the bucket, the instant of waking would depend on when the timer was set.
          if (atMs > nowMs) continue;
          due.push(thing);
          bucket.delete(thing);
          slots.delete(thing);
        }
        if (bucket.size === 0) buckets.delete(slot);
      }
      return due;
    },
  };
}
