import type { EventOutput } from '../model/output.ts';

const FIRST_BYTES = 16 * 1024;
/** Fields of fixed size, and the lengths of all texts. */
const FIXED_BYTES = 64;
const STREAMS = ['WEIR_ALERTS', 'WEIR_DEVICES', 'WEIR_FACTS', 'WEIR_GAPS'] as const satisfies readonly NonNullable<
  EventOutput['stream']
>[];
const BUCKETS = ['weir_alerts_open', 'weir_devices'] as const;

/** What the value of a KV entry is. */
const VALUE = { none: 0, deleted: 1, body: 2, own: 3 } as const;

/** Collects events as bytes, which take a fraction of the memory of objects and are nothing that the garbage collector copies. */
export interface EventWriter {
  readonly byteLength: number;
  /** The texts of the event must be well-formed Unicode. */
  add(event: EventOutput): void;
  /** Returns all events as bytes that only this process reads. The writer must not be used after that. */
  take(): Uint8Array;
}

export function createEventWriter(): EventWriter {
  let bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  let end = 0;

  const reserve = (length: number): void => {
    if (end + length <= bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * bytes.length, end + length));
    bytes.copy(grown, 0, 0, end);
    bytes = grown;
  };
  const writeText = (text: string): void => {
    const length = bytes.write(text, end + 4);
    bytes.writeUInt32LE(length, end);
    end += 4 + length;
  };
  return {
    get byteLength() {
      return end;
    },
    add({ id, offset, subject, body, stream, quiet, kv }) {
      const kind = valueKindOf(kv, body);
      const own = kind === VALUE.own ? (kv?.value ?? '') : '';
      // A character has at most three bytes of UTF-8.
      reserve(FIXED_BYTES + 3 * (id.length + subject.length + body.length + (kv?.key.length ?? 0) + own.length));
      bytes[end] = stream === undefined ? 0 : 1 + STREAMS.indexOf(stream);
      bytes[end + 1] = quiet === undefined ? 0 : quiet ? 1 : 2;
      bytes[end + 2] = kind;
      bytes[end + 3] = kv === undefined ? 0 : BUCKETS.indexOf(kv.bucket);
      end = bytes.writeDoubleLE(offset, end + 4);
      writeText(id);
      writeText(subject);
      writeText(body);
      if (kv !== undefined) writeText(kv.key);
      if (kind === VALUE.own) writeText(own);
    },
    // A copy, because the rest of the buffer would stay in memory.
    take: () => Uint8Array.prototype.slice.call(bytes, 0, end),
  };
}

function valueKindOf(kv: EventOutput['kv'], body: string): number {
  if (kv === undefined) return VALUE.none;
  if (kv.value === null) return VALUE.deleted;
  return kv.value === body ? VALUE.body : VALUE.own;
}

/** Reads the events of a writer one by one, in their order. Undefined at the end. */
export function createEventReader(taken: Uint8Array): () => EventOutput | undefined {
  const bytes = Buffer.from(taken.buffer, taken.byteOffset, taken.length);
  let at = 0;

  const readText = (): string => {
    const start = at + 4;
    at = start + bytes.readUInt32LE(at);
    return bytes.toString('utf8', start, at);
  };
  return () => {
    if (at >= bytes.length) return undefined;
    const [stream, quiet, value, bucket] = [bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!];
    const offset = bytes.readDoubleLE(at + 4);
    at += 12;
    const [id, subject, body] = [readText(), readText(), readText()];
    return {
      kind: 'event',
      id,
      offset,
      subject,
      body,
      ...(stream > 0 && { stream: STREAMS[stream - 1]! }),
      ...(quiet > 0 && { quiet: quiet === 1 }),
      ...(value !== VALUE.none && { kv: { bucket: BUCKETS[bucket]!, key: readText(), value: readValue(value, body) } }),
    };
  };

  function readValue(kind: number, body: string): string | null {
    if (kind === VALUE.deleted) return null;
    return kind === VALUE.body ? body : readText();
  }
}
