import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { printable } from '../../model/printable.ts';

/** A part of a line with one style. */
export interface StyledText {
  readonly text: string;
  readonly style?: Style;
}

export type Style = keyof typeof STYLES;

const STYLES = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' } as const;

/** Splits a text into what a terminal shows as one character, such as a letter with accents, or an emoji of several code points. */
const characters = new Intl.Segmenter();

/**
 * One line of at most `width` columns, cut with an ellipsis. Control characters, which any message may contain, are escaped by
 * `printable`.
 */
export function line(spans: readonly (StyledText | string)[], width: number, color: boolean): string {
  let room = width;
  let out = '';
  for (const span of spans) {
    const { text, style } = typeof span === 'string' ? { text: span, style: undefined } : span;
    const shown = printable(text);
    const part = shorten(shown, room);
    out += color && style !== undefined ? `\u001b[${STYLES[style]}m${part}\u001b[0m` : part;
    if (part !== shown) return out;
    room -= stringWidth(part);
    if (room === 0) return out;
  }
  return out;
}

/** Cuts a text to at most `width` columns, with an ellipsis. */
function shorten(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let room = width - 1;
  let kept = '';
  for (const { segment } of characters.segment(text)) {
    room -= stringWidth(segment);
    if (room < 0) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Cuts or pads a text to exactly `width` columns. */
export function column(text: string, width: number): string {
  const part = shorten(text, width);
  return part + ' '.repeat(width - stringWidth(part));
}

/** `1:05`, minutes and seconds; never negative. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** `512 B`, `1.5 kB`, `92 MB` */
export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return `${Math.round(bytes / 1_000_000)} MB`;
}

/** The row (from the start of the line) and column of the cursor after a terminal of `columns` columns has shown a line, which may be coloured. */
export function cursorAfter(text: string, columns: number): { readonly row: number; readonly column: number } {
  const shown = stripVTControlCharacters(text);
  let row = 0;
  let column = 0;
  // A fast path for nearly every line: splitting other lines into characters takes a hundred times as long.
  if (/^[ -~]+$/.test(shown)) {
    row = Math.ceil(shown.length / columns) - 1;
    return { row, column: shown.length - row * columns };
  }
  for (const { segment } of characters.segment(shown)) {
    const width = stringWidth(segment);
    // A wide character is not split between two rows.
    if (column + width > columns) {
      row += 1;
      column = 0;
    }
    column += width;
  }
  return { row, column };
}

/** Number of terminal rows that lines take when the terminal wraps them. */
export function heightOf(lines: readonly string[], columns: number): number {
  return lines.reduce((sum, text) => sum + cursorAfter(text, columns).row + 1, 0);
}
