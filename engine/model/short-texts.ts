/**
 * Returns the texts of bytes, and the same string object for a text that came before. Texts of topics, devices and states come again and again:
 * this is faster than to decode them, and a map finds a string that it has seen before at once.
 */
export interface ShortTexts {
  /** The text of these bytes, all below 0x80. `hash` must be `hashStep` of each of them, from 0. */
  get(bytes: Buffer, from: number, to: number, hash: number): string;
  /** The text of these bytes in UTF-8. Invalid bytes become U+FFFD. */
  utf8(bytes: Buffer, from: number, to: number): string;
}

const FIRST_TEXTS = 1_024;
/** With more different texts than this, some of them are decoded again each time. The table takes 8 bytes for each. */
const MOST_TEXTS = 262_144;
/** Longer texts are not remembered; characters. */
const LONGEST = 128;

/** The hash of a text with one more byte. */
export function hashStep(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193);
}

/**
 * Makes an empty table. It has one place for each hash, where a newer text replaces an older one, so it is bounded. It doubles when about as
 * many texts were replaced as it has places. Nothing depends on which texts it has.
 */
export function createShortTexts(): ShortTexts {
  let texts = new Array<string | undefined>(FIRST_TEXTS).fill(undefined);
  let replaced = 0;
  const get = (bytes: Buffer, from: number, to: number, hash: number): string => {
    if (to - from > LONGEST) return bytes.toString('latin1', from, to);
    const place = (hash ^ (hash >>> 15)) & (texts.length - 1);
    const known = texts[place];
    if (known !== undefined && isText(known, bytes, from, to)) return known;
    const text = bytes.toString('latin1', from, to);
    texts[place] = text;
    if (known !== undefined && ++replaced > texts.length && texts.length < MOST_TEXTS) {
      texts = new Array<string | undefined>(texts.length * 2).fill(undefined);
      replaced = 0;
    }
    return text;
  };
  return {
    get,
    utf8(bytes, from, to) {
      let hash = 0;
      for (let i = from; i < to; i++) {
        if (i - from >= LONGEST || bytes[i]! >= 0x80) return bytes.toString('utf8', from, to);
        hash = hashStep(hash, bytes[i]!);
      }
      return get(bytes, from, to, hash);
    },
  };
}

function isText(text: string, bytes: Buffer, from: number, to: number): boolean {
  if (text.length !== to - from) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[from + i]) return false;
  return true;
}
