import { INT32_MAX, NAMES, TAG } from './piece-format.ts';

/** Writes the content of a part of the state as bytes, see `piece-format.ts`. One writer is used again for all parts. */
export interface PieceWriter {
  /** Begins a part: forgets the one before. */
  begin(): void;
  number(value: number): void;
  text(value: string): void;
  texts(values: readonly string[]): void;
  bytes(value: Uint8Array): void;
  /** Any plain data. As in JSON, properties that are undefined are left out, and elements that are undefined become null. */
  value(value: unknown): void;
  /** What was written since `begin`. Valid until the next `begin`. */
  end(): Uint8Array;
}

const FIRST_BYTES = 4_096;
/** No value but a text or a list is longer, and those ask for their room. */
const LONGEST = 16;

export function createPieceWriter(): PieceWriter {
  return new Writer();
}

/** Twice this and one is still exact. */
const MOST_INTEGER = 2 ** 51;

const nameIndexes = new Map(NAMES.map((name, i) => [name, i]));

class Writer implements PieceWriter {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #at = 0;
  /** The last instant written: others are near. */
  #instant = 0;

  begin(): void {
    this.#at = 0;
    this.#instant = 0;
  }

  end(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  number(value: number): void {
    this.#reserve(LONGEST);
    if (Number.isInteger(value) && Math.abs(value) <= MOST_INTEGER && !Object.is(value, -0)) this.#integer(value);
    else if (Number.isNaN(value)) this.#byte(TAG.nan);
    else if (value === Number.POSITIVE_INFINITY) this.#byte(TAG.infinity);
    else {
      this.#byte(TAG.double);
      this.#at = this.#bytes.writeDoubleLE(value, this.#at);
    }
  }

  text(value: string): void {
    this.#reserve(LONGEST + 2 * value.length);
    const start = this.#at;
    if (this.#narrowText(value)) return;
    this.#at = start;
    this.#byte(TAG.utf16);
    this.#varint(value.length);
    this.#at += this.#bytes.write(value, this.#at, 'utf16le');
  }

  bytes(value: Uint8Array): void {
    this.#reserve(LONGEST + value.length);
    this.#byte(TAG.bytes);
    this.#varint(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  texts(values: readonly string[]): void {
    this.value(values);
  }

  value(value: unknown): void {
    if (typeof value === 'number') this.number(value);
    else if (typeof value === 'string') this.text(value);
    else if (Array.isArray(value)) this.#list(value);
    else if (typeof value === 'object' && value !== null) this.#object(value as Record<string, unknown>);
    else {
      this.#reserve(LONGEST);
      this.#byte(value === true ? TAG.true : value === false ? TAG.false : TAG.null);
    }
  }

  #list(values: readonly unknown[]): void {
    this.#reserve(LONGEST);
    this.#byte(TAG.list);
    this.#varint(values.length);
    for (let i = 0; i < values.length; i++) this.value(values[i]);
  }

  #object(value: Record<string, unknown>): void {
    this.#reserve(LONGEST);
    this.#byte(TAG.object);
    for (const name in value) {
      if (value[name] === undefined) continue;
      this.#name(name);
      this.value(value[name]);
    }
    this.#reserve(LONGEST);
    this.#byte(TAG.end);
  }

  #name(name: string): void {
    const index = nameIndexes.get(name);
    if (index === undefined) this.text(name);
    else {
      this.#reserve(LONGEST);
      this.#byte(index);
    }
  }

  #integer(value: number): void {
    if (value >= TAG.least && value <= TAG.most) {
      this.#byte(value - TAG.least);
      return;
    }
    if (value > INT32_MAX) {
      const ahead = value - this.#instant;
      this.#instant = value;
      this.#byte(TAG.instant);
      this.#varint(zigzag(ahead));
      return;
    }
    this.#byte(TAG.integer);
    this.#varint(zigzag(value));
  }

  /** Returns false if some character does not fit into a byte. */
  #narrowText(value: string): boolean {
    this.#byte(TAG.latin1);
    this.#varint(value.length);
    const bytes = this.#bytes;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0xff) return false;
      bytes[this.#at++] = code;
    }
    return true;
  }

  #byte(byte: number): void {
    this.#bytes[this.#at++] = byte;
  }

  /** A number that is not negative, in groups of 7 bits, the lowest first. */
  #varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#at++] = rest;
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

/** Maps 0, -1, 1, -2, … to 0, 1, 2, 3, … */
function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}
