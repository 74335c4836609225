import { setTimeout as delay } from 'node:timers/promises';
import { type ClickHouseReader, createClickHouseReader } from '../../../connectors/clickhouse-reader/reader.ts';
import { type Subscriber, subscribe } from '../../../connectors/nats-subscriber/subscriber.ts';
import { type Board, createBoard } from './board.ts';
import type { EngineProcess } from './engine.ts';
import { silent } from './failure.ts';
import {
  type Beginning,
  type EngineFigures,
  readEngine,
  readOpenAlerts,
  readStored,
  type StoredCounts,
  sinceBefore,
} from './observe.ts';
import type { Servers } from './servers.ts';

/** What is known of a run from its far ends: ClickHouse, NATS and the engine's own metrics. */
export interface Watch {
  readonly board: Board;
  /** As of the latest look. */
  readonly stored: StoredCounts;
  readonly engine: EngineFigures;
  /** Before the first message. */
  readonly before: StoredCounts;
  /** Looks once at ClickHouse and at the engine; where one does not answer, what was known of it stays. */
  look(): Promise<void>;
  /** Looks until `arrived` says that it is enough, for at most `deadlineMs`, or until the signal. */
  lookUntil(arrived: () => boolean, deadlineMs: number, signal: AbortSignal): Promise<void>;
  /** What ClickHouse and NATS hold once the engine is gone. Rejects with Broken where one does not answer. */
  final(): Promise<StoredCounts>;
  close(): Promise<void>;
}

const POLL_MS = 200;

/** Begins a run: what happened before does not count. Rejects with Broken where a server does not answer. */
export async function openWatch(servers: Servers, engine: EngineProcess, devices: number): Promise<Watch> {
  const reader = createClickHouseReader(servers.clickhouse.url);
  const board = createBoard();
  const decoder = new TextDecoder();
  let subscriber: Subscriber | undefined;
  try {
    subscriber = await subscribe({
      url: servers.nats.url,
      subject: 'weir.>',
      onMessage: (_subject, payload) => board.take(decoder.decode(payload)),
    }).catch(silent('NATS'));
    const figures = await readEngine(engine.url).catch(silent('The engine'));
    const beginning = { devices, since: Date.now(), offset: figures.nextOffset };
    board.begin(beginning.offset, await readOpenAlerts(reader).catch(silent('ClickHouse')));
    const before = await readStored(reader, beginning).catch(silent('ClickHouse'));
    return new RunWatch({ reader, subscriber, board, engineUrl: engine.url, beginning, before, figures });
  } catch (error) {
    await Promise.all([subscriber?.close(), reader.close()]);
    throw error;
  }
}

interface Parts {
  readonly reader: ClickHouseReader;
  readonly subscriber: Subscriber;
  readonly board: Board;
  readonly engineUrl: string;
  readonly beginning: Beginning;
  readonly before: StoredCounts;
  /** Before the first message. */
  readonly figures: EngineFigures;
}

class RunWatch implements Watch {
  readonly #parts: Parts;
  readonly board: Board;
  readonly before: StoredCounts;
  stored: StoredCounts;
  engine: EngineFigures;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.board = parts.board;
    this.before = parts.before;
    this.stored = parts.before;
    this.engine = sinceBefore(parts.figures, parts.figures);
  }

  async look(): Promise<void> {
    const { reader, beginning, engineUrl } = this.#parts;
    const [stored, engine] = await Promise.allSettled([readStored(reader, beginning), readEngine(engineUrl)]);
    if (stored.status === 'fulfilled') this.stored = stored.value;
    if (engine.status === 'fulfilled') this.engine = sinceBefore(engine.value, this.#parts.figures);
  }

  async lookUntil(arrived: () => boolean, deadlineMs: number, signal: AbortSignal): Promise<void> {
    const deadlineAt = performance.now() + deadlineMs;
    for (;;) {
      await this.look();
      if (arrived() || signal.aborted || performance.now() >= deadlineAt) return;
      await delay(POLL_MS);
    }
  }

  async final(): Promise<StoredCounts> {
    const { subscriber, reader, beginning } = this.#parts;
    await subscriber.flush().catch(silent('NATS'));
    this.stored = await readStored(reader, beginning).catch(silent('ClickHouse'));
    return this.stored;
  }

  async close(): Promise<void> {
    await Promise.all([this.#parts.subscriber.close(), this.#parts.reader.close()]);
  }
}
