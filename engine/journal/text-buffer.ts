const CHUNK_BYTES = 1024 * 1024;
const NEWLINE = 10;

/**
 * Lines of text as UTF-8, in chunks of memory that are kept and used again. A large text that is made now and then would otherwise be garbage
 * each time; in one piece it could not be larger than a buffer, and growing it would copy it.
 */
export class TextBuffer {
  readonly #maxLineBytes: number;
  readonly #chunks: Buffer[] = [];
  /** Bytes in use, by chunk; those behind the last are free. */
  #used: number[] = [];
  readonly #encoder = new TextEncoder();

  /** No line may have more bytes than `maxLineBytes`. */
  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** What was written since `clear`; views, valid until the next `clear`. */
  get chunks(): readonly Buffer[] {
    return this.#used.map((bytes, i) => this.#chunks[i]!.subarray(0, bytes));
  }

  clear(): void {
    this.#used = [];
  }

  /** Adds a line and its end. Throws a RangeError, and adds nothing that may be used, where it is too long. */
  writeLine(line: string): void {
    // A UTF-16 unit takes at most three bytes, so most lines need not be measured.
    if (line.length * 3 > this.#maxLineBytes && Buffer.byteLength(line) > this.#maxLineBytes) {
      throw new RangeError(
        `a part of the state takes ${Buffer.byteLength(line)} bytes, ${this.#maxLineBytes} are allowed: it begins ${line.slice(0, 200)}`,
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

  /** Writes what may not fit into the chunk at hand. */
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
