import { formatDuration, parseDuration } from '../../model/duration.ts';

/** Milliseconds from the start of the case of an instant such as `"90s"` or, before the start, `"-5s"`. Throws where the text is none. */
export function parseInstant(text: string): number {
  const ms = parseDuration(text.startsWith('-') ? text.slice(1) : text);
  if (ms === undefined) throw new Error(`"${text}" is no instant`);
  return text.startsWith('-') ? -ms : ms;
}

/** The shortest exact text of an instant; fractions of a millisecond, which cases cannot write, show as they are. */
export function formatInstant(ms: number): string {
  if (!Number.isInteger(ms)) return `${ms}ms`;
  if (ms === 0) return '0s';
  return ms < 0 ? `-${formatDuration(-ms)}` : formatDuration(ms);
}
