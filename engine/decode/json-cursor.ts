/** A place in the bytes of a JSON text. One object is reused for all texts. */
export interface JsonCursor {
  bytes: Buffer;
  /** The next byte. `FAILED`: the text is invalid, or something that this reader leaves to `JSON.parse`. */
  at: number;
  /** Whether each line is a text of its own: then a newline is no white space. */
  readonly lines: boolean;
}

/** See `JsonCursor.at`. */
export const FAILED = -1;

export const NEWLINE = 0x0a;
export const COMMA = 0x2c;
const QUOTE = 0x22;
const COLON = 0x3a;
const BEGIN_OBJECT = 0x7b;
const END_OBJECT = 0x7d;

/** Leaves the text to `JSON.parse`. Returns the second argument, by default `FAILED`. */
export function fail(cursor: JsonCursor, result = FAILED): number {
  cursor.at = FAILED;
  return result;
}

/** The byte at the cursor; undefined after a failure, and at the end. */
export function next({ bytes, at }: JsonCursor): number | undefined {
  return at === FAILED ? undefined : bytes[at];
}

/** Moves the cursor after this byte, or fails. */
export function expect(cursor: JsonCursor, byte: number): void {
  if (next(cursor) === byte) cursor.at++;
  else fail(cursor);
}

/** Moves the cursor after white space. */
export function skipSpace(cursor: JsonCursor): void {
  const { bytes, lines } = cursor;
  let { at } = cursor;
  if (at === FAILED) return;
  while (at < bytes.length) {
    const byte = bytes[at]!;
    if (byte > 0x20 || (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d && (byte !== NEWLINE || lines))) break;
    at++;
  }
  cursor.at = at;
}

/** Whether a byte in a JSON text is a character as it is: ASCII, no control character, no backslash. */
export function isPlain(byte: number): boolean {
  return byte >= 0x20 && byte < 0x80 && byte !== 0x5c;
}

/** Moves the cursor after a key and its colon. Returns where the key ends. */
export function skipKey(cursor: JsonCursor): number {
  const { bytes } = cursor;
  if (next(cursor) !== QUOTE) return fail(cursor);
  let at = cursor.at + 1;
  while (at < bytes.length && bytes[at] !== QUOTE && isPlain(bytes[at]!)) at++;
  if (at === bytes.length || bytes[at] !== QUOTE) return fail(cursor);
  skipColon(cursor, at + 1);
  return at;
}

/** Moves the cursor after the key and its colon if the next key is this one. */
export function takeKnownKey(cursor: JsonCursor, key: Uint8Array): boolean {
  if (next(cursor) !== QUOTE || !endsKey(cursor.bytes, cursor.at + 1, key)) return false;
  skipColon(cursor, cursor.at + key.length + 2);
  return true;
}

function skipColon(cursor: JsonCursor, from: number): void {
  cursor.at = from;
  skipSpace(cursor);
  expect(cursor, COLON);
  skipSpace(cursor);
}

/** Whether the bytes between two positions, before a quote, are this key. */
export function isKey(cursor: JsonCursor, key: Uint8Array, from: number, to: number): boolean {
  return to - from === key.length && endsKey(cursor.bytes, from, key);
}

/** Whether the bytes from a position on are this key and the quote that ends it. */
function endsKey(bytes: Uint8Array, from: number, key: Uint8Array): boolean {
  const { length } = key;
  if (bytes[from + length] !== QUOTE) return false;
  for (let i = 0; i < length; i++) if (bytes[from + i] !== key[i]) return false;
  return true;
}

/** Begins an object. False if it has no members; otherwise the cursor is at the first key. */
export function beginMembers(cursor: JsonCursor): boolean {
  expect(cursor, BEGIN_OBJECT);
  skipSpace(cursor);
  if (next(cursor) !== END_OBJECT) return cursor.at !== FAILED;
  cursor.at++;
  return false;
}

/** Ends a member. False if it was the last one, or the text is not usual; otherwise the cursor is at the next key. */
export function endMember(cursor: JsonCursor): boolean {
  skipSpace(cursor);
  const byte = next(cursor);
  if (byte === COMMA) {
    cursor.at++;
    skipSpace(cursor);
    return cursor.at !== FAILED;
  }
  if (byte === END_OBJECT) cursor.at++;
  else fail(cursor);
  return false;
}
