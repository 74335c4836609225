import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { DamagedCheckpoint } from './access.ts';

const CHUNK_BYTES = 1024 * 1024;

/**
 * Reads a file forward, a chunk at a time. Synchronous, because the restore of a state is synchronous. Methods throw the errors of
 * `node:fs`.
 */
export class FileReader {
  readonly size: number;
  readonly #file: number;
  #buffer: Buffer;
  /** The bytes of the buffer that are not consumed yet. */
  #start = 0;
  #end = 0;
  /** Position in the file of the first byte that is not in the buffer. */
  #readTo = 0;
  /** CRC-32 of the consumed bytes up to position `#summed` of the buffer; undefined if it is not wanted. */
  #crc: number | undefined;
  #summed = 0;

  /** Throws `DamagedCheckpoint` if it is not a file. */
  constructor(path: string) {
    this.#file = openSync(path, 'r');
    const stats = fstatSync(this.#file);
    this.size = stats.size;
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, stats.size));
    if (stats.isFile()) return;
    this.close();
    throw new DamagedCheckpoint(path, 'it is not a file');
  }

  get position(): number {
    return this.#readTo - (this.#end - this.#start);
  }

  /** Continues at a position, and ends the checksum. */
  seek(position: number): void {
    this.#crc = undefined;
    const ahead = position - this.position;
    if (ahead >= 0 && ahead <= this.#end - this.#start) {
      this.#start += ahead;
      return;
    }
    this.#start = this.#end = 0;
    this.#readTo = position;
  }

  /** Sums up the bytes that are consumed from now on. */
  beginChecksum(): void {
    this.#crc = 0;
    this.#summed = this.#start;
  }

  /** CRC-32 of the bytes consumed since `beginChecksum`. */
  checksum(): number {
    if (this.#crc === undefined) return 0;
    this.#crc = crc32(this.#buffer.subarray(this.#summed, this.#start), this.#crc);
    this.#summed = this.#start;
    return this.#crc;
  }

  /** The next bytes, without consuming them; undefined if the file has fewer. They are valid until the next call of any method. */
  peek(bytes: number): Buffer | undefined {
    if (this.#end - this.#start < bytes && !this.#fill(bytes)) return undefined;
    return this.#buffer.subarray(this.#start, this.#start + bytes);
  }

  /** Consumes bytes; false if the file has fewer. */
  skip(bytes: number): boolean {
    if (this.position + bytes > this.size) return false;
    if (this.#crc === undefined) {
      this.seek(this.position + bytes);
      return true;
    }
    for (let left = bytes; left > 0; ) {
      if (this.#start === this.#end && !this.#fill(1)) return false;
      const consumed = Math.min(left, this.#end - this.#start);
      this.#start += consumed;
      left -= consumed;
    }
    return true;
  }

  close(): void {
    closeSync(this.#file);
  }

  /** Reads until the buffer has this many unconsumed bytes; false if the file has fewer. */
  #fill(bytes: number): boolean {
    if (this.position + bytes > this.size) return false;
    this.checksum();
    const into = bytes > this.#buffer.length ? Buffer.allocUnsafeSlow(bytes) : this.#buffer;
    this.#buffer.copy(into, 0, this.#start, this.#end);
    this.#buffer = into;
    this.#end -= this.#start;
    this.#start = this.#summed = 0;
    while (this.#end < bytes) {
      const read = readSync(this.#file, into, this.#end, into.length - this.#end, this.#readTo);
      if (read === 0) return false;
      this.#end += read;
      this.#readTo += read;
    }
    return true;
  }
}
