/** Bytes that a text from a message may take in JSON where it is shown to people, in a sentence or as evidence. */
export const SHOWN_TEXT_BYTES = 4_096;

/** Ends a text that was cut. */
const CUT = '…';

/** As much of a text as takes no more than these bytes in JSON, with `…` at its end where it was cut. A pair of surrogates stays together. */
export function cutText(text: string, bytes: number): string {
  // A unit of UTF-16 takes 1 to 6 bytes. A text that cannot fit is not stringified: it may be too long for that.
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

/** A value of JSON with each of its texts as `cutText` gives it. Names stay whole. */
export function cutTexts(value: unknown, bytes: number): unknown {
  if (typeof value === 'string') return cutText(value, bytes);
  if (Array.isArray(value)) return value.map((each) => cutTexts(each, bytes));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, cutTexts(each, bytes)]));
}

/** Characters of all texts in a value of JSON: its JSON has at least as many bytes. */
export function textLength(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  let length = 0;
  for (const each of Object.values(value)) length += textLength(each);
  return length;
}

/** Bytes of a text in JSON, without its quotes. */
function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}
