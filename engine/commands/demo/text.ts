import { stripVTControlCharacters } from 'node:util';
import { printable } from '../../model/printable.ts';

/** A piece of a line in one colour. */
export interface Span {
  readonly text: string;
  readonly style?: Style;
}

export type Style = keyof typeof STYLES;

const STYLES = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' } as const;

/**
 * One line of at most `width` characters, cut with an ellipsis; control characters, which anybody's message may bring, are shown as `printable` does.
 * Every character counts as one column.
 */
export function line(spans: readonly (Span | string)[], width: number, color: boolean): string {
  let room = width;
  let out = '';
  for (const span of spans) {
    const { text, style } = typeof span === 'string' ? { text: span, style: undefined } : span;
    const characters = [...printable(text)];
    const cut = characters.length > room ? `${characters.slice(0, Math.max(0, room - 1)).join('')}…` : undefined;
    const part = cut ?? characters.join('');
    out += color && style !== undefined ? `\u001b[${STYLES[style]}m${part}\u001b[0m` : part;
    if (cut !== undefined) return out;
    room -= characters.length;
    if (room === 0) return out;
  }
  return out;
}

/** A text made as wide as a column, cut or padded. */
export function column(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
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

/** Columns that a line takes; it may be coloured. */
export function widthOf(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

/** Rows that lines take where the terminal wraps them. */
export function heightOf(lines: readonly string[], columns: number): number {
  return lines.reduce((sum, text) => sum + Math.max(1, Math.ceil(widthOf(text) / columns)), 0);
}
