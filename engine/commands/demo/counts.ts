import type { ClickHouseReader } from '../../../connectors/clickhouse-reader/reader.ts';
import type { ShownAlert } from './alert-tracker.ts';
import { parseMetrics } from './metrics.ts';

/**
 * Counts from ClickHouse, of messages that arrived since the start of the run. They count simulated devices only, except `visiting`,
 * which counts the messages of other publishers (users of the demo).
 */
export interface StoredCounts {
  readonly rows: number;
  readonly late: number;
  readonly clamped: number;
  /** Number of messages in the dead letter table. */
  readonly rejected: number;
  /** Counts of devices that are not simulated, for example of readings that the user has published by hand. */
  readonly visiting: { readonly rows: number; readonly rejected: number };
  /** Rejected messages of all publishers by reason, the most frequent first. A message may have more than one reason. */
  readonly rejectedBy: readonly (readonly [reason: string, messages: number])[];
  /** Number of devices that are online now, of all runs. */
  readonly online: number;
  readonly offline: number;
  /** Rows of the alerts table with state firing, from the journal offset of the start. */
  readonly alertsFiring: number;
  readonly alertsResolved: number;
}

/** Values of the engine's metrics, counted since it started. */
export interface EngineFigures {
  readonly journaled: number;
  /** Messages that the broker delivered again. They are journaled, but not counted as new. */
  readonly redelivered: number;
  /** Journal offset of the next record. */
  readonly nextOffset: number;
  readonly lagMs: number;
  /** Bytes that wait for delivery to ClickHouse and NATS. */
  readonly pendingBytes: number;
  readonly residentBytes: number;
  readonly paused: boolean;
  /** What the engine has dropped or could not deliver, with the counter of each. */
  readonly dropped: readonly (readonly [what: string, count: number])[];
}

const DROPPED = [
  ['weir_messages_shed_total', 'shed (QoS 0)'],
  ['weir_messages_oversize_total', 'too large'],
  ['weir_retained_ignored_total', 'retained'],
  ['weir_rows_dead_lettered_total', 'refused by ClickHouse'],
  ['weir_sessions_lost_total', 'sessions lost'],
] as const;

const SINCE = 'received >= fromUnixTimestamp64Milli({since:Int64})';

/** SQL: whether a device id is that of a simulated device; see `deviceId`. */
const isSimulated = (device: string) =>
  `match(${device}, '^dev-[0-9]{4,}$') AND toUInt32OrZero(substring(${device}, 5)) BETWEEN 1 AND {devices:UInt32}`;
const DEVICE_OF_TOPIC = `extract(topic, '^plant/[^/]+/([^/]+)/data$')`;

/** The start of a run. Only what happens after it is counted. */
export interface RunStart {
  /** Number of simulated devices. */
  readonly devices: number;
  /** Messages that arrive at this instant or later belong to the run; milliseconds since the epoch. */
  readonly since: number;
  /** Alerts and events that are caused by this journal offset or a later one belong to the run. */
  readonly offset: number;
}

/** Reads the counts from ClickHouse. */
export async function readStored(
  reader: ClickHouseReader,
  { devices, since, offset }: RunStart,
): Promise<StoredCounts> {
  const [sensors, total, reasons, presence, alerts] = await Promise.all([
    reader.select<Row>(
      `SELECT countIf(own) AS n, countIf(own AND late) AS late, countIf(own AND clamped) AS clamped, countIf(NOT own) AS visiting
      FROM (SELECT late, clamped, ${isSimulated('device')} AS own FROM weir.sensors FINAL WHERE ${SINCE})`,
      { since, devices },
    ),
    reader.select<Row>(
      `SELECT uniqExactIf(offset, own) AS n, uniqExactIf(offset, NOT own) AS visiting
      FROM (SELECT offset, ${DEVICE_OF_TOPIC} AS device, ${isSimulated('device')} AS own FROM weir.dead_letters WHERE ${SINCE} AND topic != '')`,
      { since, devices },
    ),
    reader.select<Row & { reason: string }>(
      `SELECT reason, uniqExact(offset) AS n FROM weir.dead_letters WHERE ${SINCE} GROUP BY reason ORDER BY n DESC, reason`,
      { since },
    ),
    reader.select<Row>(
      `SELECT countIf(last) AS online, countIf(NOT last) AS offline FROM (SELECT argMax(online, (time, offset)) AS last FROM weir.devices GROUP BY stream, device)`,
    ),
    reader.select<Row>(
      `SELECT countIf(state = 'firing') AS firing, countIf(state = 'resolved') AS resolved FROM weir.alerts FINAL WHERE offset >= {offset:UInt64}`,
      { offset },
    ),
  ]);
  return {
    rows: figure(sensors, 'n'),
    late: figure(sensors, 'late'),
    clamped: figure(sensors, 'clamped'),
    rejected: figure(total, 'n'),
    rejectedBy: reasons.map((row) => [row.reason, Number(row.n)] as const),
    visiting: { rows: figure(sensors, 'visiting'), rejected: figure(total, 'visiting') },
    online: figure(presence, 'online'),
    offline: figure(presence, 'offline'),
    alertsFiring: figure(alerts, 'firing'),
    alertsResolved: figure(alerts, 'resolved'),
  };
}

/** ClickHouse may send 64-bit integers as strings. */
type Row = Readonly<Record<string, number | string>>;

function figure(rows: readonly Row[], name: string): number {
  return Number(rows[0]?.[name] ?? 0);
}

/** Open alerts, from the view in ClickHouse; the oldest first. */
export async function readOpenAlerts(reader: ClickHouseReader): Promise<ShownAlert[]> {
  const rows = await reader.select<{
    rule: string;
    key: string;
    severity: string;
    message: string;
    at: number | string;
  }>('SELECT rule, key, severity, message, toUnixTimestamp64Milli(since) AS at FROM weir.open_alerts ORDER BY since');
  return rows.map(({ at, ...alert }) => ({ ...alert, sinceAt: Number(at) }));
}

/** Scrapes the engine's `/metrics`. Rejects if the engine does not answer. */
export async function readEngine(url: string): Promise<EngineFigures> {
  const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) });
  const metrics = parseMetrics(await answer.text());
  const value = (name: string) => metrics.get(name) ?? 0;
  return {
    journaled: value('weir_messages_journaled_total'),
    redelivered: value('weir_messages_redelivered_total'),
    nextOffset: value('weir_journal_next_offset'),
    lagMs: value('weir_lag_seconds') * 1_000,
    pendingBytes: value('weir_clickhouse_pending_bytes') + value('weir_nats_pending_bytes'),
    residentBytes: value('process_resident_memory_bytes'),
    paused: value('weir_intake_paused') === 1,
    dropped: DROPPED.map(([name, what]) => [what, value(name)] as const),
  };
}

/**
 * Replaces `dropped` with the increase since the start of the run. For example, a broker that has just started has lost the session of
 * the previous run, but it lost no message of this run.
 */
export function sinceStart(now: EngineFigures, before: EngineFigures): EngineFigures {
  const known = new Map(before.dropped);
  const dropped = now.dropped.map(([what, times]) => [what, times - (known.get(what) ?? 0)] as const);
  return { ...now, dropped: dropped.filter(([, times]) => times > 0) };
}
