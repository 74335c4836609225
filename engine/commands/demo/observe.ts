import type { ClickHouseReader } from '../../../connectors/clickhouse-reader/reader.ts';
import type { ShownAlert } from './board.ts';
import { parseMetrics } from './metrics.ts';

/** What ClickHouse holds, of messages that arrived since a given instant: of simulated devices, but for `visiting`. */
export interface StoredCounts {
  readonly rows: number;
  readonly late: number;
  readonly clamped: number;
  /** Messages among the dead letters. */
  readonly rejected: number;
  /** Of devices that are not simulated: what somebody has published by hand. */
  readonly visiting: { readonly rows: number; readonly rejected: number };
  /** Messages among the dead letters by reason, the most frequent first, whoever sent them; a message may have several. */
  readonly rejectedBy: readonly (readonly [reason: string, messages: number])[];
  /** Devices by their last change, of every run. */
  readonly online: number;
  readonly offline: number;
  /** Rows of the alerts table, from a given journal offset on. */
  readonly alertsFiring: number;
  readonly alertsResolved: number;
}

/** What the engine says of itself, since it started. */
export interface EngineFigures {
  readonly journaled: number;
  /** Messages that the broker delivered again; journaled, but not taken for new. */
  readonly redelivered: number;
  /** Journal offset that the next record will have. */
  readonly nextOffset: number;
  readonly lagMs: number;
  /** Bytes that wait for ClickHouse and NATS. */
  readonly pendingBytes: number;
  readonly residentBytes: number;
  readonly paused: boolean;
  /** What was given up, with the counter of each. */
  readonly givenUp: readonly (readonly [what: string, count: number])[];
}

const GIVEN_UP = [
  ['weir_messages_shed_total', 'shed (QoS 0)'],
  ['weir_messages_oversize_total', 'too large'],
  ['weir_retained_ignored_total', 'retained'],
  ['weir_rows_dead_lettered_total', 'refused by ClickHouse'],
  ['weir_sessions_lost_total', 'sessions lost'],
] as const;

const SINCE = 'received >= fromUnixTimestamp64Milli({since:Int64})';

/** Whether the last part of a text, a device id or a topic before its last level, is that of a simulated device; see `deviceId`. */
const isSimulated = (device: string) =>
  `match(${device}, '^dev-[0-9]{4,}$') AND toUInt32OrZero(substring(${device}, 5)) BETWEEN 1 AND {devices:UInt32}`;
const DEVICE_OF_TOPIC = `extract(topic, '^plant/[^/]+/([^/]+)/data$')`;

/** Where a run begins. */
export interface Beginning {
  /** How many devices are simulated. */
  readonly devices: number;
  /** Messages that arrived from then on belong to it; milliseconds since the epoch. */
  readonly since: number;
  /** So do alerts and events that a record of the journal from here on caused. */
  readonly offset: number;
}

/** Asks ClickHouse. */
export async function readStored(
  reader: ClickHouseReader,
  { devices, since, offset }: Beginning,
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

/** 64-bit integers may come as texts. */
type Row = Readonly<Record<string, number | string>>;

function figure(rows: readonly Row[], name: string): number {
  return Number(rows[0]?.[name] ?? 0);
}

/** Alerts that fire right now, by ClickHouse's view of them; the oldest first. */
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

/** Scrapes the engine's `/metrics`. Rejects where it does not answer. */
export async function readEngine(url: string): Promise<EngineFigures> {
  const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) });
  const metrics = parseMetrics(await answer.text());
  const of = (name: string) => metrics.get(name) ?? 0;
  return {
    journaled: of('weir_messages_journaled_total'),
    redelivered: of('weir_messages_redelivered_total'),
    nextOffset: of('weir_journal_next_offset'),
    lagMs: of('weir_lag_seconds') * 1_000,
    pendingBytes: of('weir_clickhouse_pending_bytes') + of('weir_nats_pending_bytes'),
    residentBytes: of('process_resident_memory_bytes'),
    paused: of('weir_intake_paused') === 1,
    givenUp: GIVEN_UP.map(([name, what]) => [what, of(name)] as const),
  };
}

/**
 * Figures of which only that is given up which was not so before. A broker that has just started, say, has forgotten the session of the
 * run before; but it holds no message of this one.
 */
export function sinceBefore(now: EngineFigures, before: EngineFigures): EngineFigures {
  const known = new Map(before.givenUp);
  const givenUp = now.givenUp.map(([what, times]) => [what, times - (known.get(what) ?? 0)] as const);
  return { ...now, givenUp: givenUp.filter(([, times]) => times > 0) };
}
