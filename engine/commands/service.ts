import { mkdir, statfs } from 'node:fs/promises';
import type { Logger } from 'pino';
import { Subject } from 'rxjs';
import { createDecoder } from '../decode/decode.ts';
import { type Checkpoint, type FoundCheckpoint, readCheckpoint, writeCheckpoint } from '../journal/checkpoint.ts';
import { type Journal, openJournal } from '../journal/journal.ts';
import { lockFolder } from '../journal/lock.ts';
import { TextBuffer } from '../journal/text-buffer.ts';
import type { Config } from '../model/config.ts';
import type { Batch, EventOutput } from '../model/output.ts';
import type { Plan } from '../model/plan.ts';
import type { Draft, JournalRecord } from '../model/record.ts';
import { pipeline } from '../pipeline.ts';
import type { Clock, EventSink, PortStatus, Source, SourceHandler, TableSink } from '../ports.ts';
import { restore, type Snapshot, writeSnapshot } from '../snapshot.ts';
import { createState, type State } from '../state.ts';
import type { Counters } from '../telemetry.ts';
import { type AttributeFeed, type AttributeSources, createAttributeFeed } from './attributes.ts';
import { type Checkpointer, createCheckpointer } from './checkpointer.ts';
import { createIntake, type Intake, type Pressure } from './intake.ts';
import type { Outlet } from './outlet.ts';
import { createEventOutlet, createTableOutlet, type TableOutlet } from './outlets.ts';
import { createRedriveFeed } from './redrive.ts';

export interface ServiceOptions {
  readonly config: Config;
  readonly plan: Plan;
  /** Told whether the brokers may hold a session of an earlier run. */
  readonly createSource: (hadSession: boolean) => Source;
  readonly tableSink: TableSink;
  readonly eventSink: EventSink;
  readonly attributeSources: AttributeSources;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  readonly counters: Counters;
  /** Called once when the promises can no longer be kept (the disk failed): the process must end. */
  readonly onFailure: (error: Error) => void;
}

/** A running engine: journal, fold, and the ways in and out. */
export interface Service {
  /** Whether each part can do its work, for `/readyz`. */
  status(): readonly PortStatus[];
  /** Figures of the moment, for metrics. */
  gauges(): Gauges;
  /** Takes in nothing more, delivers what it can within `deadlineMs`, writes a checkpoint and closes. */
  stop(deadlineMs: number): Promise<{ readonly drained: boolean }>;
}

export interface Gauges {
  readonly journal_size_bytes: number;
  readonly journal_next_offset: number;
  readonly clickhouse_pending_bytes: number;
  readonly clickhouse_spilled_bytes: number;
  readonly nats_pending_bytes: number;
  readonly intake_paused: number;
  readonly devices: number;
  readonly rules: number;
  readonly lag_seconds: number;
}

const TICK_MS = 1_000;
const CHECKPOINT_MS = 10_000;
const DISK_MS = 1_000;
const REDRIVE_MS = 500;
/** Smaller where the journal may not grow large: it shrinks by whole segments. */
const SEGMENT_BYTES = 16 * 1024 * 1024;

/**
 * Opens the journal, and resolves; then folds it from the last checkpoint on, and starts to take messages in. Rejects where the data
 * folder is in use or its journal cannot be read.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { config, log, counters } = options;
  await mkdir(config.data, { recursive: true });
  const unlock = lockFolder(config.data);
  try {
    let commit: (records: readonly JournalRecord[]) => void = () => undefined;
    const journal = await openJournal({
      folder: config.data,
      counters,
      onCommit: (records) => commit(records),
      onFailure: options.onFailure,
      onLoss: (loss) => {
        counters.journal_records_lost += loss.nextOffset - loss.firstLost;
        log.error(loss, 'the journal is damaged: these records are lost, those behind them are not');
      },
      segmentBytes: Math.min(SEGMENT_BYTES, Math.ceil(config.journal.maxBytes / 8)),
    });
    if (journal.tornBytes > 0)
      log.warn({ bytes: journal.tornBytes }, 'the journal ended in half a record, now cut off');
    const checkpoint = ownCheckpoint(readable(await readCheckpoint(config.data), options), journal, log);
    const repeatsFrom = await firstInstant(journal, checkpoint?.nextOffset ?? journal.firstOffset);
    const service = new JournaledService({ ...options, repeatsFrom }, journal, unlock, checkpoint);
    commit = (records) => service.commit(records);
    service.begin().catch(options.onFailure);
    return service;
  } catch (error) {
    unlock();
    throw error;
  }
}

function readable(
  { checkpoint, unreadable }: FoundCheckpoint,
  { log, counters }: ServiceOptions,
): Checkpoint | undefined {
  if (unreadable !== undefined) {
    counters.checkpoints_unreadable += 1;
    log.error({ reason: unreadable, nextOffset: checkpoint?.nextOffset }, 'going on from the checkpoint before');
  }
  return checkpoint;
}

function ownCheckpoint(found: Checkpoint | undefined, journal: Journal, log: Logger): Checkpoint | undefined {
  if (found === undefined || found.journalId === journal.id) return found;
  log.warn('the checkpoint belongs to another journal: it is left out');
  return undefined;
}

/** When what the fold will make again was made first; undefined where there is nothing. */
async function firstInstant(journal: Journal, from: number): Promise<number | undefined> {
  for await (const records of journal.read(from)) return records[0]?.at;
  return undefined;
}

interface StartedOptions extends ServiceOptions {
  readonly repeatsFrom: number | undefined;
}

class JournaledService implements Service {
  readonly #options: StartedOptions;
  readonly #journal: Journal;
  readonly #unlock: () => void;
  readonly #records$ = new Subject<readonly JournalRecord[]>();
  /** What the fold has made of the records that it is at. */
  readonly #batches: Batch[] = [];
  readonly #tables: TableOutlet;
  readonly #events: Outlet<EventOutput>;
  readonly #checkpointer: Checkpointer;
  readonly #source: Source;
  readonly #intake: Intake;
  /** Of the checkpoint that is under way. */
  readonly #text = new TextBuffer();
  readonly #timers: NodeJS.Timeout[] = [];
  #attributes: AttributeFeed | undefined;
  #state: State;
  /** First offset to fold at the start. */
  #foldFrom: number;
  /** Where the newest checkpoint on disk goes on; undefined before the first. */
  #checkpointAt: number | undefined;
  /** When the config was read, at the latest. */
  readonly #startedAt: number;
  #recovering = true;
  #stopping = false;
  /** The disk has less free than it should. */
  #diskShort = false;
  #lagMs = 0;
  #onRelief: (() => void) | undefined;

  constructor(options: StartedOptions, journal: Journal, unlock: () => void, checkpoint: Checkpoint | undefined) {
    this.#options = options;
    this.#startedAt = this.#now();
    this.#journal = journal;
    this.#unlock = unlock;
    this.#state = createState(options.plan, options.config.mqtt.length);
    this.#foldFrom = journal.firstOffset;
    this.#source = options.createSource(journal.nextOffset > 0);
    const onProgress = () => this.#onProgress();
    this.#tables = createTableOutlet({ ...options, journal, onProgress });
    this.#events = createEventOutlet({ ...options, onProgress });
    this.#checkpointer = this.#createCheckpointer();
    this.#intake = this.#createIntake();
    if (checkpoint !== undefined) this.#restore(checkpoint);
    this.#connectFold();
  }

  #createCheckpointer(): Checkpointer {
    const { config, plan, log } = this.#options;
    const brokers = config.mqtt.map((broker) => broker.name);
    const outboxes = [this.#tables.outbox, this.#events.outbox];
    return createCheckpointer({
      requestCut: () => this.#append([{ kind: 'mark', at: this.#now(), mark: 'cut', connection: -1 }]),
      take: (nextOffset) => ({
        journalId: this.#journal.id,
        nextOffset,
        state: this.#takeState(plan, brokers),
      }),
      positions: () => outboxes.map((outbox) => outbox.position),
      areConfirmed: (positions) => outboxes.every((outbox, i) => outbox.isConfirmed(positions[i]!)),
      write: async (checkpoint) => {
        try {
          await writeCheckpoint(config.data, checkpoint);
          // The one before it must still have its records.
          if (this.#checkpointAt !== undefined) await this.#journal.release(this.#checkpointAt);
          this.#checkpointAt = checkpoint.nextOffset;
          this.#relieve();
        } catch (error) {
          log.error({ err: error }, 'the checkpoint could not be written; the journal is kept');
        }
      },
    });
  }

  #takeState(plan: Plan, brokers: readonly string[]): Buffer {
    this.#text.clear();
    writeSnapshot(plan, brokers, this.#state, (piece) => this.#text.write(piece));
    return this.#text.bytes;
  }

  #now(): number {
    return this.#options.clock.now();
  }

  #append(drafts: readonly Draft[], durable?: () => void): void {
    this.#journal.append(drafts, durable);
  }

  #restore(checkpoint: Checkpoint): void {
    const { config, plan, log } = this.#options;
    const brokers = config.mqtt.map((broker) => broker.name);
    const { state, dropped } = restore(plan, brokers, JSON.parse(checkpoint.state.toString()) as Snapshot);
    if (dropped.length > 0)
      log.warn(
        { dropped, resolved: state.alerting.orphans.length },
        'rules or streams changed: what was remembered for them is gone, and their open alerts are told as resolved',
      );
    this.#state = state;
    this.#foldFrom = checkpoint.nextOffset;
    this.#checkpointAt = checkpoint.nextOffset;
  }

  /** Folds the journal from the checkpoint on, no faster than the sinks take it; then opens the doors. */
  async begin(): Promise<void> {
    let records = 0;
    for await (const part of this.#journal.read(this.#foldFrom)) {
      this.#fold(part);
      records += part.length;
      while (this.#pressure().level > 1 && !this.#stopping) await this.#relief();
      if (this.#stopping) return;
    }
    this.#recovering = false;
    const { nextOffset } = this.#journal;
    this.#options.log.info({ from: this.#foldFrom, records, nextOffset }, 'journal folded');
    this.#run();
  }

  #relief(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRelief = resolve;
    });
  }

  #connectFold(): void {
    const { config, plan, counters } = this.#options;
    const decoder = createDecoder({
      streams: config.streams,
      brokers: config.mqtt.map((broker) => broker.name),
      maxAheadMs: config.maxAheadMs,
      counters,
    });
    pipeline(this.#records$, {
      plan,
      state: this.#state,
      decoder,
      context: {
        journalId: this.#journal.id,
        instance: config.mqtt[0]!.clientId,
        database: config.clickhouse.database,
      },
      limits: config.clickhouse.batch,
      maxBehindMs: config.maxAheadMs,
      brokers: config.mqtt.map((broker) => broker.name),
      counters,
    }).subscribe((output) => {
      if (output.kind === 'batch') this.#batches.push(output);
      else this.#events.push(output);
    });
  }

  /** Opens the doors: source, ticks and checkpoints. */
  #run(): void {
    this.#append([{ kind: 'mark', at: this.#now(), mark: 'started', connection: -1 }]);
    this.#startAttributes();
    this.#source.start(this.#intake);
    const redrive = this.#createRedrive();
    this.#timers.push(
      setInterval(() => redrive.look(), REDRIVE_MS),
      setInterval(() => this.#append([{ kind: 'tick', at: this.#now() }]), TICK_MS),
      setInterval(() => this.#checkpointer.request(), CHECKPOINT_MS),
      setInterval(() => this.#lookAtDisk().catch(this.#options.onFailure), DISK_MS),
    );
  }

  #createRedrive() {
    return createRedriveFeed({
      ...this.#options,
      startedAt: this.#startedAt,
      append: (drafts, durable) => this.#append(drafts, durable),
      isOpen: () => !this.#stopping && !this.#intake.paused,
    });
  }

  /** What a file says of devices comes before their first message. */
  #startAttributes(): void {
    const { attributeSources: sources, log, counters } = this.#options;
    const known = new Map(Array.from(this.#state.attributes.ofReadings, ([device, { text }]) => [device, text]));
    this.#attributes = createAttributeFeed({
      sources,
      known,
      append: (changes) => {
        const at = this.#now();
        this.#append(changes.map((change) => ({ kind: 'attributes', at, ...change })));
      },
      log,
      counters,
    });
    this.#attributes.start();
  }

  /** Takes messages into the journal, as the intake lets them in. */
  #handler(): Pick<SourceHandler, 'messages'> {
    const { counters } = this.#options;
    return {
      messages: (connection, messages, acknowledge) => {
        const at = this.#now();
        const drafts: Draft[] = [];
        for (let i = 0; i < messages.length; i++) {
          const { topic, payload, qos, retain, dup, packetId } = messages[i]!;
          drafts.push({ kind: 'message', at, connection, topic, payload, qos, retain, dup, packetId });
        }
        const count = drafts.length;
        // Holds none of the messages: they are bytes of the journal by now, and may go.
        this.#append(drafts, () => {
          counters.messages_journaled += count;
          acknowledge();
        });
      },
    };
  }

  /** Events go out ahead of the rows of the same records: a large batch takes its time. */
  #fold(records: readonly JournalRecord[]): void {
    this.#records$.next(records);
    for (const batch of this.#batches.splice(0)) this.#tables.push(batch);
  }

  /** Durable records, in order: the fold may see them now. */
  commit(records: readonly JournalRecord[]): void {
    let from = 0;
    // A checkpoint holds the state right behind its cut: what the same group brought after that must wait.
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!;
      if (record.kind !== 'mark' || record.mark !== 'cut') continue;
      this.#fold(records.slice(from, i + 1));
      this.#checkpointer.onCut(record.offset);
      from = i + 1;
    }
    if (from < records.length) this.#fold(from === 0 ? records : records.slice(from));
    const newest = records.findLast((record) => record.kind !== 'message' || record.redriven === undefined);
    if (newest !== undefined) this.#lagMs = this.#now() - newest.at;
    this.#intake.regulate();
  }

  #createIntake(): Intake {
    const { clock, counters, log } = this.#options;
    return createIntake({
      clock,
      counters,
      log,
      take: this.#handler().messages,
      append: (drafts) => this.#append(drafts),
      pressure: () => this.#pressure(),
      figures: () => this.gauges(),
    });
  }

  async #lookAtDisk(): Promise<void> {
    const { bavail, bsize } = await statfs(this.#options.config.data);
    this.#diskShort = bavail * bsize < this.#options.config.journal.minFreeBytes;
    this.#intake.regulate();
  }

  /** How full the fullest of journal, outboxes and disk is. */
  #pressure(): Pressure {
    const { clickhouse, nats, journal } = this.#options.config;
    const all: readonly Pressure[] = [
      { name: 'the disk is nearly full', level: this.#diskShort ? 1 : 0 },
      { name: 'too many rows wait for ClickHouse', level: this.#tables.outbox.bytes / clickhouse.queueBytes },
      { name: 'too many events wait for NATS', level: this.#events.outbox.bytes / nats.outboxBytes },
      { name: 'the journal is full', level: this.#recovering ? 0 : this.#journal.bytes / journal.maxBytes },
    ];
    return all.reduce((most, each) => (each.level > most.level ? each : most));
  }

  #onProgress(): void {
    this.#checkpointer.onProgress();
    this.#relieve();
  }

  #relieve(): void {
    if (!this.#recovering) this.#intake.regulate();
    else if (this.#pressure().level <= 1) {
      this.#onRelief?.();
      this.#onRelief = undefined;
    }
  }

  status(): readonly PortStatus[] {
    const { tableSink, eventSink } = this.#options;
    const journal: PortStatus = this.#recovering
      ? { name: 'journal', ready: false, reason: 'what the last run left is being worked off' }
      : { name: 'journal', ready: true };
    const attributes = this.#attributes?.status() ?? [];
    const intake = this.#intake.status();
    return [journal, this.#source.status(), tableSink.status(), eventSink.status(), ...attributes, intake];
  }

  gauges(): Gauges {
    return {
      journal_size_bytes: this.#journal.bytes,
      journal_next_offset: this.#journal.nextOffset,
      clickhouse_pending_bytes: this.#tables.outbox.bytes,
      clickhouse_spilled_bytes: this.#tables.spilledBytes,
      nats_pending_bytes: this.#events.outbox.bytes,
      intake_paused: this.#intake.paused ? 1 : 0,
      // Those of derived streams are no devices, or the same ones again.
      devices: this.#options.config.streams.reduce((sum, _, i) => sum + this.#state.streams[i]!.devices.size, 0),
      rules: this.#options.plan.rules.length,
      lag_seconds: this.#lagMs / 1_000,
    };
  }

  async stop(deadlineMs: number): Promise<{ readonly drained: boolean }> {
    this.#stopping = true;
    this.#onRelief?.();
    for (const timer of this.#timers) clearInterval(timer);
    if (this.#recovering) return this.#close(false);
    const quiet = this.#attributes?.stop();
    const sourceStopped = this.#source.stop();
    this.#intake.release();
    await sourceStopped;
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), deadlineMs);
    });
    const drained = await Promise.race([this.#checkpoint().then(() => true), deadline]);
    clearTimeout(timer);
    const closed = await this.#close(drained);
    await quiet;
    return closed;
  }

  async #close(drained: boolean): Promise<{ readonly drained: boolean }> {
    this.#tables.stop();
    this.#events.stop();
    await this.#journal.close();
    await Promise.all([this.#options.tableSink.close(), this.#options.eventSink.close()]);
    this.#unlock();
    return { drained };
  }

  /** Takes one that covers everything up to now. */
  async #checkpoint(): Promise<void> {
    await this.#checkpointer.settled();
    this.#checkpointer.request();
    await this.#checkpointer.settled();
  }
}
