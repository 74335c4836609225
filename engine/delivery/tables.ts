import type { StreamConfig } from '../model/config.ts';
import type { FieldType } from '../model/field.ts';
import type { Column, ColumnType, Table } from '../model/table.ts';

const FIELD_TYPES = {
  number: 'Nullable(Float64)',
  boolean: 'Nullable(Bool)',
  string: 'Nullable(String)',
} satisfies Record<FieldType, ColumnType>;

const column = (name: string, type: ColumnType, comment: string): Column => ({ name, type, comment });

const HEAD: readonly Column[] = [
  column('time', 'DateTime64(6)', 'When the device measured: event time'),
  column('received', 'DateTime64(6)', 'When the message arrived'),
  column('device', 'LowCardinality(String)', 'The device that measured'),
];

const TAIL: readonly Column[] = [
  column('extra', 'Map(String, String)', 'Fields that the stream does not declare, as JSON texts'),
  column('late', 'Bool', 'Came after its windows had closed, or was a dead letter at first'),
  column('clamped', 'Bool', 'The stamp lay too far ahead of the receive time and was set back to it'),
  column('offset', 'UInt64', 'Journal offset of the message'),
  column('id', 'UInt64', 'Identity of the reading: rows of one device and time that share it are one reading'),
];

/** Columns that every stream's table has: no label or field may have one of these names. */
export const STREAM_COLUMNS: readonly string[] = [...HEAD, ...TAIL].map(({ name }) => name);

/**
 * The table of a stream, named as the stream: `time received device <labels…> <fields…> extra late clamped offset id`,
 * with a rollup by the minute. A reading that was delivered twice has one row once ClickHouse has merged its parts.
 */
export function streamTable(stream: StreamConfig): Table {
  const labels = stream.labels.map(({ name }) => column(name, 'LowCardinality(String)', 'Label'));
  const fields = stream.fields.map(({ name, type, unit }): Column => {
    return { name, type: FIELD_TYPES[type], ...(unit !== undefined && { comment: unit }) };
  });
  const numeric = stream.fields.filter(({ type }) => type === 'number');
  return {
    name: stream.name,
    columns: [...HEAD, ...labels, ...fields, ...TAIL],
    orderBy: ['device', 'time', 'id'],
    ...(stream.ttlDays !== undefined && { ttlDays: stream.ttlDays }),
    rollup: { labels: labels.map(({ name }) => name), fields: numeric.map(({ name }) => name) },
  };
}

/** Every change of state of every alert, and of severity while it fires. */
export const ALERTS: Table = {
  name: 'alerts',
  columns: [
    column('id', 'String', 'Identity of the change; the same as that of its event on NATS, where it has one'),
    column('time', 'DateTime64(6)', 'When the state changed: event time'),
    column('rule', 'LowCardinality(String)', 'Name of the rule'),
    column('version', 'LowCardinality(String)', 'Hash of the rule at that time'),
    column('severity', 'LowCardinality(String)', 'info, warning or critical'),
    column('from_state', 'LowCardinality(String)', 'State before: inactive, pending, firing or resolved'),
    column('state', 'LowCardinality(String)', 'State from then on'),
    column('stream', 'LowCardinality(String)', 'Stream that the rule reads'),
    column('key', 'String', 'What the alert is about: the values that the rule groups by'),
    column('device', 'String', 'The device, where the rule groups by it; else empty'),
    column('since', 'DateTime64(6)', 'When the conditions began to hold'),
    column('message', 'String', 'What the alert says'),
    column('facts', 'Map(String, String)', 'Value of every fact, as JSON texts'),
    column('conditions', 'String', 'Outcome of every condition, as a JSON array'),
    column('evidence_from', 'DateTime64(6)', 'First instant of the readings behind it'),
    column('evidence_to', 'DateTime64(6)', 'Last instant of the readings behind it'),
    column('offset', 'UInt64', 'Journal offset of what caused it'),
    column(
      'previous_severity',
      'LowCardinality(String)',
      'Severity before, where a firing alert changed it; else empty',
    ),
    column(
      'reason',
      'LowCardinality(String)',
      'schedule, gap, rule-changed or rule-removed, where that ended it; else empty',
    ),
    column('suppressed', 'LowCardinality(String)', 'flapping or limit, where that kept it from being told; else empty'),
  ],
  orderBy: ['rule', 'key', 'time', 'id'],
};

/** Every time that a device went offline or came back. */
export const DEVICES: Table = {
  name: 'devices',
  columns: [
    column('time', 'DateTime64(6)', 'When the change was noticed'),
    column('stream', 'LowCardinality(String)', 'Stream of the device'),
    column('device', 'String', 'The device'),
    column('online', 'Bool', 'Whether it is there from then on'),
    column('reason', 'LowCardinality(String)', 'silence, last-will, first-reading, reading or status'),
    column('last_seen', 'DateTime64(6)', 'When it was last heard of before'),
    column('offset', 'UInt64', 'Journal offset of what caused it'),
  ],
  orderBy: ['stream', 'device', 'time', 'offset', 'online'],
};

/** Messages that could not be decoded and rows that ClickHouse refused, kept for 90 days. */
export const DEAD_LETTERS: Table = {
  name: 'dead_letters',
  columns: [
    column('time', 'DateTime64(6)', 'When it was given up'),
    column('received', 'DateTime64(6)', 'When the message arrived'),
    column('stream', 'LowCardinality(String)', 'Stream, or empty where no topic matched'),
    column('topic', 'String', 'Topic of the message'),
    column('reason', 'LowCardinality(String)', 'Name of the fault'),
    column('detail', 'String', 'What was found, where, and what would be right'),
    column('payload', 'String', 'The message as it arrived, byte for byte'),
    column('offset', 'UInt64', 'Journal offset of the message'),
    column('id', 'UInt64', 'Tells the faults of one message apart'),
    column('retried', 'Nullable(DateTime64(6))', 'When it was given to the engine anew; none: not yet'),
  ],
  orderBy: ['stream', 'time', 'offset', 'id'],
  ttlDays: 90,
};

/** What views say: a row for each window and key, or for each reading. */
export const FACTS: Table = {
  name: 'facts',
  columns: [
    column('time', 'DateTime64(6)', 'End of the window: event time; without a window, the time of the reading'),
    column('start', 'DateTime64(6)', 'Start of the window; without one, the time of the reading'),
    column('rule', 'LowCardinality(String)', 'Name of the view'),
    column('version', 'LowCardinality(String)', 'Hash of the view at that time'),
    column('key', 'String', 'The values that the view groups by'),
    column('labels', 'Map(String, String)', 'The same one by one, by label'),
    column('facts', 'Map(String, Float64)', 'Values of facts that are numbers, or (as 1 and 0) booleans'),
    column('texts', 'Map(String, String)', 'Values of facts that are texts'),
    column('offset', 'UInt64', 'Journal offset of what brought it about'),
    column('id', 'String', 'Identity of the result; the same as that of its event on NATS'),
  ],
  orderBy: ['rule', 'key', 'time', 'id'],
};

/** Spans in which messages may be missing. */
export const GAPS: Table = {
  name: 'gaps',
  columns: [
    column('time', 'DateTime64(6)', 'When it was known'),
    column('broker', 'LowCardinality(String)', 'Name of the broker whose messages may be missing'),
    column('reason', 'LowCardinality(String)', 'session-lost: the broker had forgotten our session'),
    column('gap_from', 'DateTime64(6)', 'When the last message before it was received'),
    column('gap_to', 'DateTime64(6)', 'When Weir was subscribed again'),
    column('offset', 'UInt64', 'Journal offset of the mark by which it ended'),
  ],
  orderBy: ['broker', 'time', 'offset'],
};

/** The tables beside those of the streams. */
export const FIXED_TABLES: readonly Table[] = [ALERTS, DEVICES, DEAD_LETTERS, FACTS, GAPS];

/** Whether a stream of this name would get in the way of a table that Weir keeps for itself. */
export function isReservedTable(name: string): boolean {
  return (
    name === 'migrations' ||
    name === 'open_alerts' ||
    /_1m(_states|_feed)?$/.test(name) ||
    FIXED_TABLES.some((table) => table.name === name)
  );
}
