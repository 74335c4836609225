/** What a key has for each rule of its keying, by the rules' slots. A list has only as many elements as its last one needs. */
export type SlotList<T> = readonly (T | undefined)[];

/** The list without elements, which all keys share. */
export const NONE: readonly never[] = Object.freeze([]);

/** Sets an element, and returns the list to keep. Assignment and `push` would make room for 16 more elements, in each of a million keys. */
export function withSlot<T>(list: SlotList<T>, slot: number, value: T): SlotList<T> {
  if (slot < list.length) {
    (list as (T | undefined)[])[slot] = value;
    return list;
  }
  // A list with many elements grows by more than one, so that the cost of an element does not depend on their number.
  const length = slot + 1 + (slot >> 3);
  return Array.from({ length }, (_, i) => (i === slot ? value : list[i]));
}
