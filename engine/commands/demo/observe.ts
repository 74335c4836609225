import type { Reader } from '../../../connectors/clickhouse-reader/reader.ts';
import type { ShownAlert } from './board.ts';
import { parseMetrics } from './metrics.ts';

/** What ClickHouse holds, of messages that arrived since a given instant. */
export interface Stored {
  readonly rows: number;
  readonly late: number;
  readonly clamped: number;
  /** Messages among the dead letters. */
  readonly rejected: number;
  /** The same by reason, the most frequent first; a message may have several. */
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
  /** Journal offset that the next record will have. */
  readonly nextOffset: number;
  readonly lagMs: number;
  /** Bytes that wait for ClickHouse and NATS. */
  readonly pendingBytes: number;
  readonly residentBytes: number;
  readonly paused: boolean;
  /** Counters of what was given up, with what stands for each; those above zero. */
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

/** Where a run begins. */
export interface Beginning {
  /** Messages that arrived from then on belong to it; milliseconds since the epoch. */
  readonly since: number;
  /** So do alerts and events that a record of the journal from here on caused. */
  readonly offset: number;
}

/** Asks ClickHouse. */
export async function readStored(reader: Reader, { since, offset }: Beginning): Promise<Stored> {
  const [sensors, total, reasons, devices, alerts] = await Promise.all([
    reader.select<Row>(
      `SELECT count() AS n, countIf(late) AS late, countIf(clamped) AS clamped FROM weir.sensors FINAL WHERE ${SINCE}`,
      { since },
    ),
    reader.select<Row>(`SELECT uniqExact(offset) AS n FROM weir.dead_letters WHERE ${SINCE} AND topic != ''`, {
      since,
    }),
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
    online: figure(devices, 'online'),
    offline: figure(devices, 'offline'),
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
export async function readOpenAlerts(reader: Reader): Promise<ShownAlert[]> {
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
    nextOffset: of('weir_journal_next_offset'),
    lagMs: of('weir_lag_seconds') * 1_000,
    pendingBytes: of('weir_clickhouse_pending_bytes') + of('weir_nats_pending_bytes'),
    residentBytes: of('process_resident_memory_bytes'),
    paused: of('weir_intake_paused') === 1,
    givenUp: GIVEN_UP.flatMap(([name, what]) => (of(name) > 0 ? [[what, of(name)] as const] : [])),
  };
}
