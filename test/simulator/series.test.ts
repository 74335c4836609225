import { describe, expect, test } from 'vitest';
import { parseSeries } from '../../engine/simulator/series.ts';

const NOON = Date.UTC(2013, 11, 2, 12, 0, 0);

describe('timestamps', () => {
  test.each([
    ['2013-12-02 12:00:00', NOON],
    ['2013-12-02T12:00:00', NOON],
    ['2013-12-02T12:00:00Z', NOON],
    ['2013-12-02T12:00:00.250Z', NOON + 250],
    ['2013-12-02T13:30:00+01:30', NOON],
    ['2013-12-02T07:00:00-0500', NOON],
    ['2013-12-02 12:00', NOON],
    ['2013-12-02', NOON - 12 * 3_600_000],
    [`${NOON / 1000}`, NOON],
    [`${NOON / 1000 + 0.5}`, NOON + 500],
    [`${NOON}`, NOON],
    ['"2013-12-02 12:00:00"', NOON],
  ])('%s', (text, at) => {
    expect(parseSeries(`${text},1\n`, 'f.csv')).toEqual({ points: [{ at, value: 1 }], problems: [] });
  });

  test.each([
    '2013-02-30 12:00:00',
    '2013-12-02 25:00:00',
    '2013-12-02 12:00:61',
    'yesterday',
    '',
    '12/02/2013',
    '2013-12-02T12:00:00+19:00',
    'NaN',
    '0x10',
  ])('not %j', (text) => {
    const { points, problems } = parseSeries(`2013-12-02 12:00:00,1\n${text},1\n`, 'f.csv');
    expect(points).toHaveLength(1);
    expect(problems).toMatchObject([{ code: 'invalid-timestamp', file: 'f.csv', line: 2, column: 1 }]);
  });
});

test('accepts a header, a byte order mark, CRLF, blank lines and spaces', () => {
  const { points, problems } = parseSeries('\uFEFF\r\ntimestamp,value\r\n2013-12-02 12:00:00 , 1.5e1\r\n\r\n', 'f.csv');
  expect(problems).toEqual([]);
  expect(points).toEqual([{ at: NOON, value: 15 }]);
});

test('keeps the order of the file', () => {
  expect(parseSeries('20,1\n10,2\n', 'f.csv').points.map(({ at }) => at)).toEqual([20_000, 10_000]);
});

test.each([
  [
    'an invalid value',
    '10,1\n20,  warm\n',
    { code: 'invalid-value', line: 2, column: 6 },
    '"warm" is not a finite number',
  ],
  ['an infinite value', '10,1\n20,1e999\n', { code: 'invalid-value', line: 2, column: 4 }, '"1e999"'],
  ['a missing value', '10,\n', { code: 'invalid-value', line: 1, column: 4 }, '""'],
  ['one column', 'timestamp,value\n10\n', { code: 'one-column', line: 2, column: 1 }, 'one column'],
  ['three columns', '10,1,2\n', { code: 'surplus-column', line: 1, column: 6 }, '3 columns'],
  ['a header in the middle', '10,1\ntimestamp,20\n', { code: 'invalid-timestamp', line: 2, column: 1 }, '"timestamp"'],
  ['nothing', '\n', { code: 'empty-series', line: 0, column: 0 }, 'no value'],
  ['only a header', 'timestamp,value\n', { code: 'empty-series', line: 0, column: 0 }, 'no value'],
])('%s is located and has a remedy', (_what, text, place, message) => {
  const { problems } = parseSeries(text, 'f.csv');
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatchObject({ ...place, severity: 'error', file: 'f.csv' });
  expect(problems[0]?.message).toContain(message);
  expect(problems[0]?.remedy).not.toBe('');
});

test('reports every invalid line, and both cells of a line', () => {
  const { points, problems } = parseSeries('10,1\nx,y\n30,3\nz,4\n', 'f.csv');
  expect(points).toHaveLength(2);
  expect(problems.map(({ line, column }) => [line, column])).toEqual([
    [2, 1],
    [2, 3],
    [4, 1],
  ]);
});
