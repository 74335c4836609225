import { isUtf8 } from 'node:buffer';

/** `1,234` */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** The text of bytes; undefined where they are not UTF-8. */
export function utf8Of(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined;
}

/**
 * What must not reach a terminal or a line of a log as it is: control characters (C0, DEL, C1), line and paragraph separators, halves of
 * surrogate pairs, and invisible characters of format, among them those that turn the direction of writing and the byte order mark. The
 * two joiners stay, since scripts and emoji are written with them.
 */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?![\u200c\u200d])\p{Cf}/gu;

/**
 * A text from outside as it may be shown to people: what could steer a terminal, break a line or disguise a text stands as `\uXXXX`.
 * JSON stays the same JSON. `keeps` matches single characters that stay as they are; default none.
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

/** Lines of text or JSON, each as `printable` gives it. */
export function printableLines(text: string): string {
  return printable(text, /[\n\t]/);
}

/** A value as a line of JSON, with its line break, that is safe to print and still the same JSON. */
export function jsonLine(value: unknown): string {
  return `${printable(JSON.stringify(value))}\n`;
}
