import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileSchedule, zoneOffset } from '../../engine/alerts/schedule.ts';
import type { ScheduleSpan } from '../../engine/model/plan/lifecycle-plan.ts';

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** `mon tue 08:00-18:00 Europe/Berlin`; without days, every day. */
function spanOf(text: string): ScheduleSpan {
  const [, days, from, to, timeZone] = /^([a-z ]*?) ?(\d\d:\d\d)-(\d\d:\d\d) (\S+)$/.exec(text)!;
  const minutes = (clock: string) => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3));
  return {
    days: DAYS.map((day) => days === '' || days!.split(' ').includes(day)),
    from: minutes(from!),
    to: minutes(to!),
    timeZone: timeZone!,
  };
}

const isInside = (at: string, ...spans: string[]) => compileSchedule(spans.map(spanOf))(Date.parse(at));

describe('a schedule', () => {
  // 2026-02-02 was a Monday.
  it.each<[string, string, string, boolean]>([
    ['begins with its first minute', '08:00-18:00 UTC', '2026-02-02T08:00:00Z', true],
    ['is not active before', '08:00-18:00 UTC', '2026-02-02T07:59:59.999Z', false],
    ['is active to the last instant', '08:00-18:00 UTC', '2026-02-02T17:59:59.999Z', true],
    ['ends with its last minute', '08:00-18:00 UTC', '2026-02-02T18:00:00Z', false],
    ['may be the whole day', '00:00-24:00 UTC', '2026-02-02T23:59:59.999Z', true],
    ['knows its days', 'mon fri 08:00-18:00 UTC', '2026-02-02T12:00:00Z', true],
    ['is not active on other days', 'tue fri 08:00-18:00 UTC', '2026-02-02T12:00:00Z', false],
    ['uses the local time of its zone', '08:00-18:00 Europe/Berlin', '2026-02-02T07:00:00Z', true],
    ['uses the local days of its zone', 'tue 00:00-24:00 Asia/Tokyo', '2026-02-02T15:00:00Z', true],
    ['knows offsets that are not whole hours', '12:00-13:00 Asia/Kathmandu', '2026-02-02T06:15:00Z', true],
    ['lasts past midnight, before midnight', '22:00-06:00 UTC', '2026-02-02T23:00:00Z', true],
    ['lasts past midnight, after midnight', '22:00-06:00 UTC', '2026-02-02T05:59:00Z', true],
    ['ends past midnight', '22:00-06:00 UTC', '2026-02-02T06:00:00Z', false],
    ['belongs to the day that it begins on', 'mon 22:00-06:00 UTC', '2026-02-03T05:00:00Z', true],
    ['does not belong to the day that it ends on', 'mon 22:00-06:00 UTC', '2026-02-02T05:00:00Z', false],
    ['lasts from saturday to sunday', 'sat 22:00-06:00 UTC', '2026-02-01T05:00:00Z', true],
    ['knows clocks that change at half past, before', '01:59-02:00 Australia/Lord_Howe', '2026-10-03T15:29:59Z', true],
    ['knows clocks that change at half past, after', '02:30-02:31 Australia/Lord_Howe', '2026-10-03T15:30:00Z', true],
    ['knows clocks that change at 00:01, before', '00:00-00:01 America/St_Johns', '2011-03-13T03:30:59Z', true],
    ['knows clocks that change at 00:01, after', '01:01-01:02 America/St_Johns', '2011-03-13T03:31:00Z', true],
    ['knows times before 1970', 'thu 00:00-24:00 UTC', '1969-12-25T12:00:00Z', true],
  ])('%s: %s', (_, span, at, inside) => {
    expect(isInside(at, span)).toBe(inside);
  });

  it('is active in any of its spans, each in its own zone', () => {
    const spans = ['mon 08:00-10:00 UTC', 'mon 12:00-13:00 Europe/Berlin'];
    const inside = ['07:59', '08:00', '10:00', '11:00', '12:00'].filter((time) =>
      isInside(`2026-02-02T${time}:00Z`, ...spans),
    );
    expect(inside).toEqual(['08:00', '11:00']);
  });

  // 2026-03-29: at 02:00 clocks in Berlin go to 03:00.
  it.each([
    ['00:59:59', false],
    ['01:00:00', true],
    ['01:29:59', true],
    ['01:30:00', false],
  ])('of 02:30 to 03:30 on the day without 02:30: at %s UTC %s', (time, inside) => {
    expect(isInside(`2026-03-29T${time}Z`, '02:30-03:30 Europe/Berlin')).toBe(inside);
  });

  it('that is in the skipped hour is not active on that day', () => {
    const minutes = Array.from({ length: 24 * 60 }, (_, i) => Date.UTC(2026, 2, 28, 23) + i * 60_000);
    const schedule = compileSchedule([spanOf('02:00-03:00 Europe/Berlin')]);
    expect(minutes.filter(schedule)).toEqual([]);
  });

  // 2026-10-25: at 03:00 clocks in Berlin go back to 02:00.
  it.each([
    ['00:29:59', false],
    ['00:30:00', true],
    ['00:59:59', true],
    ['01:00:00', false],
    ['01:29:59', false],
    ['01:30:00', true],
    ['02:29:59', true],
    ['02:30:00', false],
  ])('of 02:30 to 03:30 on the day with two: at %s UTC %s', (time, inside) => {
    expect(isInside(`2026-10-25T${time}Z`, '02:30-03:30 Europe/Berlin')).toBe(inside);
  });

  it('is the same as the local time of the runtime, minute by minute', () => {
    const zones = [
      'Europe/Berlin',
      'America/New_York',
      'Australia/Lord_Howe',
      'Pacific/Chatham',
      'Asia/Kolkata',
      'UTC',
    ];
    const spans = fc
      .record({
        days: fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }),
        from: fc.integer({ min: 0, max: 1_439 }),
        to: fc.integer({ min: 0, max: 1_440 }),
        timeZone: fc.constantFrom(...zones),
      })
      .filter(({ from, to }) => from !== to);
    const instants = fc.oneof(
      fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2030, 0) }),
      // Around changes of the offset.
      fc
        .tuple(
          fc.constantFrom(
            '2026-03-29T01:00Z',
            '2026-10-25T01:00Z',
            '2026-03-08T07:00Z',
            '2026-04-04T15:00Z',
            '2026-09-26T14:00Z',
          ),
          fc.integer({ min: -5_000_000, max: 5_000_000 }),
        )
        .map(([at, more]) => Date.parse(at) + more),
    );
    const seen = { inside: 0, outside: 0 };
    fc.assert(
      fc.property(spans, instants, (span, at) => {
        const shown = showClock(span.timeZone, at);
        const today = span.days[shown.weekday]!;
        const yesterday = span.days[(shown.weekday + 6) % 7]!;
        const inside =
          span.from < span.to
            ? today && shown.minute >= span.from && shown.minute < span.to
            : (today && shown.minute >= span.from) || (yesterday && shown.minute < span.to);
        seen[inside ? 'inside' : 'outside'] += 1;
        expect(compileSchedule([span])(at)).toBe(inside);
      }),
      { numRuns: 400 },
    );
    expect(Math.min(seen.inside, seen.outside)).toBeGreaterThan(50);
  });

  it('caches few offsets, and the right ones, over many years', () => {
    const offsetAt = zoneOffset('Europe/Berlin');
    for (let day = 0; day < 2_000; day++) {
      const at = Date.UTC(2020, 0, 1 + day, 12);
      const { minute } = showClock('Europe/Berlin', at);
      expect(offsetAt(at)).toBe((minute - 720) * 60_000);
    }
  });
});

const formats = new Map<string, Intl.DateTimeFormat>();

/** The local time of a zone, as the runtime formats it. */
function showClock(timeZone: string, at: number): { weekday: number; minute: number } {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    formats.set(timeZone, format);
  }
  const [, day, hour, minute] = /^(\w+),? (\d+):(\d+)$/.exec(format.format(at))!;
  return { weekday: DAYS.indexOf(day!.toLowerCase()), minute: Number(hour) * 60 + Number(minute) };
}
