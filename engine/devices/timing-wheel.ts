/**
 * Timers for very many things, one timer for each thing. Most timers are postponed before they expire.
 *
 * Timers are in buckets of one second. Postponing a timer is cheap: the caller checks on waking whether it is really time, and schedules again
 * if not. Hashed timing wheels: Varghese and Lauck 1987. It has no clock: `advance` gets the time.
 */
export interface TimingWheel<T> {
  /**
   * Sets the timer of `thing`, and replaces an earlier one. It expires at the first `advance` that reaches `atMs`, or at the next one if `atMs`
   * has passed.
   */
  schedule(thing: T, atMs: number): void;
  /** The things whose timers expire at or before `nowMs`, to the millisecond, each once. Within a second they are in the order of `schedule`. */
  advance(nowMs: number): T[];
}

const BUCKET_MS = 1_000;

/** A wheel without timers. */
export function createTimingWheel<T>(): TimingWheel<T> {
  const buckets = new Map<number, Map<T, number>>();
  /** The bucket of each thing's timer. It is needed to remove replaced timers, which would otherwise accumulate until they expire. */
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
          // To the millisecond. If whole buckets expired, the instant of waking would depend on when the timer was set.
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
