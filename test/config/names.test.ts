import { describe, expect, it } from 'vitest';
import { checkName, RESERVED_COLUMNS, RESERVED_TABLES } from '../../engine/config/names.ts';
import { parseConfig } from '../../engine/config/parse.ts';
import { FIXED_TABLES, isReservedTable, streamTable } from '../../engine/delivery/tables.ts';
import { full } from './sample.ts';

describe('reserved names', () => {
  it('are those of the tables of Weir', () => {
    const fixed = FIXED_TABLES.map(({ name }) => name);
    const names = [...RESERVED_TABLES, ...fixed, 'a_1m', 'a_1m_states', 'a_1m_feed', 'a_1h', 'sensors', 'x'];
    for (const name of names) {
      expect([name, checkName('stream', name, [])?.code === 'reserved-name']).toEqual([name, isReservedTable(name)]);
    }
  });

  it('contain every column of Weir in the table of a stream', () => {
    const { config } = parseConfig('/weir.json', JSON.stringify(full));
    const stream = config!.streams[0]!;
    const given = [...stream.labels, ...stream.fields].map(({ name }) => name);
    const own = streamTable(stream)
      .columns.map(({ name }) => name)
      .filter((name) => !given.includes(name));
    expect(own.length).toBeGreaterThan(5);
    expect(own.filter((name) => !RESERVED_COLUMNS.includes(name))).toEqual([]);
  });
});

describe('a name', () => {
  it.each(['temp', '_a', 'A9', 'x'.repeat(64)])('%s is taken', (name) => {
    expect(checkName('field', name, [])).toBeUndefined();
  });

  it.each(['', '9a', 'a-b', 'a b', 'é', 'a`; DROP', 'x'.repeat(65)])('%s is refused', (name) => {
    expect(checkName('field', name, [])).toMatchObject({ code: 'bad-name', which: 'key' });
  });
});
