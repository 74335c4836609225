/** Numbers of one bitmap. */
const BITMAP = 2 ** 16;

/** A set of part numbers (u32). Numbers that are close together take about a bit each. */
export class PartSet {
  readonly #bitmaps = new Map<number, Uint32Array>();

  /** Adds a number; false if the set already had it. */
  add(part: number): boolean {
    const index = Math.floor(part / BITMAP);
    let bitmap = this.#bitmaps.get(index);
    if (bitmap === undefined) {
      bitmap = new Uint32Array(BITMAP / 32);
      this.#bitmaps.set(index, bitmap);
    }
    const word = (part % BITMAP) >>> 5;
    const bit = 1 << (part & 31);
    if ((bitmap[word]! & bit) !== 0) return false;
    bitmap[word]! |= bit;
    return true;
  }
}
