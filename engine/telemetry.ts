/** Every counter that Weir keeps, with its help text. Names are metrics (`weir_<name>_total`): fixed. */
export const COUNTERS = {
  messages_received: 'Messages taken from brokers.',
  messages_journaled: 'Messages durably in the journal.',
  messages_acknowledged: 'QoS 1 and 2 messages acknowledged to the broker.',
  messages_shed: 'QoS 0 messages given up because the engine could not keep up.',
  messages_oversize: 'Messages above the size limit, acknowledged and left out.',
  messages_unwanted:
    'Messages that no subscription of the config asks for: by one that was removed, or by one that merges several; acknowledged and left out.',
  acknowledgements_dropped:
    'Acknowledgements of connections that were gone by then; the broker sends those messages again.',
  sessions_lost: 'Times the broker had forgotten the session: a possible gap.',
  messages_redelivered:
    'Messages that a broker delivered again though they were in the journal already; not judged twice.',
  messages_redriven: 'Messages of dead letters, taken into the journal again.',
  redrives_rejected: 'Files of dead letters to redrive that could not be read; they are kept.',
  readings: 'Readings decoded.',
  readings_repeated: 'Readings that had come before, by their sequence number; neither judged nor stored again.',
  readings_missed: 'Readings that never came, by the gaps in the sequence numbers of their devices.',
  readings_late: 'Readings that came after their window had closed.',
  readings_out_of_order: 'Readings older than one before them, which rules with running facts did not look at.',
  readings_hurried: 'Readings taken into a window before older ones had their time to come, because too many waited.',
  readings_over_device_limit: 'Readings of devices above `limits.devices`; stored, and not judged.',
  readings_over_key_limit: 'Readings of keys above `limits.keys`, which the rules that group by them did not look at.',
  readings_over_group_limit:
    'Readings of devices that are too many for the groups of a window, which did not take them in.',
  statuses_over_device_limit: 'Messages of status topics about devices above `limits.devices`; left out.',
  readings_clamped: 'Readings whose stamp lay too far ahead and was set back to the receive time.',
  device_clock_jumps:
    'Times that the clock of a device went further than time did: what rules remember of the device begins from the start.',
  retained_ignored: 'Retained messages without a stamp of their own, which say nothing about now.',
  retained_repeated: 'Retained messages that a subscription had brought before; neither judged nor stored again.',
  readings_outdated:
    'Retained readings no newer than what their device has sent, or with a stamp too far ahead; neither judged nor stored.',
  fields_ignored: 'Undeclared fields that the stream ignores.',
  rejected: 'Messages and readings that could not be decoded.',
  windows_closed: 'Windows closed.',
  transitions: 'Changes of state of alerts.',
  events_suppressed: 'Changes of alerts that were not told because of `flapping` or `limit`; they stand in the table.',
  events_published: 'Events that NATS has confirmed.',
  events_retried: 'Publications tried again.',
  events_shortened: 'Events that NATS takes only in a shorter form.',
  events_dead_lettered: 'Events that NATS refuses, now among the dead letters.',
  rows_inserted: 'Rows that ClickHouse has confirmed.',
  batches_inserted: 'Batches that ClickHouse has confirmed.',
  inserts_retried: 'Inserts tried again.',
  views_skipped: 'Inserts that a materialized view of somebody else went without, for it failed.',
  rows_dead_lettered: 'Rows that ClickHouse refused, now among the dead letters.',
  attributes_changed: 'Changes of attributes of devices, taken into the journal.',
  attributes_rejected: 'Files and entries of attributes that could not be used; what was known stays.',
  journal_records_lost: 'Acknowledged records that a damaged journal lost.',
  checkpoints_unreadable:
    'Checkpoints that could not be read; an older one, or the journal from its start, took their place.',
  checkpoints_failed: 'Checkpoints that could not be written; the one before and the journal are kept.',
  http_connections_closed:
    'Connections to the HTTP server that it closed: too many, too many requests at once, or answers that nobody read.',
  log_lines_dropped: 'Lines of the log that could not be written, such as to a full disk.',
  clock_steps: "Times that this machine's clock was set by more than a second.",
  journal_bytes: 'Bytes appended to the journal.',
  journal_syncs: 'Group commits of the journal.',
} as const;

export type CounterName = keyof typeof COUNTERS;

/** Plain numbers, incremented where things happen and read when someone asks. Never an input to an outcome. */
export type Counters = Record<CounterName, number>;

export function createCounters(): Counters {
  return Object.fromEntries(Object.keys(COUNTERS).map((name) => [name, 0])) as Counters;
}
