import type { Table } from '../../engine/model/table.ts';
import { type LiveColumn, type LiveTable, quoteName } from './sql.ts';

/**
 * The rollup of a table by the minute. `<name>_1m_states` stores it, `<name>_1m_feed` (a materialized view) fills it with every insert,
 * and `<name>_1m` is the view to read: `time device <labels…> count avg_<field> min_<field> max_<field>…`, one row per device and minute.
 * Rows are kept as long as those of the table. A repeated insert changes nothing; a reading that a device sent twice, in two messages,
 * counts twice.
 */
export interface Rollup {
  readonly states: LiveTable;
  /** Name and query of the materialized view. */
  readonly feed: { readonly name: string; readonly query: string };
  /** Name and query of the view to read from. */
  readonly view: { readonly name: string; readonly query: string };
}

/** One column of the rollup: its type in the table of states, and the expressions that fill and read it. */
interface RollupColumn extends LiveColumn {
  readonly fill: string;
  readonly show: string;
}

export function rollupOf(database: string, table: Table): Rollup | undefined {
  if (table.rollup === undefined) return undefined;
  const name = `${table.name}_1m`;
  const columns = [
    count,
    ...table.rollup.labels.map(label),
    ...table.rollup.fields.flatMap((field) => [average(field), extreme('min', field), extreme('max', field)]),
  ];
  const states: LiveTable = {
    name: `${name}_states`,
    columns: [
      { name: 'minute', type: "DateTime('UTC')", codec: 'Delta, ZSTD(1)', comment: 'Start of the minute' },
      { name: 'device', type: 'LowCardinality(String)', comment: '' },
      ...columns.map(({ name, type, comment }) => ({ name, type, comment })),
    ],
    engine: 'AggregatingMergeTree',
    time: 'minute',
    orderBy: ['device', 'minute'],
    ttlDays: table.ttlDays,
  };
  const from = (source: string) => `${quoteName(database)}.${quoteName(source)} AS s`;
  const fill = columns.map((column) => `${column.fill} AS ${quoteName(column.name)}`);
  const show = columns.map((column) => `${column.show} AS ${quoteName(column.name)}`);
  return {
    states,
    feed: {
      name: `${name}_feed`,
      query:
        `SELECT toStartOfMinute(s.time) AS minute, s.device AS device, ${fill.join(', ')} ` +
        `FROM ${from(table.name)} GROUP BY minute, device`,
    },
    view: {
      name,
      query:
        `SELECT s.minute AS time, s.device AS device, ${show.join(', ')} ` +
        `FROM ${from(states.name)} GROUP BY s.device, s.minute`,
    },
  };
}

const count: RollupColumn = {
  name: 'count',
  type: 'SimpleAggregateFunction(sum, UInt64)',
  comment: 'Readings',
  fill: 'count()',
  show: 'sum(s.count)',
};

function label(name: string): RollupColumn {
  const quoted = `s.${quoteName(name)}`;
  const type = 'SimpleAggregateFunction(anyLast, LowCardinality(String))';
  return { name, type, comment: '', fill: `anyLast(${quoted})`, show: `anyLast(${quoted})` };
}

function average(field: string): RollupColumn {
  const name = `avg_${field}`;
  return {
    name,
    type: 'AggregateFunction(avg, Nullable(Float64))',
    comment: '',
    fill: `avgState(s.${quoteName(field)})`,
    show: `avgMerge(s.${quoteName(name)})`,
  };
}

function extreme(kind: 'min' | 'max', field: string): RollupColumn {
  const name = `${kind}_${field}`;
  return {
    name,
    type: `SimpleAggregateFunction(${kind}, Nullable(Float64))`,
    comment: '',
    fill: `${kind}(s.${quoteName(field)})`,
    show: `${kind}(s.${quoteName(name)})`,
  };
}
