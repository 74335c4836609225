import { crc32 } from 'node:zlib';
import { FRAME_BYTES, type FrameSummary, KIND, MAX_PART_BYTES } from './format.ts';

const CHUNK_BYTES = 256 * 1024;
/** Chunks that are kept for later frames; more would hold memory without need. */
const SPARE_CHUNKS = 8;

/** Collects the frames of a section until they are written. */
export class FrameBuffer {
  #full: Buffer[] = [];
  #chunk: Buffer | undefined;
  #used = 0;
  #frames = 0;
  #bytes = 0;
  #crc = 0;
  readonly #spare: Buffer[] = [];

  /** Begins a new section, without the frames that were added before. */
  clear(): void {
    this.recycle(this.take());
    this.#frames = this.#bytes = this.#crc = 0;
  }

  /** Adds a frame; `content` is copied, undefined means that the part was removed. Throws a RangeError if the part cannot be stored. */
  add(part: number, content: Uint8Array | undefined): void {
    const length = content?.length ?? 0;
    if (part >>> 0 !== part)
      throw new RangeError(`${part} is no part number: it must be an integer from 0 to 2^32 - 1`);
    if (length > MAX_PART_BYTES) {
      throw new RangeError(
        `a part of the state has ${length} bytes; a checkpoint holds parts of at most ${MAX_PART_BYTES}`,
      );
    }
    const chunk = this.#chunkFor(FRAME_BYTES);
    chunk[this.#used] = content === undefined ? KIND.removed : KIND.part;
    chunk.writeUInt32LE(part, this.#used + 1);
    chunk.writeUInt32LE(length, this.#used + 5);
    this.#used += FRAME_BYTES;
    if (content !== undefined) this.#copy(content);
    this.#frames += 1;
    this.#bytes += FRAME_BYTES + length;
  }

  /** Removes the buffered bytes, in order. The caller returns them by `recycle`. */
  take(): Buffer[] {
    if (this.#chunk !== undefined && this.#used > 0) this.#endChunk(this.#chunk);
    const taken = this.#full;
    this.#full = [];
    for (const bytes of taken) this.#crc = crc32(bytes, this.#crc);
    return taken;
  }

  recycle(chunks: readonly Buffer[]): void {
    for (const { buffer } of chunks) if (this.#spare.length < SPARE_CHUNKS) this.#spare.push(Buffer.from(buffer));
  }

  /** All frames since `clear`; those that are not taken yet are not in the checksum. */
  summary(): FrameSummary {
    return { frames: this.#frames, bytes: this.#bytes, crc: this.#crc };
  }

  #copy(content: Uint8Array): void {
    for (let from = 0; from < content.length; ) {
      const chunk = this.#chunkFor(1);
      const to = Math.min(content.length, from + chunk.length - this.#used);
      chunk.set(from === 0 && to === content.length ? content : content.subarray(from, to), this.#used);
      this.#used += to - from;
      from = to;
    }
  }

  /** The current chunk, with room for this many bytes. */
  #chunkFor(bytes: number): Buffer {
    if (this.#chunk !== undefined && this.#chunk.length - this.#used < bytes) this.#endChunk(this.#chunk);
    this.#chunk ??= this.#spare.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES);
    return this.#chunk;
  }

  #endChunk(chunk: Buffer): void {
    this.#full.push(chunk.subarray(0, this.#used));
    this.#chunk = undefined;
    this.#used = 0;
  }
}
