import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { explainTime, readTime } from '../../engine/decode/timestamps.ts';
import type { TimeUnit } from '../../engine/model/config.ts';

const AT = Date.UTC(2023, 10, 14, 22, 13, 20);

describe('a time is read', () => {
  test.each<[TimeUnit, unknown, number]>([
    ['s', 1_700_000_000, AT],
    ['s', 1_700_000_000.123456, AT + 123.456],
    ['s', '1700000000', AT],
    ['s', '1700000000.5', AT + 500],
    ['s', ' 1.7e9 ', AT],
    ['s', 1_700_000_000n, AT],
    ['s', 0, 0],
    ['ms', 1_700_000_000_123, AT + 123],
    ['ms', 1_700_000_000_123.4568, AT + 123.457],
    ['ms', '1700000000123', AT + 123],
    ['ms', 1_700_000_000_123n, AT + 123],
    ['ms', 1_000, 1_000],
    ['us', 1_700_000_000_123_456, AT + 123.456],
    ['us', '1700000000123456', AT + 123.456],
    ['us', 1_700_000_000_123_456n, AT + 123.456],
    ['us', 1_700_000_000_123_456.8, AT + 123.456],
    ['ns', '1700000000123456789', AT + 123.456],
    ['ns', 1_700_000_000_123_456_789n, AT + 123.456],
    ['ns', '999', 0],
    ['iso8601', '2023-11-14T22:13:20Z', AT],
    ['iso8601', '2023-11-14t22:13:20z', AT],
    ['iso8601', '2023-11-14 22:13:20+00:00', AT],
    ['iso8601', '2023-11-14T22:13Z', AT - 20_000],
    ['iso8601', '2023-11-14T22:13+00', AT - 20_000],
    ['iso8601', '2023-11-15T03:43:20+0530', AT],
    ['iso8601', '2023-11-15T03:43:20+05:30', AT],
    ['iso8601', '2023-11-14T17:13:20-05', AT],
    ['iso8601', '2023-11-14T22:13:20.1Z', AT + 100],
    ['iso8601', '2023-11-14T22:13:20,25Z', AT + 250],
    ['iso8601', '2023-11-14T22:13:20.123456Z', AT + 123.456],
    ['iso8601', '2023-11-14T22:13:20.123456999Z', AT + 123.456],
    ['iso8601', '2024-02-29T00:00:00Z', Date.UTC(2024, 1, 29)],
    ['iso8601', '2000-02-29T00:00:00Z', Date.UTC(2000, 1, 29)],
    ['iso8601', '2016-12-31T23:59:60Z', Date.UTC(2017, 0, 1)],
    ['iso8601', '1970-01-01T00:00:00Z', 0],
    ['iso8601', '2261-12-31T23:59:59.999Z', Date.UTC(2262, 0, 1) - 1],
  ])('%s %s', (unit, value, expected) => {
    expect(readTime(value, unit)).toBe(expected);
  });

  test('ISO 8601 as the platform writes it', () => {
    const noInvalid = { noInvalidDate: true, min: new Date(0), max: new Date(Date.UTC(2261, 11, 31)) };
    fc.assert(fc.property(fc.date(noInvalid), (date) => readTime(date.toISOString(), 'iso8601') === date.getTime()));
  });

  test('whole microseconds keep their value in every unit that holds them', () => {
    const micros = fc.integer({ min: Date.UTC(2000, 0, 1) * 1_000, max: Date.UTC(2100, 0, 1) * 1_000 });
    fc.assert(
      fc.property(micros, (us) => {
        const fraction = String(us % 1_000_000).padStart(6, '0');
        const seconds = `${Math.floor(us / 1_000_000)}.${fraction}`;
        const iso = `${new Date(Math.floor(us / 1e6) * 1e3).toISOString().slice(0, 19)}.${fraction}Z`;
        for (const [value, unit] of [
          [seconds, 's'],
          [us / 1_000, 'ms'],
          [us, 'us'],
          [`${us}789`, 'ns'],
          [iso, 'iso8601'],
        ] as const) {
          expect(Math.round(readTime(value, unit) * 1_000)).toBe(us);
        }
      }),
    );
  });
});

describe('an invalid time is refused, and the message says why', () => {
  test.each<[TimeUnit, unknown, RegExp]>([
    ['s', 1_700_000_000_000, /looks like milliseconds, but the stream declares s/],
    ['s', '1700000000000000', /looks like microseconds/],
    ['ms', 1_700_000_000, /looks like seconds, but the stream declares ms/],
    ['us', 1_700_000_000_000, /looks like milliseconds/],
    ['us', 1_700_000_000, /looks like seconds/],
    ['ns', 1_700_000_000, /looks like seconds/],
    ['ms', -1, /not a time from 1970 to 2261 in milliseconds/],
    ['ms', 1e300, /not a time from 1970 to 2261/],
    ['ms', Number.NaN, /is not a number/],
    ['ms', 'soon', /text "soon" is not a number/],
    ['ms', '', /is not a number/],
    ['ms', '0x10', /is not a number/],
    ['ms', true, /true is not a number/],
    ['ms', {}, /an object is not a number/],
    ['ms', '2023-11-14T22:13:20Z', /is ISO 8601, but the stream declares ms/],
    ['iso8601', 1_700_000_000, /looks like seconds, but the stream declares iso8601/],
    ['iso8601', '1700000000000', /looks like milliseconds/],
    ['iso8601', '2023-11-14T22:13:20', /has no time zone; append "Z"/],
    ['iso8601', '2023-11-14', /is not an ISO 8601 time/],
    ['iso8601', '2023-02-29T00:00:00Z', /is not an ISO 8601 time/],
    ['iso8601', '2100-02-29T00:00:00Z', /is not an ISO 8601 time/],
    ['iso8601', '2023-13-01T00:00:00Z', /is not an ISO 8601 time/],
    ['iso8601', '2023-11-14T24:00:00Z', /is not an ISO 8601 time/],
    ['iso8601', '2023-11-14T22:60:00Z', /is not an ISO 8601 time/],
    ['iso8601', '2023-11-14T22:13:61Z', /is not an ISO 8601 time/],
    ['iso8601', '2023-11-14T22:13:20.Z', /is not an ISO 8601 time/],
    ['iso8601', '2023-11-14T22:13:20.1234567890Z', /is not an ISO 8601 time/],
    ['iso8601', '2023-11-14T22:13:20Zx', /is not an ISO 8601 time/],
    ['iso8601', '2023-11-14T22:13:20+5', /is not an ISO 8601 time/],
    ['iso8601', '2023-11-14T22:13:20+24:00', /is not an ISO 8601 time/],
    ['iso8601', '2023-11-14T22:13:20+05:3', /is not an ISO 8601 time/],
    ['iso8601', '2262-01-01T00:00:00Z', /outside the years 1970 to 2261/],
    ['iso8601', '1969-12-31T23:59:59Z', /outside the years/],
    ['iso8601', '0001-01-01T00:00:00Z', /is not an ISO 8601 time|outside/],
    ['iso8601', null, /null is not an ISO 8601 time/],
  ])('%s %s', (unit, value, words) => {
    expect(readTime(value, unit)).toBeNaN();
    expect(explainTime(value, unit)).toMatch(words);
  });

  test('any value is a time in range, or NaN with an explanation', () => {
    const units: TimeUnit[] = ['s', 'ms', 'us', 'ns', 'iso8601'];
    fc.assert(
      fc.property(fc.anything({ withBigInt: true }), fc.constantFrom(...units), (value, unit) => {
        const at = readTime(value, unit);
        if (Number.isNaN(at)) expect(explainTime(value, unit)).not.toBe('');
        else expect(at >= 0 && at < Date.UTC(2262, 0, 1)).toBe(true);
      }),
    );
  });
});
