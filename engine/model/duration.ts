const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SHAPE = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** Whole milliseconds of a duration such as `"250ms"`, `"10s"`, `"1.5m"`, `"2h"`, `"1d"`. Undefined if the text is not a duration. */
export function parseDuration(text: string): number | undefined {
  const match = SHAPE.exec(text);
  const factor = match?.[2] === undefined ? undefined : UNITS[match[2]];
  if (match === null || factor === undefined) return undefined;
  // Floating point gives fractions: 1.001 * 1000 is not whole.
  return Math.round(Number(match[1]) * factor);
}

/** Whole milliseconds of a duration that was already checked. Throws if the text is not a duration. */
export function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new Error(`"${text}" is not a duration`);
  return ms;
}

/** The shortest exact text of a duration in milliseconds: 90000 → `"90s"`, 60000 → `"1m"`. */
export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's']) {
    const factor = UNITS[unit] as number;
    if (ms >= factor && ms % factor === 0) return `${ms / factor}${unit}`;
  }
  return `${ms}ms`;
}
