import { compileSchedule, zoneOffset } from '../../../engine/alerts/schedule.ts';
import { parseIso } from '../../../engine/decode/iso8601.ts';
import { type Comparison, countRight, cpuRatio, type Finding } from './measure.ts';

const { NaN: NONE } = Number;
const AT = Date.UTC(2026, 0, 31, 12, 30, 45);

/** The examples of RFC 3339 (section 5.8) and the additions of `parseIso`; NaN for texts that are not instants. */
const INSTANTS: readonly (readonly [text: string, at: number])[] = [
  ['1985-04-12T23:20:50.52Z', Date.UTC(1985, 3, 12, 23, 20, 50, 520)],
  ['1996-12-19T16:39:57-08:00', Date.UTC(1996, 11, 20, 0, 39, 57)],
  ['1990-12-31T23:59:60Z', Date.UTC(1991, 0, 1)],
  ['1990-12-31T15:59:60-08:00', Date.UTC(1991, 0, 1)],
  ['1937-01-01T12:00:27.87+00:20', Date.UTC(1937, 0, 1, 11, 40, 27, 870)],
  ['2026-01-31T12:30:45Z', AT],
  ['2026-01-31t12:30:45z', AT],
  ['2026-01-31 12:30:45Z', AT],
  ['2026-01-31T12:30:45.123456Z', AT + 123.456],
  ['2026-01-31T12:30:45.123456789Z', AT + 123.456],
  ['2026-01-31T12:30:45-00:00', AT],
  ['2026-02-01T12:29:45+23:59', AT],
  ['2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
  ['2026-01-31T12:30:45,5Z', AT + 500],
  ['2026-01-31T18:00:45+0530', AT],
  ['2026-01-31T07:30:45-05', AT],
  ['2026-01-31T12:30Z', AT - 45_000],
  ['2026-02-29T00:00:00Z', NONE],
  ['2026-13-01T00:00:00Z', NONE],
  ['2026-00-10T00:00:00Z', NONE],
  ['2026-04-31T00:00:00Z', NONE],
  ['2026-01-31T24:00:00Z', NONE],
  ['2026-01-31T12:60:00Z', NONE],
  ['2026-01-31T12:30:61Z', NONE],
  ['2026-01-31T12:30:45+24:00', NONE],
  ['2026-01-31T12:30:45+12:60', NONE],
  ['2026-01-31T12:30:45', NONE],
  ['2026-01-31', NONE],
  ['2026-1-31T12:30:45Z', NONE],
  ['2026-01-31T12:30:45.Z', NONE],
  ['2026-01-31T12:30:45Z ', NONE],
  ['2026-01-31T12:30:45+01:00Z', NONE],
  ['2026-031T12:30:45Z', NONE],
  ['20260131T123045Z', NONE],
  ['+002026-01-31T12:30:45Z', NONE],
  ['২০26-01-31T12:30:45Z', NONE],
  ['06/19/1963 08:30:06 PST', NONE],
  ['', NONE],
];

type Parse = (text: string) => number;

export const compareInstants: Comparison = async (candidates) => {
  type Temporal = { Temporal: { Instant: { from: (text: string) => { epochNanoseconds: bigint } } } };
  const { Temporal } = await candidates.load<Temporal>('temporal-polyfill');
  type Luxon = { DateTime: { fromISO: (text: string, options: object) => { toMillis: () => number } } };
  const { DateTime } = await candidates.load<Luxon>('luxon');
  const { parseISO } = await candidates.load<{ parseISO: (text: string) => Date }>('date-fns');
  const parsers: readonly (readonly [string, Parse])[] = [
    ['Date.parse', Date.parse],
    ['date-fns', (text) => parseISO(text).getTime()],
    ['luxon', (text) => DateTime.fromISO(text, { zone: 'utc' }).toMillis()],
    ['temporal-polyfill', orNaN((text) => Number(Temporal.Instant.from(text).epochNanoseconds / 1_000n) / 1_000)],
  ];
  const times = Array.from({ length: 1_000 }, (_, i) => new Date(AT + i * 12_345).toISOString());
  return parsers.map(([candidate, parse]) => ({
    thing: 'ISO 8601',
    candidate,
    right: {
      of: 'texts by RFC 3339 and our grammar',
      ours: countInstants(parseIso),
      theirs: countInstants(parse),
      total: INSTANTS.length,
    },
    cpu: cpuRatio(
      () => times.reduce((sum, text) => sum + parseIso(text), 0),
      () => times.reduce((sum, text) => sum + parse(text), 0),
    ),
  }));
};

/** Wraps a parser that throws, so that it returns NaN instead. */
function orNaN(parse: Parse): Parse {
  return (text) => {
    try {
      return parse(text);
    } catch {
      return NONE;
    }
  };
}

function countInstants(parse: Parse): number {
  return countRight(INSTANTS, ([text, at]) => Object.is(parse(text), at));
}

/** Offsets in every time zone of Node, on both sides of each clock change and every 29 days, compared with Temporal. */
export const compareTimeZones: Comparison = async (candidates) => {
  type Zoned = { offsetNanoseconds: number };
  type Temporal = {
    Temporal: { Instant: { fromEpochMilliseconds: (at: number) => { toZonedDateTimeISO: (zone: string) => Zoned } } };
  };
  const { Temporal } = await candidates.load<Temporal>('temporal-polyfill');
  type Luxon = { IANAZone: { create: (zone: string) => { offset: (at: number) => number } } };
  const { IANAZone } = await candidates.load<Luxon>('luxon');
  const { tzOffset } = await candidates.load<{ tzOffset: (zone: string, at: Date) => number }>('@date-fns/tz');
  const reference = (zone: string, at: number) =>
    Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).offsetNanoseconds / 1e6;
  const offsets: Record<string, (zone: string) => (at: number) => number> = {
    ours: zoneOffset,
    'temporal-polyfill': (zone) => (at) => reference(zone, at),
    luxon: (zone) => (at) => IANAZone.create(zone).offset(at) * 60_000,
    '@date-fns/tz': (zone) => (at) => tzOffset(zone, new Date(at)) * 60_000,
  };
  const cases = Intl.supportedValuesOf('timeZone').flatMap((zone) =>
    instantsAround(offsets.luxon!(zone)).map((at) => ({ zone, at, offset: reference(zone, at) })),
  );
  const right = Object.fromEntries(
    Object.entries(offsets).map(([name, of]) => {
      const known = new Map<string, (at: number) => number>();
      const offsetOf = (zone: string) => known.get(zone) ?? known.set(zone, of(zone)).get(zone)!;
      return [name, countRight(cases, ({ zone, at, offset }) => offsetOf(zone)(at) === offset)];
    }),
  );
  const span = { days: [true, true, true, true, true, true, true], from: 480, to: 1_080, timeZone: 'Europe/Berlin' };
  const isInside = compileSchedule([span]);
  const times = Array.from({ length: 1_000 }, (_, i) => AT + i * 10_000);
  return Object.keys(offsets)
    .slice(1)
    .map((candidate): Finding => {
      const offsetAt = offsets[candidate]!(span.timeZone);
      return {
        thing: 'time zones',
        candidate,
        right: {
          of: `offsets from 1975 to 2037, ${candidate === 'temporal-polyfill' ? 'the reference itself' : 'compared with Temporal'}`,
          ours: right.ours!,
          theirs: right[candidate]!,
          total: cases.length,
        },
        cpu: cpuRatio(
          () => times.filter(isInside).length,
          () => times.filter((at) => Math.floor((at + offsetAt(at)) / 60_000) % 1_440 >= span.from).length,
        ),
      };
    });
};

const DAY_MS = 86_400_000;

/** Every 29 days from 1975 to 2037, and the last and the first millisecond of two offsets of a zone. */
function instantsAround(offsetAt: (at: number) => number): number[] {
  const instants: number[] = [];
  for (let at = Date.UTC(1975, 0, 1); at < Date.UTC(2037, 0, 1); at += 29 * DAY_MS) {
    instants.push(at);
    let [low, high] = [at, at + 29 * DAY_MS];
    if (offsetAt(low) === offsetAt(high)) continue;
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offsetAt(middle) === offsetAt(low)) low = middle;
      else high = middle;
    }
    instants.push(low, high);
  }
  return instants;
}
