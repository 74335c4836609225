import type { RejectReason } from '../model/item/decoded.ts';

/** Why a payload or a reading was not accepted. It is a class only so that `instanceof` distinguishes it from any decoded value. */
export class Rejection {
  readonly reason: RejectReason;
  /** What was found, where, and what would be right. One sentence without its full stop. */
  readonly detail: string;
  constructor(reason: RejectReason, detail: string) {
    this.reason = reason;
    this.detail = detail;
  }
}

const LONGEST_QUOTE = 40;

/** A text for use in a sentence: in double quotes, with control characters escaped, cut after 40 characters. */
export function quoteText(text: string): string {
  return JSON.stringify(text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text);
}

/** A decoded value for use in a sentence: `text "abc"`, `the number 5`, `an array of 3`. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'string') return `text ${quoteText(value)}`;
  if (typeof value === 'number') return `the number ${value}`;
  if (typeof value === 'bigint') return `the integer ${value}`;
  if (typeof value === 'boolean') return `${value}`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return value instanceof Uint8Array ? `${value.length} raw bytes` : 'an object';
}

/** Whether a value is an object with keys. Arrays, raw bytes and scalars are not. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}
