const FIRST_BYTES = 64 * 1024;
const FIRST_ROWS = 1024;
const TWO_TO_32 = 4_294_967_296;
/** Up to this length, a loop over the characters is faster than a call to native code. */
const SHORT_CHARS = 48;

/** Encoded rows, taken from a buffer. All of it is a copy, so nothing else writes to it. */
export interface EncodedRows {
  readonly rows: number;
  readonly bytes: Uint8Array;
  /** End of each row within `bytes`. */
  readonly rowEnds: Uint32Array;
  /** Journal offset that caused each row. */
  readonly rowOffsets: Float64Array;
}

/**
 * A buffer that collects rows in ClickHouse's RowBinary format (https://clickhouse.com/docs/interfaces/formats/RowBinary). It
 * grows by doubling and is reused after `take`. Values of fixed size are written without a bounds check: the caller of the
 * constructor promises that a row has at most `slackBytes` of them (a varint counts 5).
 */
export class RowBuffer {
  private bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  private view = new DataView(this.bytes.buffer);
  private position = 0;
  private limit: number;
  private readonly slackBytes: number;
  private rowEnds = new Uint32Array(FIRST_ROWS);
  private rowOffsets = new Float64Array(FIRST_ROWS);
  private count = 0;

  constructor(slackBytes: number) {
    this.slackBytes = slackBytes;
    this.limit = FIRST_BYTES - slackBytes;
    this.reserve(0);
  }

  /** Number of finished rows since the last `take`. */
  get rows(): number {
    return this.count;
  }

  /** Bytes written since the last `take`. */
  get byteLength(): number {
    return this.position;
  }

  /** Finishes the row. `offset` is the journal offset that caused it. */
  endRow(offset: number): void {
    if (this.count === this.rowEnds.length) this.growRows();
    this.rowEnds[this.count] = this.position;
    this.rowOffsets[this.count++] = offset;
    // The next row begins with values that are written without a bounds check.
    if (this.position > this.limit) this.reserve(0);
  }

  /** Returns a copy of the rows, and clears the buffer. */
  take(): EncodedRows {
    const { count, position } = this;
    const bytes = Buffer.allocUnsafeSlow(position);
    this.bytes.copy(bytes, 0, 0, position);
    this.count = 0;
    this.position = 0;
    return {
      rows: count,
      bytes,
      rowEnds: this.rowEnds.slice(0, count),
      rowOffsets: this.rowOffsets.slice(0, count),
    };
  }

  /** One byte: a UInt8, the flag of a Nullable, or an empty Map. */
  writeByte(value: number): void {
    this.bytes[this.position++] = value;
  }

  writeBool(value: boolean): void {
    this.bytes[this.position++] = value ? 1 : 0;
  }

  writeFloat64(value: number): void {
    this.view.setFloat64(this.position, value, true);
    this.position += 8;
  }

  /** DateTime64(6) of milliseconds since the epoch with microseconds as a fraction; exact if the double is. */
  writeTime(ms: number): void {
    const micros = Math.round(ms * 1000);
    const high = Math.floor(micros / TWO_TO_32);
    this.view.setUint32(this.position, micros - high * TWO_TO_32, true);
    this.view.setInt32(this.position + 4, high, true);
    this.position += 8;
  }

  /** UInt64 of a safe integer that is not negative. */
  writeUInt64(value: number): void {
    this.writeHalves(Math.floor(value / TWO_TO_32), value >>> 0);
  }

  /** UInt64 of two unsigned halves. */
  writeHalves(high: number, low: number): void {
    this.view.setUint32(this.position, low, true);
    this.view.setUint32(this.position + 4, high, true);
    this.position += 8;
  }

  /** Unsigned LEB128, below 2^32. */
  writeVarint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.bytes[this.position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.position++] = rest;
  }

  /** String, LowCardinality(String): length and UTF-8; lone surrogates become U+FFFD. */
  writeString(text: string): void {
    const { length } = text;
    if (this.position + length > this.limit) this.reserve(length);
    if (length > SHORT_CHARS) {
      this.writeUtf8(text);
      return;
    }
    const { bytes } = this;
    const start = this.position + 1;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) {
        this.writeUtf8(text);
        return;
      }
      bytes[start + i] = code;
    }
    bytes[start - 1] = length;
    this.position = start + length;
  }

  /** A String of any bytes, not only UTF-8. */
  writeBytes(data: Uint8Array): void {
    this.reserve(data.length);
    this.writeVarint(data.length);
    this.bytes.set(data, this.position);
    this.position += data.length;
  }

  /** Map(String, String), in the order of the record's keys. Space is reserved for each string. */
  writeMap(map: Readonly<Record<string, string>>): void {
    const names = Object.keys(map);
    this.writeVarint(names.length);
    for (const name of names) {
      this.writeString(name);
      this.writeString(map[name] as string);
    }
  }

  /** Map(String, Float64), in the order of the record's keys. Space is reserved for each entry. */
  writeNumbers(map: Readonly<Record<string, number>>): void {
    const names = Object.keys(map);
    this.writeVarint(names.length);
    for (const name of names) {
      this.writeString(name);
      this.reserve(8);
      this.writeFloat64(map[name] as number);
    }
  }

  private writeUtf8(text: string): void {
    const length = Buffer.byteLength(text, 'utf8');
    this.reserve(length);
    this.writeVarint(length);
    this.position += this.bytes.write(text, this.position, 'utf8');
  }

  /** Makes room for `length` bytes and the slack after them. */
  private reserve(length: number): void {
    const needed = this.position + length + this.slackBytes;
    if (needed <= this.bytes.length) return;
    let size = this.bytes.length;
    while (size < needed) size *= 2;
    const grown = Buffer.allocUnsafeSlow(size);
    this.bytes.copy(grown, 0, 0, this.position);
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
    this.limit = size - this.slackBytes;
  }

  private growRows(): void {
    const ends = new Uint32Array(this.rowEnds.length * 2);
    ends.set(this.rowEnds);
    this.rowEnds = ends;
    const offsets = new Float64Array(this.rowOffsets.length * 2);
    offsets.set(this.rowOffsets);
    this.rowOffsets = offsets;
  }
}
