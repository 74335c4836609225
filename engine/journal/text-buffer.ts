const CHUNK_BYTES = 1024 * 1024;
const NEWLINE = 10;

/**
 * Lines of text as UTF-8, in chunks of memory that are reused. Without reuse, a large text that is written repeatedly would become garbage each
 * time. In one piece, it could not be larger than a buffer, and growth would copy it.
 */
export class TextBuffer {
  readonly #maxLineBytes: number;
  readonly #chunks: Buffer[] = [];
  /** Bytes in use of each chunk. Chunks after the last entry are free. */
  #used: number[] = [];
  readonly #encoder = new TextEncoder();

  /** No line may have more bytes than `maxLineBytes`. */
  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** All text since `clear`, as views that are valid until the next `clear`. */
  get chunks(): readonly Buffer[] {
    return this.#used.map((bytes, i) => this.#chunks[i]!.subarray(0, bytes));
  }

  /** Removes all text, and keeps the memory. */
  clear(): void {
    this.#used = [];
  }

  /** Appends a line and a line break. Throws a RangeError if the line is too long; the text must not be used then. */
  writeLine(line: string): void {
    // A UTF-16 unit takes at most three bytes, so for most lines `Buffer.byteLength` is not necessary.
    if (line.length * 3 > this.#maxLineBytes && Buffer.byteLength(line) > this.#maxLineBytes) {
      throw new RangeError(
        `a part of the state has ${Buffer.byteLength(line)} bytes, at most ${this.#maxLineBytes} are allowed; it begins with ${line.slice(0, 200)}`,
      );
    }
    const at = this.#used.length - 1;
    const used = this.#used[at] ?? CHUNK_BYTES;
    if (used + line.length * 3 < CHUNK_BYTES) {
      const chunk = this.#chunks[at]!;
      const end = used + chunk.write(line, used);
      chunk[end] = NEWLINE;
      this.#used[at] = end + 1;
    } else this.#write(`${line}\n`);
  }

  /** Writes text that may not fit into the current chunk. */
  #write(text: string): void {
    for (let rest = text; rest.length > 0; ) {
      if (this.#used.length === 0) this.#openChunk();
      const at = this.#used.length - 1;
      const { read, written } = this.#encoder.encodeInto(rest, this.#chunks[at]!.subarray(this.#used[at]));
      this.#used[at]! += written;
      if (read === rest.length) return;
      rest = rest.slice(read);
      this.#openChunk();
    }
  }

  #openChunk(): void {
    this.#used.push(0);
    if (this.#chunks.length < this.#used.length) this.#chunks.push(Buffer.allocUnsafeSlow(CHUNK_BYTES));
  }
}
