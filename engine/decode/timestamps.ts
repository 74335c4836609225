import type { TimeUnit } from '../model/config.ts';
import { parseIso } from './iso8601.ts';
import { describeValue } from './rejection.ts';

type NumericUnit = Exclude<TimeUnit, 'iso8601'>;

/** Milliseconds per unit. */
const FACTORS: Readonly<Record<NumericUnit, number>> = { s: 1e3, ms: 1, us: 1e-3, ns: 1e-6 };
const NAMES: Readonly<Record<NumericUnit, string>> = {
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
};
const UNITS = Object.keys(FACTORS) as NumericUnit[];

const DECIMAL = /^\s*[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\s*$/;
const DIGITS = /^\d+$/;

/** The first instant that is not accepted: 64-bit nanoseconds end in the year 2262. */
const END_AT = Date.UTC(2262, 0, 1);
/** A value looks like a unit if it is between these instants in that unit. */
const PLAUSIBLE_FROM_AT = Date.UTC(2000, 0, 1);
const PLAUSIBLE_TO_AT = Date.UTC(2100, 0, 1);

/**
 * Reads the stamp of a device. Returns milliseconds since the epoch, with microseconds as a fraction; NaN if it is not valid. `explainTime`
 * then says why.
 *
 * Numeric units accept numbers, 64-bit integers and texts of decimal digits. `iso8601` accepts only texts, and a zone is required.
 * Seconds and milliseconds are rounded to the microsecond. In finer units and in ISO 8601, digits below the microsecond are cut off. A JSON
 * number holds nanoseconds only to the nearest 256; as text they are exact. Valid years are 1970 to 2261. A value in early 1970 is refused if
 * a coarser unit would put it between 2000 and 2100: it is then in seconds, for example, although milliseconds were declared.
 */
export function readTime(value: unknown, unit: TimeUnit): number {
  const at = toMs(value, unit);
  if (!(at >= 0 && at < END_AT)) return Number.NaN;
  return unit !== 'iso8601' && coarserFits(at, unit) ? Number.NaN : at;
}

function toMs(value: unknown, unit: TimeUnit): number {
  if (unit === 'iso8601') return typeof value === 'string' ? parseIso(value) : Number.NaN;
  if (typeof value === 'number') return fromNumber(value, unit);
  if (typeof value === 'string') {
    // The last three digits of nanoseconds are below the microsecond. Without them a double is exact.
    if (unit === 'ns' && DIGITS.test(value)) return Number(value.slice(0, -3)) / 1e3;
    return DECIMAL.test(value) ? fromNumber(Number(value), unit) : Number.NaN;
  }
  if (typeof value === 'bigint') return unit === 'ns' ? Number(value / 1000n) / 1e3 : fromNumber(Number(value), unit);
  return Number.NaN;
}

function fromNumber(value: number, unit: NumericUnit): number {
  switch (unit) {
    case 's':
      return Math.round(value * 1e6) / 1e3;
    case 'ms':
      return Number.isInteger(value) ? value : Math.round(value * 1e3) / 1e3;
    case 'us':
      return Math.trunc(value) / 1e3;
    case 'ns':
      return Math.trunc(value / 1e3) / 1e3;
  }
}

function coarserFits(at: number, unit: NumericUnit): boolean {
  // Seconds of the year 2100, read as milliseconds, end here. Nearly every stamp is later.
  if (at > 4.2e9) return false;
  return UNITS.some((other) => FACTORS[other] > FACTORS[unit] && plausible((at / FACTORS[unit]) * FACTORS[other]));
}

function plausible(at: number): boolean {
  return at >= PLAUSIBLE_FROM_AT && at < PLAUSIBLE_TO_AT;
}

/** Why `readTime` returned NaN, and what would be right. It names the unit that the value looks like, if there is one. */
export function explainTime(value: unknown, unit: TimeUnit): string {
  if (unit === 'iso8601') return explainIso(value);
  const looksLike = guessUnit(value, unit);
  if (looksLike !== undefined)
    return `${describeValue(value)} looks like ${looksLike}, but the stream declares ${unit}; correct the unit of its time`;
  if (typeof value === 'string' && !Number.isNaN(parseIso(value))) {
    return `${describeValue(value)} is ISO 8601, but the stream declares ${unit}; set the unit of its time to "iso8601"`;
  }
  const numeric = Number.isFinite(toMs(value, unit));
  const found = numeric ? `is not a time from 1970 to 2261 in ${NAMES[unit]}` : 'is not a number';
  return `${describeValue(value)} ${found}; send ${NAMES[unit]} since 1970-01-01T00:00:00Z`;
}

function explainIso(value: unknown): string {
  const looksLike = guessUnit(value, 'iso8601');
  if (looksLike !== undefined)
    return `${describeValue(value)} looks like ${looksLike}, but the stream declares iso8601; correct the unit of its time`;
  if (typeof value === 'string' && Number.isFinite(parseIso(`${value}Z`))) {
    return `${describeValue(value)} has no time zone; append "Z" for UTC, or an offset such as "+02:00"`;
  }
  const range =
    typeof value === 'string' && Number.isFinite(parseIso(value))
      ? 'is outside the years 1970 to 2261'
      : 'is not an ISO 8601 time';
  return `${describeValue(value)} ${range}; send one such as "2026-01-31T12:00:00.123Z"`;
}

function guessUnit(value: unknown, declared: TimeUnit): string | undefined {
  const other = UNITS.find((unit) => unit !== declared && plausible(toMs(value, unit)));
  return other === undefined ? undefined : NAMES[other];
}
