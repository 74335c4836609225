/** All counters of Weir with their help texts. The metric of each has the name `weir_<name>_total`. Users rely on these names. */
export const COUNTERS = {
  messages_received: 'Messages received from brokers.',
  messages_journaled: 'Messages that are durable in the journal.',
  messages_acknowledged: 'QoS 1 and 2 messages acknowledged to the broker.',
  messages_shed: 'QoS 0 messages dropped because the engine could not store them fast enough.',
  messages_oversize: 'Messages above the size limit, acknowledged and not stored.',
  messages_unwanted:
    'Messages that no subscription of the config asks for, received through a removed or a merged subscription; acknowledged and dropped.',
  acknowledgements_dropped: 'Acknowledgements whose connection was closed; the broker sends those messages again.',
  sessions_lost: 'Sessions that a broker has lost; each is a possible gap.',
  messages_redelivered:
    'Messages that a broker delivered again although they were in the journal; not evaluated twice.',
  messages_redriven: 'Messages of dead letters, appended to the journal again.',
  redrives_rejected: 'Files of dead letters to redrive that could not be read; the files are kept.',
  readings: 'Readings decoded.',
  readings_repeated: 'Duplicate readings, by their sequence number; neither evaluated nor stored again.',
  readings_missed: 'Readings that never arrived, by the gaps in the sequence numbers of their devices.',
  readings_late: 'Readings that arrived after their window had closed.',
  readings_out_of_order:
    'Readings older than an earlier one of the same key, which rules over single readings did not evaluate.',
  readings_hurried: 'Readings evaluated before older ones had time to arrive, because too many readings waited.',
  readings_over_device_limit: 'Readings of devices above `limits.devices`; stored, not evaluated.',
  readings_over_key_limit:
    'Readings of keys above `limits.keys`, which rules that group by such keys did not evaluate.',
  readings_over_group_limit: 'Readings of devices that are too many for the groups of a window; not in the window.',
  statuses_over_device_limit: 'Status messages of devices above `limits.devices`; ignored.',
  readings_clamped: 'Readings with a timestamp too far in the future, which was replaced by the receive time.',
  device_clock_jumps: 'Jumps of the clock of a device into the future; rules begin from the start for this device.',
  retained_ignored: 'Retained messages without a timestamp, which say nothing about the present; ignored.',
  retained_repeated: 'Duplicate retained messages of a subscription; neither evaluated nor stored again.',
  readings_outdated:
    'Retained readings that are not newer than the last reading of their device, or have a timestamp too far in the future; neither evaluated nor stored.',
  fields_ignored: 'Undeclared fields that the stream ignores.',
  rejected: 'Messages and readings that could not be decoded.',
  windows_closed: 'Windows closed.',
  transitions: 'Changes of state of alerts.',
  events_suppressed:
    'Changes of alerts that were not published because of `flapping` or `limit`; they are in the table.',
  events_published: 'Events that NATS has confirmed.',
  events_retried: 'Publications tried again.',
  events_shortened: 'Events that NATS accepted only in a shorter form.',
  events_dead_lettered: 'Events that NATS refused in every form, now dead letters.',
  rows_inserted: 'Rows that ClickHouse has confirmed.',
  batches_inserted: 'Batches that ClickHouse has confirmed.',
  inserts_retried: 'Inserts tried again.',
  views_skipped: 'Inserts that a materialized view of another owner did not get, because the view failed.',
  rows_dead_lettered: 'Rows that ClickHouse refused, now dead letters.',
  attributes_changed: 'Changes of attributes of devices, appended to the journal.',
  attributes_rejected: 'Files and entries of attributes that could not be used; the known attributes are kept.',
  journal_records_lost: 'Acknowledged records that a damaged journal lost.',
  checkpoints_unreadable:
    'Checkpoints that could not be read; Weir used the previous one, or the journal from its start.',
  checkpoints_failed: 'Checkpoints that could not be written; the previous one and the journal are kept.',
  http_connections_closed:
    'Connections that the HTTP server closed: too many connections, too many requests at once, or unread answers.',
  log_lines_dropped: 'Log lines that could not be written, for example to a full disk.',
  clock_steps: 'Changes of the clock of this machine by more than a second.',
  journal_bytes: 'Bytes appended to the journal.',
  journal_syncs: 'Group commits of the journal.',
} as const;

export type CounterName = keyof typeof COUNTERS;

/** Plain numbers, which the code increments and the metrics read. They never affect an outcome. */
export type Counters = Record<CounterName, number>;

/** Counters that are all 0. */
export function createCounters(): Counters {
  return Object.fromEntries(Object.keys(COUNTERS).map((name) => [name, 0])) as Counters;
}

/** All measured durations with their help texts. The histogram of each has the name `weir_<name>_seconds`. */
export const TIMINGS = {
  journal_commit: 'Time from the arrival of messages until they are durable in the journal.',
  fold: 'Time to fold an array of records; everything else waits meanwhile.',
  event_publish: 'Time until NATS has confirmed an event and its KV entry, without the time in the queue.',
} as const;

type TimingName = keyof typeof TIMINGS;

/** Upper bounds of the buckets of a histogram; milliseconds. A last bucket has all longer durations. */
export const BUCKETS_MS: readonly number[] = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 1_000, 5_000];

/** How many durations were in each bucket, and their sum. They never affect an outcome. */
export interface Timing {
  readonly counts: number[];
  sumMs: number;
}

export type Timings = Readonly<Record<TimingName, Timing>>;

/** Timings without any duration. */
export function createTimings(): Timings {
  const empty = (): Timing => ({ counts: Array(BUCKETS_MS.length + 1).fill(0), sumMs: 0 });
  return Object.fromEntries(Object.keys(TIMINGS).map((name) => [name, empty()])) as Record<TimingName, Timing>;
}

/** Adds a duration in milliseconds. */
export function addDuration(timing: Timing, ms: number): void {
  let bucket = 0;
  while (bucket < BUCKETS_MS.length && ms > BUCKETS_MS[bucket]!) bucket++;
  timing.counts[bucket]! += 1;
  timing.sumMs += ms;
}
