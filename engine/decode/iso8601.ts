const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const MINUTE_MS = 60_000;
/** Weights of three digits: the first three after the decimal point in milliseconds, the next three in microseconds. */
const WEIGHTS = [100, 10, 1];
const MAX_FRACTION_DIGITS = 9;

/**
 * Parses a time such as `2026-01-31T12:00:00.123456789+05:30`. Returns milliseconds since the epoch, with microseconds as a fraction; NaN if
 * the text is no such time. The zone is required: `Z`, `+hh:mm`, `+hhmm` or `+hh`. `T` may be a space, letters may be lowercase, seconds may
 * be missing. The fraction has one to nine digits after a point or a comma; digits below the microsecond are cut off. A leap second `:60` is
 * the second after it. The code reads character codes, because it runs for every reading.
 * Source: RFC 3339, with the offsets of ISO 8601-1:2019.
 */
export function parseIso(text: string): number {
  const day = parseDay(text);
  const separator = text.charCodeAt(10) | 0x20;
  if (Number.isNaN(day) || (separator !== 0x74 && separator !== 0x20) || text.charCodeAt(13) !== 0x3a)
    return Number.NaN;
  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  if (!(hour <= 23 && minute <= 59)) return Number.NaN;
  let second = 0;
  let end = 16;
  if (text.charCodeAt(16) === 0x3a) {
    second = twoDigits(text, 17);
    if (!(second <= 60)) return Number.NaN;
    end = 19;
  }
  const fractionEnd = end === 19 ? skipFraction(text, end) : end;
  const offset = parseZone(text, fractionEnd);
  const wholeMs = day + (hour * 60 + minute - offset) * MINUTE_MS + second * 1_000;
  return fractionEnd === end ? wholeMs : addFraction(wholeMs, text, end + 1, fractionEnd);
}

/** Two digits as a number; NaN if they are not digits. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 0x30;
  const ones = text.charCodeAt(at + 1) - 0x30;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

function parseDay(text: string): number {
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const dashes = text.charCodeAt(4) === 0x2d && text.charCodeAt(7) === 0x2d;
  if (!dashes || Number.isNaN(year) || !(month >= 1 && month <= 12) || !(day >= 1)) return Number.NaN;
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (day > DAYS[month - 1]! + (leap ? 1 : 0)) return Number.NaN;
  // Date.UTC maps the years 0 to 99 to 1900 to 1999. All of them are out of range anyway.
  return year < 100 ? Number.NEGATIVE_INFINITY : Date.UTC(year, month - 1, day);
}

/** End of the fraction that may begin at `at`; `at` itself if there is none. */
function skipFraction(text: string, at: number): number {
  const point = text.charCodeAt(at);
  if (point !== 0x2e && point !== 0x2c) return at;
  let end = at + 1;
  while (isDigit(text, end)) end++;
  return end > at + 1 && end <= at + 1 + MAX_FRACTION_DIGITS ? end : at;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0x30 && code <= 0x39;
}

function addFraction(wholeMs: number, text: string, start: number, end: number): number {
  let ms = wholeMs;
  let us = 0;
  for (let i = 0; i < 6 && start + i < end; i++) {
    const digit = text.charCodeAt(start + i) - 0x30;
    if (i < 3) ms += digit * WEIGHTS[i]!;
    else us += digit * WEIGHTS[i - 3]!;
  }
  return us === 0 ? ms : (ms * 1_000 + us) / 1_000;
}

/** Offset of the zone from UTC, in minutes. The zone must be the whole rest of the text; NaN if it is not. */
function parseZone(text: string, at: number): number {
  const sign = text.charCodeAt(at);
  if ((sign | 0x20) === 0x7a) return text.length === at + 1 ? 0 : Number.NaN;
  if (sign !== 0x2b && sign !== 0x2d) return Number.NaN;
  const rest = text.length - at;
  const colon = text.charCodeAt(at + 3) === 0x3a;
  const hours = twoDigits(text, at + 1);
  const minutes = rest === 3 ? 0 : rest === (colon ? 6 : 5) ? twoDigits(text, at + (colon ? 4 : 3)) : Number.NaN;
  if (!(hours <= 23 && minutes <= 59)) return Number.NaN;
  return (sign === 0x2d ? -1 : 1) * (hours * 60 + minutes);
}
