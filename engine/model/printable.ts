import { isUtf8 } from 'node:buffer';

/** A number with thousands separators, as in `1,234`. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** The text of UTF-8 bytes. Undefined if they are not UTF-8. */
export function utf8Of(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

/**
 * Characters that must be escaped before a terminal or a log line shows them: control characters (C0, DEL, C1), line and paragraph
 * separators, lone surrogates, and invisible format characters, which include the bidirectional controls and the byte order mark. The two
 * joiners are not escaped, because scripts and emoji need them.
 */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?![\u200c\u200d])\p{Cf}/gu;

/**
 * A text from outside that is safe to show: characters that could control a terminal, break a line or disguise a text are escaped as `\uXXXX`.
 * JSON stays the same JSON. `keeps` matches single characters that are not escaped; default none.
 */
export function printable(text: string, keeps?: RegExp): string {
  return text.replace(UNPRINTABLE, (sign) => {
    if (keeps?.test(sign)) return sign;
    return Array.from({ length: sign.length }, (_, i) => escapeOf(sign.charCodeAt(i))).join('');
  });
}

function escapeOf(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}

/** Like `printable`, but line breaks and tabs are not escaped. */
export function printableLines(text: string): string {
  return printable(text, /[\n\t]/);
}

/** A value as a line of JSON, with its line break, that is safe to print and still the same JSON. */
export function jsonLine(value: unknown): string {
  return `${printable(JSON.stringify(value))}\n`;
}
