import { formatDuration, parseDuration } from '../../model/duration.ts';

/** Parses an instant such as `"90s"` or, before the start, `"-5s"`. Returns milliseconds from the start of the case. Throws if the text is not an instant. */
export function parseInstant(text: string): number {
  const ms = parseDuration(text.startsWith('-') ? text.slice(1) : text);
  if (ms === undefined) throw new Error(`"${text}" is not an instant; write a duration such as "90s"`);
  return text.startsWith('-') ? -ms : ms;
}

/** The same, exact to the microsecond if it is in milliseconds (`"10000.001ms"`): messages arrive at whole milliseconds, but alerts may change between them. */
export function parseExactInstant(text: string): number {
  return /\dms$/.test(text) ? Number(text.slice(0, -2)) : parseInstant(text);
}

/** The shortest text of an instant, exact to the microsecond. */
export function formatInstant(exactMs: number): string {
  const ms = Math.round(exactMs * 1000) / 1000;
  if (!Number.isInteger(ms)) return `${ms}ms`;
  if (ms === 0) return '0s';
  return ms < 0 ? `-${formatDuration(-ms)}` : formatDuration(ms);
}
