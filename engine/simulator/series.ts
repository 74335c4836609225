import type { Problem } from '../document/problem.ts';

/** One value of a recorded series. */
export interface Point {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly value: number;
}

export interface Series {
  /** The points in the order of the file. */
  readonly points: readonly Point[];
  /** One problem for each line that could not be parsed, with its position. */
  readonly problems: readonly Problem[];
}

interface Cell {
  readonly text: string;
  /** Column in the line, from 1. */
  readonly column: number;
}

// `T`, seconds, fraction and zone are optional.
const STAMP = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?)?(Z|[+-]\d\d:?\d\d)?$/i;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
/** Numbers below this are seconds, others milliseconds. As seconds it is the year 5138, as milliseconds 1973. */
const FIRST_MILLISECONDS = 1e11;

/**
 * Parses lines `timestamp,value`. The first line is a header if neither of its cells is valid. Timestamps are ISO 8601 or
 * `YYYY-MM-DD HH:MM:SS` (UTC if they have no zone), or seconds or milliseconds since the epoch.
 */
export function parseSeries(text: string, file: string): Series {
  const points: Point[] = [];
  const problems: Problem[] = [];
  let headerPossible = true;
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (line.trim() === '') continue;
    const parsed = parseLine(cellsOf(line), file, index + 1);
    if (!Array.isArray(parsed)) points.push(parsed);
    // If neither cell of the first non-empty line is valid, the line is a header.
    else if (!(headerPossible && parsed.length === 2)) problems.push(...parsed);
    headerPossible = false;
  }
  if (points.length === 0 && problems.length === 0) {
    problems.push({
      code: 'empty-series',
      severity: 'error',
      file,
      line: 0,
      column: 0,
      message: 'the file has no values',
      remedy: 'Give lines of the form 2024-05-01 12:00:00,23.4',
    });
  }
  return { points, problems };
}

/** The codes of invalid lines, with their remedies. */
const REMEDIES = {
  'one-column': 'Give a timestamp and a value, with a comma between them.',
  'surplus-column': 'Keep two columns, a timestamp and a value; replay one field at a time.',
  'invalid-timestamp':
    'Write 2024-05-01T12:00:00Z, 2024-05-01 12:00:00 (read as UTC), or seconds or milliseconds since 1970.',
  'invalid-value': 'Write a decimal number such as 23.4, or delete the line.',
} as const;

function parseLine(cells: readonly Cell[], file: string, line: number): Point | Problem[] {
  const problems: Problem[] = [];
  const fault = (code: keyof typeof REMEDIES, column: number, message: string) => {
    problems.push({ code, severity: 'error', file, line, column, message, remedy: REMEDIES[code] });
    return problems;
  };
  const [stamp, value, surplus] = cells;
  if (stamp === undefined || value === undefined) return fault('one-column', 1, 'the line has one column');
  if (surplus !== undefined) return fault('surplus-column', surplus.column, `the line has ${cells.length} columns`);
  const at = parseStamp(stamp.text);
  const number = NUMBER.test(value.text) ? Number(value.text) : Number.NaN;
  if (at !== undefined && Number.isFinite(number)) return { at, value: number };
  if (at === undefined) fault('invalid-timestamp', stamp.column, `"${stamp.text}" is not a timestamp`);
  if (!Number.isFinite(number)) fault('invalid-value', value.column, `"${value.text}" is not a finite number`);
  return problems;
}

function cellsOf(line: string): Cell[] {
  let start = 0;
  return line.split(',').map((raw) => {
    const column = start + 1 + (raw.length - raw.trimStart().length);
    start += raw.length + 1;
    return { text: raw.trim().replace(/^"(.*)"$/, '$1'), column };
  });
}

/** Returns milliseconds since the epoch; undefined if the text is not a valid date and time. */
function parseStamp(text: string): number | undefined {
  if (NUMBER.test(text)) {
    const number = Number(text);
    const ms = Math.abs(number) < FIRST_MILLISECONDS ? number * 1000 : number;
    return Math.abs(ms) <= 8.64e15 ? ms : undefined;
  }
  const match = STAMP.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] = match;
  const canonical = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const utc = Date.parse(`${canonical}Z`);
  // Date.parse accepts the 30th of February as the 1st of March.
  if (Number.isNaN(utc) || new Date(utc).toISOString().slice(0, 19) !== canonical) return undefined;
  const offsetMs = zoneOffsetMs(zone);
  return offsetMs === undefined ? undefined : utc + Number(`0${fraction}`) * 1000 - offsetMs;
}

function zoneOffsetMs(zone: string): number | undefined {
  if (zone.toUpperCase() === 'Z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(-2));
  if (hours > 18 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
