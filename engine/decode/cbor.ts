import { decode } from 'cborg';
import { findForbidden } from './forbidden.ts';
import { type Head, outline, readUint } from './outline.ts';
import { Rejection } from './rejection.ts';

/** Tags 0 and 1 (a time as text, a time in seconds) are replaced by their content. The library refuses every other tag. */
const contentOf = (content: () => unknown): unknown => content();
const OPTIONS = { coerceUndefinedToNull: true, tags: { 0: contentOf, 1: contentOf } };

/**
 * Parses CBOR bytes. Returns the value or a `Rejection`. Integers beyond 2^53 are bigint, byte strings are Uint8Array, undefined is null. Maps
 * need text keys. Texts and byte strings of indefinite length are not supported. A tag counts as a level of depth.
 */
export function parseCbor(bytes: Uint8Array, depth: number): unknown {
  const suspect = outline(bytes, depth, readHead, 'CBOR');
  if (suspect instanceof Rejection) return suspect;
  try {
    const value: unknown = decode(bytes, OPTIONS);
    return suspect ? (findForbidden(value) ?? value) : value;
  } catch {
    return new Rejection(
      'malformed',
      'the payload has a tag other than 0 and 1, a simple value, or a key that is not text; send none of these',
    );
  }
}

const INDEFINITE = 31;

/** Source: RFC 8949, section 3. */
function readHead(bytes: Uint8Array, at: number, head: Head): void {
  const first = bytes[at] ?? 0;
  const major = first >> 5;
  const info = first & 31;
  const width = info < 24 || info === INDEFINITE ? 0 : info < 28 ? 1 << (info - 24) : -1;
  head.next = at + 1 + Math.max(width, 0);
  head.kind = width === -1 ? 'unknown' : kindOf(major, info);
  head.size = 0;
  if (major === 6) head.size = 1;
  else if (major >= 2 && major <= 5) {
    const size = width === 0 ? info : readUint(bytes, at + 1, width);
    head.size = major === 5 ? size * 2 : size;
    if (info === INDEFINITE) head.size = Number.POSITIVE_INFINITY;
  }
}

function kindOf(major: number, info: number): Head['kind'] {
  if (major === 4 || major === 5 || (major === 6 && info !== INDEFINITE)) return 'list';
  if (info === INDEFINITE) return major === 7 ? 'break' : 'unknown';
  return major === 3 ? 'text' : 'skip';
}
