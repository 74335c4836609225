import { describe, expect, test } from 'vitest';
import { FIXED_TABLES, STREAM_COLUMNS } from '../../engine/delivery/tables.ts';
import { codeRows, codeSpans, readPage, sectionOf } from './pages.ts';

describe('the tables', () => {
  const section = sectionOf(readPage('connectors/clickhouse/README.md'), 'Tables');

  test('are all named', () => {
    const real = FIXED_TABLES.map(({ name }) => name);
    expect(codeRows(section).map(([name]) => name)).toEqual(
      expect.arrayContaining([...real, 'open_alerts', 'sensors', 'sensors_1m']),
    );
  });

  test('have the columns that the page names', () => {
    const sentence = /A stream's table has[\s\S]*?\n\n/.exec(section)![0];
    expect(codeSpans(sentence)).toEqual(expect.arrayContaining([...STREAM_COLUMNS]));
  });
});
