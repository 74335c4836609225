/** Returns texts for ASCII bytes, the same string object for a text that came before. Texts of devices and states come again and again. */
export interface ShortTexts {
  /** The text of these bytes, all below 0x80. `hash` must be `hashStep` of each of them, from 0. */
  get(bytes: Buffer, from: number, to: number, hash: number): string;
}

const FIRST_TEXTS = 1_024;
/** With more different texts than this, some of them are decoded again each time. The table takes 8 bytes for each. */
const MOST_TEXTS = 262_144;
/** Longer texts are not remembered; characters. */
const LONGEST = 64;

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
  return {
    get(bytes, from, to, hash) {
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
    },
  };
}

function isText(text: string, bytes: Buffer, from: number, to: number): boolean {
  if (text.length !== to - from) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[from + i]) return false;
  return true;
}
