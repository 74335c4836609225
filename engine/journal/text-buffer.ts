const FIRST_BYTES = 64 * 1024;

/**
 * Text in the making, as UTF-8, in memory that is kept and used again: a large text that is made now and then would otherwise be garbage each
 * time, and of the kind that is collected late.
 */
export class TextBuffer {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #length = 0;

  /** What was written since `clear`; a view, good until the next write. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  write(text: string): void {
    // A UTF-16 unit takes at most three bytes.
    const needed = this.#length + text.length * 3;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    this.#length += this.#bytes.write(text, this.#length);
  }
}
