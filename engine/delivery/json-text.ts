/** Characters that JSON has without an escape, as far as most texts need any. */
const PLAIN = /^[ !#-[\]-~]*$/;
/** Above this length, the check would cost more than it saves. */
const SHORT_CHARS = 200;

/** A text as JSON, with its quotes. Equal to `JSON.stringify(text)`, which costs more for a short text. */
export function jsonText(text: string): string {
  return text.length <= SHORT_CHARS && PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** A value of a fact as JSON. Equal to `JSON.stringify(value)`: NaN and the infinities become null. */
export function jsonValue(value: string | number | boolean | null): string {
  if (typeof value === 'string') return jsonText(value);
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  return String(value);
}
