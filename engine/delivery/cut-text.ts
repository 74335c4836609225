/** The largest size in JSON, in bytes, of a text from a message that is shown to people, in a sentence or as evidence. */
export const SHOWN_TEXT_BYTES = 4_096;

/** The end of a text that was cut. */
const CUT = '…';

/** The beginning of a text that takes at most `bytes` bytes in JSON, with `…` at its end if it was cut. A pair of surrogates is not split. */
export function cutText(text: string, bytes: number): string {
  // A unit of UTF-16 takes 1 to 6 bytes. A text that cannot fit is not stringified, because it may be too long for that.
  if (text.length * 6 <= bytes || (text.length <= bytes && jsonBytes(text) <= bytes)) return text;
  let kept = '';
  let size = jsonBytes(CUT);
  for (const character of text) {
    size += jsonBytes(character);
    if (size > bytes) break;
    kept += character;
  }
  return kept + CUT;
}

/** A value of JSON in which each text is cut by `cutText`. Names of properties are not cut. */
export function cutTexts(value: unknown, bytes: number): unknown {
  if (typeof value === 'string') return cutText(value, bytes);
  if (Array.isArray(value)) return value.map((each) => cutTexts(each, bytes));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, cutTexts(each, bytes)]));
}

/** The number of characters of all texts in a value of JSON. Its JSON has at least as many bytes. */
export function textLength(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  let length = 0;
  if (Array.isArray(value)) for (let i = 0; i < value.length; i++) length += textLength(value[i]);
  // Only own properties: what is measured is read from JSON, or made like it.
  else for (const name in value) length += textLength((value as Readonly<Record<string, unknown>>)[name]);
  return length;
}

/** Bytes of a text in JSON, without its quotes. */
function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}
