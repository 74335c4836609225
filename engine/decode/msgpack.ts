import { Decoder, decodeTimestampToTimeSpec } from '@msgpack/msgpack';
import { findForbidden, forbidden } from './forbidden.ts';
import { type Head, outline, readUint } from './outline.ts';
import { Rejection } from './rejection.ts';

const TIMESTAMP_EXTENSION = -1;

/** Timestamps become ISO 8601 text, which a time of unit `iso8601` accepts. Every other extension type is refused. */
const extensionCodec = {
  tryToEncode: () => null,
  decode(data: Uint8Array, type: number): string {
    if (type !== TIMESTAMP_EXTENSION) throw new RangeError(`extension type ${type}`);
    const { sec, nsec } = decodeTimestampToTimeSpec(data);
    return `${new Date(sec * 1_000).toISOString().slice(0, -5)}.${String(nsec).padStart(9, '0')}Z`;
  },
};

const decoder = new Decoder({ useBigInt64: true, extensionCodec });

/**
 * Parses MessagePack bytes. Returns the value or a `Rejection`. 64-bit integers are bigint, `bin` is Uint8Array, a timestamp is ISO 8601 text.
 * The bytes are checked by `outline` first, because the library would allocate memory for any length that an array claims, and accepts any
 * bytes as text.
 */
export function parseMsgpack(bytes: Uint8Array, depth: number): unknown {
  const suspect = outline(bytes, depth, readHead, 'MessagePack');
  if (suspect instanceof Rejection) return suspect;
  try {
    const value = decoder.decode(bytes);
    return suspect ? (findForbidden(value) ?? value) : value;
  } catch (error) {
    // The library refuses this key itself. Only the message of the error says so.
    if ((error as Error).message.includes('__proto__')) return forbidden('__proto__');
    return new Rejection(
      'malformed',
      'the payload has an extension type other than timestamp, or a key that is neither text nor a small number; send neither',
    );
  }
}

/** The number of bytes after the type byte, for types of fixed size from 0xc0 to 0xdf. Source: the MessagePack specification, "Formats". */
const SKIPS: Readonly<Record<number, number>> = {
  192: 0,
  194: 0,
  195: 0,
  202: 4,
  203: 8,
  204: 1,
  205: 2,
  206: 4,
  207: 8,
  208: 1,
  209: 2,
  210: 4,
  211: 8,
  212: 2,
  213: 3,
  214: 5,
  215: 9,
  216: 17,
};

function readHead(bytes: Uint8Array, at: number, head: Head): void {
  const type = bytes[at] ?? 0;
  head.next = at + 1;
  if (type < 0x80 || type >= 0xe0) set(head, 'skip', 0);
  else if (type < 0x90) set(head, 'list', (type - 0x80) * 2);
  else if (type < 0xa0) set(head, 'list', type - 0x90);
  else if (type < 0xc0) set(head, 'text', type - 0xa0);
  else if (type >= 0xd9 || (type >= 0xc4 && type <= 0xc9)) readSized(bytes, at, type, head);
  else {
    const size = SKIPS[type];
    set(head, size === undefined ? 'unknown' : 'skip', size ?? 0);
  }
}

function set(head: Head, kind: Head['kind'], size: number): void {
  head.kind = kind;
  head.size = size;
}

/** Types that are followed by their size: bin and ext (0xc4 … 0xc9), str (0xd9 … 0xdb), array (0xdc, 0xdd), map (0xde, 0xdf). */
function readSized(bytes: Uint8Array, at: number, type: number, head: Head): void {
  const width = type >= 0xdc ? (type % 2 === 0 ? 2 : 4) : 1 << (type >= 0xd9 ? type - 0xd9 : (type - 0xc4) % 3);
  const size = readUint(bytes, at + 1, width);
  head.next = at + 1 + width;
  if (type >= 0xde) set(head, 'list', size * 2);
  else if (type >= 0xdc) set(head, 'list', size);
  else if (type >= 0xd9) set(head, 'text', size);
  // An extension has one more byte, for its own type.
  else set(head, 'skip', type >= 0xc7 ? size + 1 : size);
}
