import { NAMES, TAG } from './piece-format.ts';

/** Reads the content of a part of the state, as a `PieceWriter` has written it. */
export interface PieceReader {
  number(): number;
  text(): string;
  texts(): readonly string[];
  bytes(): Buffer;
  value(): unknown;
  /** Whether something is left. */
  readonly hasMore: boolean;
}

/** Begins to read bytes at a position. Each function throws if something else comes next. */
export function createPieceReader(bytes: Buffer, from: number): PieceReader {
  return new Reader(bytes, from);
}

class Reader implements PieceReader {
  readonly #bytes: Buffer;
  #at: number;
  #instant = 0;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get hasMore(): boolean {
    return this.#at < this.#bytes.length;
  }

  number(): number {
    const value = this.value();
    if (typeof value !== 'number') throw new Error(`a piece has ${JSON.stringify(value)} instead of a number`);
    return value;
  }

  text(): string {
    const value = this.value();
    if (typeof value !== 'string') throw new Error(`a piece has ${JSON.stringify(value)} instead of a text`);
    return value;
  }

  texts(): readonly string[] {
    const values = this.value();
    if (!Array.isArray(values)) throw new Error(`a piece has ${JSON.stringify(values)} instead of a list`);
    return values as readonly string[];
  }

  bytes(): Buffer {
    const tag = this.#byte();
    if (tag !== TAG.bytes) throw new Error(`a piece has the tag ${tag} instead of bytes`);
    const length = this.#varint();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  value(): unknown {
    const tag = this.#byte();
    if (tag < TAG.null) return tag + TAG.least;
    switch (tag) {
      case TAG.null:
        return null;
      case TAG.false:
        return false;
      case TAG.true:
        return true;
      case TAG.nan:
        return Number.NaN;
      case TAG.infinity:
        return Number.POSITIVE_INFINITY;
      case TAG.double:
        this.#at += 8;
        return this.#bytes.readDoubleLE(this.#at - 8);
      case TAG.integer:
        return unzigzag(this.#varint());
      case TAG.instant:
        this.#instant += unzigzag(this.#varint());
        return this.#instant;
      case TAG.latin1:
        return this.#text(this.#varint(), 'latin1');
      case TAG.utf16:
        return this.#text(2 * this.#varint(), 'utf16le');
      case TAG.list:
        return Array.from({ length: this.#varint() }, () => this.value());
      case TAG.object:
        return this.#object();
      default:
        throw new Error(`a piece has the unknown tag ${tag}`);
    }
  }

  #object(): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    for (let tag = this.#byte(); tag !== TAG.end; tag = this.#byte()) {
      let name: string;
      if (tag < TAG.null) name = NAMES[tag]!;
      else {
        this.#at -= 1;
        name = this.text();
      }
      // An assignment to `__proto__` would be something else.
      if (name === '__proto__') Object.defineProperty(object, name, { ...PLAIN, value: this.value() });
      else object[name] = this.value();
    }
    return object;
  }

  #text(length: number, encoding: 'latin1' | 'utf16le'): string {
    this.#at += length;
    return this.#bytes.toString(encoding, this.#at - length, this.#at);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Error('a piece ends too early');
    return byte;
  }

  #varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 0x80) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }
}

const PLAIN = { configurable: true, enumerable: true, writable: true };

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
