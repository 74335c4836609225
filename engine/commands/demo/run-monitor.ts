import { setTimeout as delay } from 'node:timers/promises';
import { type ClickHouseReader, createClickHouseReader } from '../../../connectors/clickhouse-reader/reader.ts';
import { type Subscriber, subscribe } from '../../../connectors/nats-subscriber/subscriber.ts';
import { type AlertTracker, createAlertTracker } from './alert-tracker.ts';
import {
  type EngineFigures,
  type RunStart,
  readEngine,
  readOpenAlerts,
  readStored,
  type StoredCounts,
  sinceStart,
} from './counts.ts';
import type { EngineProcess } from './engine.ts';
import { noAnswer } from './errors.ts';
import type { Servers } from './servers.ts';

/** Observes a run from outside: ClickHouse, NATS and the engine's metrics. */
export interface RunMonitor {
  readonly alerts: AlertTracker;
  /** Counts from ClickHouse at the last refresh. */
  readonly stored: StoredCounts;
  readonly engine: EngineFigures;
  /** Counts before the first message. */
  readonly before: StoredCounts;
  /** Reads ClickHouse and the engine's metrics once. If one does not answer, its last values remain. */
  refresh(): Promise<void>;
  /** Refreshes until `arrived` returns true, `deadlineMs` has passed, or the signal aborts. */
  refreshUntil(arrived: () => boolean, deadlineMs: number, signal: AbortSignal): Promise<void>;
  /** Reads ClickHouse and NATS a last time, after the engine has stopped. Rejects with PartFailed if one does not answer. */
  readFinal(): Promise<StoredCounts>;
  close(): Promise<void>;
}

const POLL_MS = 200;

/** Starts to observe a run: earlier data does not count. Rejects with PartFailed if a server does not answer. */
export async function startMonitor(servers: Servers, engine: EngineProcess, devices: number): Promise<RunMonitor> {
  const reader = createClickHouseReader(servers.clickhouse.url);
  const alerts = createAlertTracker();
  const decoder = new TextDecoder();
  let subscriber: Subscriber | undefined;
  try {
    subscriber = await subscribe({
      url: servers.nats.url,
      subject: 'weir.>',
      onMessage: (_subject, payload) => alerts.add(decoder.decode(payload)),
    }).catch(noAnswer('NATS'));
    const figures = await readEngine(engine.url).catch(noAnswer('The engine'));
    const start = { devices, since: Date.now(), offset: figures.nextOffset };
    alerts.start(start.offset, await readOpenAlerts(reader).catch(noAnswer('ClickHouse')));
    const before = await readStored(reader, start).catch(noAnswer('ClickHouse'));
    return new PollingMonitor({ reader, subscriber, alerts, engineUrl: engine.url, start, before, figures });
  } catch (error) {
    await Promise.all([subscriber?.close(), reader.close()]);
    throw error;
  }
}

interface Parts {
  readonly reader: ClickHouseReader;
  readonly subscriber: Subscriber;
  readonly alerts: AlertTracker;
  readonly engineUrl: string;
  readonly start: RunStart;
  readonly before: StoredCounts;
  /** The engine's metrics before the first message. */
  readonly figures: EngineFigures;
}

class PollingMonitor implements RunMonitor {
  readonly #parts: Parts;
  readonly alerts: AlertTracker;
  readonly before: StoredCounts;
  stored: StoredCounts;
  engine: EngineFigures;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.alerts = parts.alerts;
    this.before = parts.before;
    this.stored = parts.before;
    this.engine = sinceStart(parts.figures, parts.figures);
  }

  async refresh(): Promise<void> {
    const { reader, start, engineUrl } = this.#parts;
    const [stored, engine] = await Promise.allSettled([readStored(reader, start), readEngine(engineUrl)]);
    if (stored.status === 'fulfilled') this.stored = stored.value;
    if (engine.status === 'fulfilled') this.engine = sinceStart(engine.value, this.#parts.figures);
  }

  async refreshUntil(arrived: () => boolean, deadlineMs: number, signal: AbortSignal): Promise<void> {
    const deadlineAt = performance.now() + deadlineMs;
    for (;;) {
      await this.refresh();
      if (arrived() || signal.aborted || performance.now() >= deadlineAt) return;
      await delay(POLL_MS);
    }
  }

  async readFinal(): Promise<StoredCounts> {
    const { subscriber, reader, start } = this.#parts;
    await subscriber.flush().catch(noAnswer('NATS'));
    this.stored = await readStored(reader, start).catch(noAnswer('ClickHouse'));
    return this.stored;
  }

  async close(): Promise<void> {
    await Promise.all([this.#parts.subscriber.close(), this.#parts.reader.close()]);
  }
}
