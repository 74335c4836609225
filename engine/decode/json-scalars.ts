import { hashStep, type ShortTexts } from '../model/short-texts.ts';
import { FAILED, fail, isPlain, type JsonCursor } from './json-cursor.ts';

const QUOTE = 0x22;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
/** A number of so many digits is exact in a double, and so is the power of ten; IEEE 754 rounds their quotient as `JSON.parse` does. */
const MOST_DIGITS = 15;
const POWERS = Array.from({ length: MOST_DIGITS + 1 }, (_, i) => 10 ** i);

/**
 * Reads the text, number or literal at the cursor, and moves the cursor after it. The result is that of `JSON.parse`. Leaves to it: texts with
 * escapes or with other characters than ASCII, objects and arrays. `texts`: where repeated texts come from; undefined for those that never
 * repeat.
 */
export function readScalar(cursor: JsonCursor, texts: ShortTexts | undefined): unknown {
  const { bytes, at } = cursor;
  const first = bytes[at];
  if (first === QUOTE) return readText(cursor, texts);
  if (first === 0x74) return readWord(cursor, 'true', true);
  if (first === 0x66) return readWord(cursor, 'false', false);
  if (first === 0x6e) return readWord(cursor, 'null', null);
  return readNumber(cursor);
}

function readWord(cursor: JsonCursor, word: string, value: boolean | null): boolean | null {
  const { bytes, at } = cursor;
  let found = bytes.length - at >= word.length;
  for (let i = 1; found && i < word.length; i++) found = bytes[at + i] === word.charCodeAt(i);
  cursor.at = found ? at + word.length : FAILED;
  return value;
}

function readText(cursor: JsonCursor, texts: ShortTexts | undefined): string {
  const { bytes } = cursor;
  const { length } = bytes;
  const from = cursor.at + 1;
  let hash = 0;
  for (let at = from; at < length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      cursor.at = at + 1;
      return texts === undefined ? bytes.toString('latin1', from, at) : texts.get(bytes, from, at, hash);
    }
    if (!isPlain(byte)) break;
    hash = hashStep(hash, byte);
  }
  cursor.at = FAILED;
  return '';
}

function readNumber(cursor: JsonCursor): number {
  const { bytes, at: from } = cursor;
  const { length } = bytes;
  const start = bytes[from] === MINUS ? from + 1 : from;
  let at = start;
  let digits = 0;
  let mantissa = 0;
  for (; at < length && isDigit(bytes[at]!); at++, digits++) mantissa = mantissa * 10 + (bytes[at]! - ZERO);
  // Without a digit it is no number; a zero at the beginning of others is not JSON.
  if (digits === 0 || (digits > 1 && bytes[start] === ZERO)) return fail(cursor, 0);
  let decimals = 0;
  if (at < length && bytes[at] === POINT) {
    const point = at++;
    for (; at < length && isDigit(bytes[at]!); at++) mantissa = mantissa * 10 + (bytes[at]! - ZERO);
    decimals = at - point - 1;
    if (decimals === 0) return fail(cursor, 0);
  }
  // An exponent, or more digits than a double holds.
  if (at < length && (bytes[at]! | 0x20) === 0x65) return fail(cursor, 0);
  cursor.at = at;
  if (digits + decimals > MOST_DIGITS) return Number(bytes.toString('latin1', from, at));
  const value = decimals === 0 ? mantissa : mantissa / POWERS[decimals]!;
  return start === from ? value : -value;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}
