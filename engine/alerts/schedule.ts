import type { ScheduleSpan } from '../model/plan/lifecycle-plan.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
/** Time zones nearly always change their offset at a quarter of an hour of UTC. `zoneOffset` handles the exceptions. */
const SLOT_MS = 15 * MINUTE_MS;
/** The largest number of cached offsets per time zone. A stream of readings needs one or two. */
const MAX_SLOTS = 1_024;

/**
 * Makes the test whether an instant is inside one of the spans, in local time of each span's time zone. A local hour that is skipped never
 * occurs. A local hour that occurs twice is inside both times.
 */
export function compileSchedule(spans: readonly ScheduleSpan[]): (at: number) => boolean {
  const offsets = new Map(spans.map(({ timeZone }) => [timeZone, zoneOffset(timeZone)]));
  const tests = spans.map((span) => {
    const offsetAt = offsets.get(span.timeZone)!;
    return (at: number) => isInside(span, at + offsetAt(at));
  });
  return (at) => tests.some((test) => test(at));
}

/** `localMs` is the local time, written as if it were UTC. */
function isInside({ days, from, to }: ScheduleSpan, localMs: number): boolean {
  const minutes = Math.floor(localMs / MINUTE_MS);
  const day = Math.floor(minutes / DAY_MINUTES);
  const minute = minutes - day * DAY_MINUTES;
  // Day 0, the first of January 1970, was a Thursday.
  const weekday = (((day + 4) % 7) + 7) % 7;
  if (from < to) return days[weekday]! && minute >= from && minute < to;
  return (days[weekday]! && minute >= from) || (days[(weekday + 6) % 7]! && minute < to);
}

/** Makes the function from an instant to the offset of a time zone from UTC, in milliseconds. */
export function zoneOffset(timeZone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const exactOffset = (second: number) => shownAt(format, second) - second;
  /** The offset by slot; NaN if it changes inside the slot, as at 00:01 in St. John's until 2011. */
  const known = new Map<number, number>();
  return (at) => {
    const slot = Math.floor(at / SLOT_MS);
    let offset = known.get(slot);
    if (offset === undefined) {
      if (known.size >= MAX_SLOTS) known.clear();
      const atStart = exactOffset(slot * SLOT_MS);
      offset = exactOffset((slot + 1) * SLOT_MS - SECOND_MS) === atStart ? atStart : Number.NaN;
      known.set(slot, offset);
    }
    return Number.isNaN(offset) ? exactOffset(Math.floor(at / SECOND_MS) * SECOND_MS) : offset;
  };
}

/** The local time at a whole second, as if it were UTC. */
function shownAt(format: Intl.DateTimeFormat, at: number): number {
  const parts: Record<string, number> = {};
  let before = false;
  for (const { type, value } of format.formatToParts(at)) {
    if (type === 'era') before = value.startsWith('B');
    else parts[type] = Number(value);
  }
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  const shown = new Date(0);
  shown.setUTCFullYear(before ? 1 - year : year, month - 1, day);
  return shown.setUTCHours(hour, minute, second, 0);
}
