import { lockFolder } from '../journal/lock.ts';
import { makeFolder } from '../journal/make-folder.ts';
import type { PortStatus } from '../ports.ts';
import { type AttributeFeed, type AttributeSources, createAttributeFeed } from './attribute-feed.ts';
import { createParts, type Parts, type PartsOptions } from './parts.ts';
import { openData, replayJournal } from './recovery.ts';
import { createRedriveFeed } from './redrive-feed.ts';
import { type Gauges, gaugesOf, statusOf } from './status.ts';

export interface ServiceOptions extends PartsOptions {
  readonly attributeSources: AttributeSources;
  /** Milliseconds between checkpoints. Default 10,000. */
  readonly checkpointMs?: number;
  /** Called once if delivery is no longer guaranteed, because the disk failed or recovery threw: the process must end. */
  readonly onFailure: (error: Error) => void;
}

/** A running engine: intake, journal, fold and delivery. */
export interface Service {
  /** Whether each part can do its work, for `/readyz`. */
  status(): readonly PortStatus[];
  /** Current values, for metrics. */
  gauges(): Gauges;
  /**
   * Stops intake, delivers as much as it can within `deadlineMs`, writes a checkpoint and closes. `drained`: whether everything was delivered;
   * otherwise the next start delivers the rest.
   */
  stop(deadlineMs: number): Promise<{ readonly drained: boolean }>;
}

const TICK_MS = 1_000;
const CHECKPOINT_MS = 10_000;
const DISK_MS = 1_000;
const REDRIVE_MS = 500;

/**
 * Opens the data folder, and resolves. Then it folds the journal from the last checkpoint on, and starts the source. Rejects if another
 * engine uses the data folder, or its journal cannot be read.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { config, onFailure } = options;
  makeFolder(config.data);
  const unlock = lockFolder(config.data);
  try {
    const service = new RunningService(options, createParts(options, await openData(options)), unlock);
    service.run().catch(onFailure);
    return service;
  } catch (error) {
    unlock();
    throw error;
  }
}

/** The lifecycle of the engine: recovery, running, stopping. */
class RunningService implements Service {
  readonly #options: ServiceOptions;
  readonly #parts: Parts;
  readonly #unlock: () => void;
  readonly #timers: NodeJS.Timeout[] = [];
  /** The config was read before this instant; milliseconds since the epoch. */
  readonly #startedAt: number;
  #attributes: AttributeFeed | undefined;
  #state: 'recovering' | 'running' | 'stopping' = 'recovering';

  constructor(options: ServiceOptions, parts: Parts, unlock: () => void) {
    this.#options = options;
    this.#parts = parts;
    this.#unlock = unlock;
    this.#startedAt = parts.ingest.now();
  }

  /** Recovers, then starts the attributes, the source and the timers. */
  async run(): Promise<void> {
    const { journal, recoverFrom, fold, backpressure, ingest } = this.#parts;
    const records = await replayJournal({
      journal,
      from: recoverFrom,
      feed: (part) => fold.feed(part),
      room: () => backpressure.queuesHaveRoom(),
      isStopped: () => this.#state === 'stopping',
    });
    if (records === undefined) return;
    ingest.open(fold.receivedUpTo());
    this.#state = 'running';
    this.#options.log.info(
      { from: recoverFrom, records, nextOffset: journal.nextOffset },
      'recovery complete: journal folded',
    );
    // Attributes come before the first message, so that rules know the attributes of its device.
    this.#attributes = this.#startAttributes();
    this.#parts.source.start(ingest.handler);
    this.#startTimers();
  }

  #startTimers(): void {
    const { ingest, checkpointing, capacity, jumps, backpressure } = this.#parts;
    const redrive = this.#createRedrive();
    const measureDisk = async () => {
      await backpressure.measureDisk();
      ingest.regulate();
    };
    this.#timers.push(
      setInterval(() => redrive.check(), REDRIVE_MS),
      setInterval(() => ingest.append([{ kind: 'tick' }]), TICK_MS),
      setInterval(() => checkpointing.request(), this.#options.checkpointMs ?? CHECKPOINT_MS),
      setInterval(() => capacity.check(), TICK_MS),
      setInterval(() => jumps.check(), TICK_MS),
      setInterval(() => measureDisk().catch(this.#options.onFailure), DISK_MS),
    );
  }

  #startAttributes(): AttributeFeed {
    const { attributeSources: sources, log, counters } = this.#options;
    const { fold, ingest } = this.#parts;
    const feed = createAttributeFeed({
      sources,
      known: fold.attributes(),
      append: (changes) => ingest.append(changes.map((change) => ({ kind: 'attributes', ...change }))),
      log,
      counters,
    });
    feed.start();
    return feed;
  }

  #createRedrive() {
    const { ingest } = this.#parts;
    return createRedriveFeed({
      ...this.#options,
      startedAt: this.#startedAt,
      append: (records, durable) => ingest.appendDated(records, durable),
      isOpen: () => this.#state === 'running' && !ingest.paused,
    });
  }

  status(): readonly PortStatus[] {
    return statusOf(this.#parts, {
      ...this.#options,
      isRecovering: this.#state === 'recovering',
      attributes: this.#attributes?.status() ?? [],
    });
  }

  gauges(): Gauges {
    return gaugesOf(this.#parts, this.#options.plan);
  }

  async stop(deadlineMs: number): Promise<{ readonly drained: boolean }> {
    const { source, ingest, backpressure, checkpointing } = this.#parts;
    const wasRecovering = this.#state === 'recovering';
    this.#state = 'stopping';
    backpressure.release();
    for (const timer of this.#timers) clearInterval(timer);
    if (wasRecovering) return this.#close(false);
    const attributesStopped = this.#attributes?.stop();
    const sourceStopped = source.stop();
    ingest.flush();
    await sourceStopped;
    const drained = await isDoneWithin(checkpointing.complete(), deadlineMs);
    const closed = await this.#close(drained);
    await attributesStopped;
    return closed;
  }

  async #close(drained: boolean): Promise<{ readonly drained: boolean }> {
    const { ingest, tables, events, journal, sent, checkpointing } = this.#parts;
    ingest.close();
    tables.stop();
    events.stop();
    await checkpointing.close();
    await journal.close();
    await sent.close();
    await Promise.all([this.#options.tableSink.close(), this.#options.eventSink.close()]);
    this.#unlock();
    return { drained };
  }
}

async function isDoneWithin(work: Promise<void>, deadlineMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), deadlineMs);
  });
  const isDone = await Promise.race([work.then(() => true), deadline]);
  clearTimeout(timer);
  return isDone;
}
