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
  column('time', 'DateTime64(6)', 'Event time: when the device measured'),
  column('received', 'DateTime64(6)', 'Receive time: when the message arrived'),
  column('device', 'LowCardinality(String)', 'Id of the device that measured'),
];

const TAIL: readonly Column[] = [
  column('extra', 'Map(String, String)', 'Fields that the stream does not declare, as JSON texts'),
  column('late', 'Bool', 'Late data: the reading arrived after its windows had closed, or it is a retried dead letter'),
  column('clamped', 'Bool', 'The stamp was too far ahead of the receive time, so time is the receive time'),
  column('offset', 'UInt64', 'Journal offset of the message'),
  column('id', 'UInt64', 'Identity of the reading: rows with equal device, time and id are the same reading'),
];

/** Names of the columns that every stream's table has. No label or field may have one of them. */
export const STREAM_COLUMNS: readonly string[] = [...HEAD, ...TAIL].map(({ name }) => name);

/**
 * The table of a stream, with the name of the stream and the columns `time received device <labels…> <fields…> extra late clamped offset id`,
 * and a rollup by the minute. A reading that was delivered twice has one row after ClickHouse has merged its parts.
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

/** The table of all changes of an alert's state, and of its severity while it fires. */
export const ALERTS: Table = {
  name: 'alerts',
  columns: [
    column('id', 'String', 'Id of the change; equal to the id of its event on NATS, if it has one'),
    column('time', 'DateTime64(6)', 'Event time of the change'),
    column('rule', 'LowCardinality(String)', 'Name of the rule'),
    column('version', 'LowCardinality(String)', 'Hash of the rule at the time of the change'),
    column('severity', 'LowCardinality(String)', 'Severity after the change: info, warning or critical'),
    column('from_state', 'LowCardinality(String)', 'State before the change: inactive, pending, firing or resolved'),
    column('state', 'LowCardinality(String)', 'State after the change'),
    column('stream', 'LowCardinality(String)', 'Stream of the rule'),
    column('key', 'String', 'Key of the alert: the values of the labels that the rule groups by'),
    column('device', 'String', 'Device of the alert, if the rule groups by device; else empty'),
    column('since', 'DateTime64(6)', 'When the conditions began to hold'),
    column('message', 'String', 'Message of the alert'),
    column('facts', 'Map(String, String)', 'Value of every fact, as JSON texts'),
    column('conditions', 'String', 'Outcome of every condition, as a JSON array'),
    column('evidence_from', 'DateTime64(6)', 'Event time of the first reading that led to the change'),
    column('evidence_to', 'DateTime64(6)', 'Event time of the last reading that led to the change'),
    column('offset', 'UInt64', 'Journal offset of the record that caused the change'),
    column(
      'previous_severity',
      'LowCardinality(String)',
      'Severity before the change, if the severity of a firing alert changed; else empty',
    ),
    column(
      'reason',
      'LowCardinality(String)',
      'schedule, gap, rule-changed or rule-removed, if this ended the alert; else empty',
    ),
    column(
      'suppressed',
      'LowCardinality(String)',
      'flapping or limit, if the event was not published for this reason; else empty',
    ),
  ],
  orderBy: ['rule', 'key', 'time', 'id'],
};

/** The table of devices that went offline or came back online. */
export const DEVICES: Table = {
  name: 'devices',
  columns: [
    column('time', 'DateTime64(6)', 'Receive time at which the change was detected'),
    column('stream', 'LowCardinality(String)', 'Stream of the device'),
    column('device', 'String', 'Id of the device'),
    column('online', 'Bool', 'Whether the device is online after the change'),
    column(
      'reason',
      'LowCardinality(String)',
      'Cause of the change: silence, last-will, first-reading, reading or status',
    ),
    column('last_seen', 'DateTime64(6)', 'When the device was last seen before the change'),
    column('offset', 'UInt64', 'Journal offset of the record that caused the change'),
  ],
  orderBy: ['stream', 'device', 'time', 'offset', 'online'],
};

/** The dead letter queue: messages that could not be decoded, rows that ClickHouse refused and events that NATS refused, kept for 90 days. */
export const DEAD_LETTERS: Table = {
  name: 'dead_letters',
  columns: [
    column('time', 'DateTime64(6)', 'When it became a dead letter'),
    column('received', 'DateTime64(6)', 'Receive time: when the message arrived'),
    column('stream', 'LowCardinality(String)', 'Stream (of a refused row: table); empty if no topic matched'),
    column('topic', 'String', 'Topic of the message'),
    column('reason', 'LowCardinality(String)', 'Name of the fault'),
    column('detail', 'String', 'What was found, where, and what would be right'),
    column('payload', 'String', 'The message as it arrived, byte for byte'),
    column('offset', 'UInt64', 'Journal offset of the message'),
    column('id', 'UInt64', 'Distinguishes several faults of one message'),
    column('retried', 'Nullable(DateTime64(6))', 'When it was retried; NULL: not yet'),
  ],
  orderBy: ['stream', 'time', 'offset', 'id'],
  ttlDays: 90,
};

/** The table of the results of views: a row for each window and key, or for each reading. */
export const FACTS: Table = {
  name: 'facts',
  columns: [
    column('time', 'DateTime64(6)', 'Event time: end of the window; without a window, the time of the reading'),
    column('start', 'DateTime64(6)', 'Start of the window; without a window, the time of the reading'),
    column('rule', 'LowCardinality(String)', 'Name of the view'),
    column('version', 'LowCardinality(String)', 'Hash of the view at the time of the result'),
    column('key', 'String', 'Key: the values of the labels that the view groups by'),
    column('labels', 'Map(String, String)', 'The same values, each with the name of its label'),
    column('facts', 'Map(String, Float64)', 'Values of the facts that are numbers or booleans (as 1 and 0)'),
    column('texts', 'Map(String, String)', 'Values of the facts that are texts'),
    column('offset', 'UInt64', 'Journal offset of the record that caused the result'),
    column('id', 'String', 'Id of the result; equal to the id of its event on NATS'),
  ],
  orderBy: ['rule', 'key', 'time', 'id'],
};

/** The table of gaps, in which messages may be missing. */
export const GAPS: Table = {
  name: 'gaps',
  columns: [
    column('time', 'DateTime64(6)', 'When the gap was detected'),
    column('broker', 'LowCardinality(String)', 'Name of the broker whose messages may be missing'),
    column('reason', 'LowCardinality(String)', 'session-lost: the broker lost the session of Weir'),
    column('gap_from', 'DateTime64(6)', 'Start of the gap: when the last message before it was received'),
    column('gap_to', 'DateTime64(6)', 'End of the gap: when Weir was subscribed again'),
    column('offset', 'UInt64', 'Journal offset of the mark that ended the gap'),
  ],
  orderBy: ['broker', 'time', 'offset'],
};

/** All tables except those of the streams. */
export const FIXED_TABLES: readonly Table[] = [ALERTS, DEVICES, DEAD_LETTERS, FACTS, GAPS];

/** Whether the name belongs to a table or view of Weir, so that no stream may have it. */
export function isReservedTable(name: string): boolean {
  return (
    name === 'migrations' ||
    name === 'open_alerts' ||
    /_1m(_states|_feed)?$/.test(name) ||
    FIXED_TABLES.some((table) => table.name === name)
  );
}
