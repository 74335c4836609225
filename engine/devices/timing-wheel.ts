/**
 * Timers for very many things, one timer for each thing. Most timers are postponed before they expire.
 *
 * Timers are in buckets of one second. A thing knows when its timer expires (`wakeOf`); its bucket only says when to ask. So postponing a timer
 * costs nothing: the thing moves to a later bucket when its bucket expires. Hashed timing wheels: Varghese and Lauck 1987. It has no clock.
 */
export interface TimingWheel<T> {
  /** Call it when the timer of a thing is set, or moved to an earlier time. Not needed if it is only postponed. */
  schedule(thing: T): void;
  /** Takes the timers that expire at or before `nowMs`, to the millisecond. After that, `next` returns their things. */
  advance(nowMs: number): void;
  /**
   * Removes and returns the expired thing with the earliest timer; of equal ones, that with the lowest number. Undefined: there is none. Things that
   * are not asked for stay expired. The caller moves the timer of the thing.
   */
  next(): T | undefined;
}

/** Access to the timer of a thing, which has all its data. */
export interface TimerAccess<T> {
  /** The time at which it expires; Infinity: it is not set. */
  readonly wakeOf: (thing: T) => number;
  /** Orders things whose timers expire at the same time. */
  readonly numberOf: (thing: T) => number;
  /** Where the wheel has the thing; `NOT_IN_WHEEL` at first. Only the wheel uses it. */
  readonly slotOf: (thing: T) => number;
  readonly setSlot: (thing: T, slot: number) => void;
}

export const NOT_IN_WHEEL = -1;
const EXPIRED = -2;
const BUCKET_MS = 1_000;

/** A wheel without timers. The order of `next` follows from times and numbers alone, so it is the same after a restart. */
export function createTimingWheel<T>({ wakeOf, numberOf, slotOf, setSlot }: TimerAccess<T>): TimingWheel<T> {
  const buckets = new Map<number, T[]>();
  const due = createHeap(numberOf);
  let now = Number.NEGATIVE_INFINITY;

  const put = (thing: T, at: number): void => {
    if (at <= now) {
      setSlot(thing, EXPIRED);
      due.push(at, thing);
      return;
    }
    const slot = Math.max(0, Math.floor(at / BUCKET_MS));
    if (slotOf(thing) === slot) return;
    setSlot(thing, slot);
    const bucket = buckets.get(slot);
    if (bucket === undefined) buckets.set(slot, [thing]);
    else bucket.push(thing);
  };
  const move = (thing: T): void => {
    setSlot(thing, NOT_IN_WHEEL);
    const at = wakeOf(thing);
    if (at < Number.POSITIVE_INFINITY) put(thing, at);
  };

  return {
    schedule(thing) {
      const at = wakeOf(thing);
      // An expired thing is asked for its time when it is its turn.
      if (at < Number.POSITIVE_INFINITY && slotOf(thing) !== EXPIRED) put(thing, at);
    },
    advance(nowMs) {
      now = nowMs;
      const until = Math.floor(nowMs / BUCKET_MS);
      for (const slot of [...buckets.keys()].filter((each) => each <= until).sort((a, b) => a - b)) {
        const things = buckets.get(slot)!;
        buckets.delete(slot);
        // A thing whose timer was moved to an earlier bucket is no longer in this one.
        for (const thing of things) if (slotOf(thing) === slot) move(thing);
      }
    },
    next() {
      for (let entry = due.pop(); entry !== undefined; entry = due.pop()) {
        const { at, thing } = entry;
        if (wakeOf(thing) !== at) move(thing);
        else {
          setSlot(thing, NOT_IN_WHEEL);
          return thing;
        }
      }
      return undefined;
    },
  };
}

/** A binary heap of things by time, and by number if the times are equal. It has two arrays, so that an entry needs no object. */
function createHeap<T>(numberOf: (thing: T) => number) {
  const times: number[] = [];
  const things: T[] = [];
  const isBefore = (a: number, b: number): boolean => {
    return times[a]! < times[b]! || (times[a]! === times[b]! && numberOf(things[a]!) < numberOf(things[b]!));
  };
  const swap = (a: number, b: number): void => {
    [times[a], times[b]] = [times[b]!, times[a]!];
    [things[a], things[b]] = [things[b]!, things[a]!];
  };
  return {
    push(at: number, thing: T): void {
      times.push(at);
      things.push(thing);
      for (let i = times.length - 1; i > 0; ) {
        const parent = (i - 1) >> 1;
        if (!isBefore(i, parent)) return;
        swap(i, parent);
        i = parent;
      }
    },
    pop(): { readonly at: number; readonly thing: T } | undefined {
      if (times.length === 0) return undefined;
      swap(0, times.length - 1);
      const first = { at: times.pop()!, thing: things.pop()! };
      for (let i = 0; ; ) {
        let least = i;
        for (let child = 2 * i + 1; child <= 2 * i + 2 && child < times.length; child++) {
          if (isBefore(child, least)) least = child;
        }
        if (least === i) return first;
        swap(i, least);
        i = least;
      }
    },
  };
}
