import type { Logger } from 'pino';
import { type Checkpoint, writeCheckpoint } from '../journal/checkpoint.ts';
import type { Journal } from '../journal/journal.ts';
import { lockFolder } from '../journal/lock.ts';
import { makeFolder } from '../journal/make-folder.ts';
import type { SentLog } from '../journal/sent-log.ts';
import type { Config } from '../model/config.ts';
import type { EventOutput } from '../model/output.ts';
import type { Plan } from '../model/plan.ts';
import type { Draft, JournalRecord, MarkName, MarkRecord } from '../model/record.ts';
import type { Clock, EventSink, Inbound, PortStatus, Source, TableSink } from '../ports.ts';
import type { Counters } from '../telemetry.ts';
import { type AttributeFeed, type AttributeSources, createAttributeFeed } from './attributes.ts';
import { type Checkpointer, createCheckpointer } from './checkpointer.ts';
import { createFold, type Fold } from './fold.ts';
import { createIntake, type Intake } from './intake.ts';
import { createJumpLog, type JumpLog } from './jump-log.ts';
import { type Left, openData } from './opening.ts';
import type { Outlet } from './outlet.ts';
import { createEventOutlet, createTableOutlet, type TableOutlet } from './outlets.ts';
import { createPressureGauge, type PressureGauge } from './pressure.ts';
import { type ClockStep, createReceiveClock, type ReceiveClock, STEP_MS } from './receive-clock.ts';
import { createRedriveFeed } from './redrive.ts';
import { createRoomWatch, type RoomWatch } from './room.ts';

export interface ServiceOptions {
  readonly config: Config;
  readonly plan: Plan;
  /** Told whether the brokers may hold a session of an earlier run. */
  readonly createSource: (hadSession: boolean) => Source;
  readonly tableSink: TableSink;
  readonly eventSink: EventSink;
  readonly attributeSources: AttributeSources;
  /** See `FoldOptions`. */
  readonly maxLineBytes?: number;
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
  readonly limits_reached: number;
  readonly rules: number;
  readonly lag_seconds: number;
}

const TICK_MS = 1_000;
const CHECKPOINT_MS = 10_000;
const DISK_MS = 1_000;
const REDRIVE_MS = 500;

/**
 * Opens the journal, and resolves; then folds it from the last checkpoint on, and starts to take messages in. Rejects where the data
 * folder is in use or its journal cannot be read.
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { config, onFailure } = options;
  makeFolder(config.data);
  const unlock = lockFolder(config.data);
  try {
    let commit: (records: readonly JournalRecord[]) => void = () => undefined;
    const left = await openData({ ...options, onCommit: (records) => commit(records) });
    const service = new JournaledService(options, left, unlock);
    commit = (records) => service.commit(records);
    service.begin().catch(onFailure);
    return service;
  } catch (error) {
    unlock();
    throw error;
  }
}

class JournaledService implements Service {
  readonly #options: ServiceOptions;
  readonly #receive: ReceiveClock;
  readonly #journal: Journal;
  readonly #sent: SentLog;
  readonly #unlock: () => void;
  readonly #fold: Fold;
  readonly #jumps: JumpLog;
  /** First offset to fold at the start. */
  readonly #foldFrom: number;
  readonly #tables: TableOutlet;
  readonly #events: Outlet<EventOutput>;
  readonly #pressure: PressureGauge;
  readonly #checkpointer: Checkpointer;
  readonly #source: Source;
  readonly #intake: Intake;
  readonly #room: RoomWatch;
  readonly #timers: NodeJS.Timeout[] = [];
  /** When the config was read, at the latest. */
  readonly #startedAt: number;
  #attributes: AttributeFeed | undefined;
  /** Where the newest checkpoint on disk goes on; undefined before the first. */
  #checkpointAt: number | undefined;
  #recovering = true;
  /** Records can be appended. */
  #isOpen = false;
  #stopping = false;
  #lagMs = 0;
  #onRelief: (() => void) | undefined;

  constructor(options: ServiceOptions, { journal, sent, checkpoint, repeatsFrom }: Left, unlock: () => void) {
    this.#options = options;
    this.#receive = createReceiveClock(options.clock, (step) => this.#onClockStep(step));
    this.#startedAt = this.#now();
    this.#journal = journal;
    this.#sent = sent;
    this.#unlock = unlock;
    this.#foldFrom = checkpoint?.nextOffset ?? journal.firstOffset;
    this.#checkpointAt = checkpoint?.nextOffset;
    this.#source = options.createSource(journal.nextOffset > 0);
    const onProgress = () => this.#onProgress();
    this.#tables = createTableOutlet({ ...options, journal, sent, onProgress });
    this.#events = createEventOutlet({
      ...options,
      repeatsFrom,
      behind: checkpoint?.events,
      onProgress,
      bury: (event, error) => this.#tables.bury(event, error),
    });
    this.#jumps = createJumpLog({ ...options, streams: options.config.streams });
    this.#fold = createFold({
      ...options,
      journalId: journal.id,
      checkpoint,
      earlier: sent.earlier,
      onEvent: (event) => this.#events.push(event),
      onBatch: (batch) => this.#tables.push(batch),
      onJump: (reading, from) => this.#jumps.take(reading, from),
    });
    const { config } = options;
    this.#pressure = createPressureGauge({ config, journal, tables: this.#tables.outbox, events: this.#events.outbox });
    this.#checkpointer = this.#createCheckpointer();
    this.#intake = this.#createIntake();
    this.#room = createRoomWatch({ ...options, full: () => this.#fold.fullLimits() });
  }

  #createCheckpointer(): Checkpointer {
    const { config } = this.#options;
    const outboxes = [this.#tables.outbox, this.#events.outbox];
    return createCheckpointer({
      requestCut: () => this.#append([this.#mark('cut', this.#now())]),
      take: (nextOffset) => this.#takeCheckpoint(nextOffset),
      positions: () => outboxes.map((outbox) => outbox.position),
      areConfirmed: (positions) => outboxes.every((outbox, i) => outbox.isConfirmed(positions[i]!)),
      write: async (checkpoint) => {
        try {
          await writeCheckpoint(config.data, checkpoint);
          // The one before it must still have its records.
          if (this.#checkpointAt !== undefined) await this.#journal.release(this.#checkpointAt);
          await this.#sent.release(this.#journal.firstOffset);
          this.#checkpointAt = checkpoint.nextOffset;
          this.#relieve();
        } catch (error) {
          this.#refuseCheckpoint(error);
        }
      },
    });
  }

  /** Undefined where the state has a part that could not be read back: no checkpoint is better than that one. */
  #takeCheckpoint(nextOffset: number): Checkpoint | undefined {
    try {
      const events = this.#options.eventSink.positions?.();
      const state = this.#fold.takeState();
      return { journalId: this.#journal.id, nextOffset, ...(events !== undefined && { events }), state };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#refuseCheckpoint(error);
      return undefined;
    }
  }

  #refuseCheckpoint(error: unknown): void {
    this.#options.counters.checkpoints_failed += 1;
    this.#options.log.error(
      { err: error },
      'the checkpoint could not be written; the one before it and the journal are kept',
    );
  }

  #onClockStep({ byMs, at, steppedMs }: ClockStep): void {
    this.#options.counters.clock_steps += 1;
    const what = byMs < 0 ? 'back: time goes on from where it was, a little slower' : 'forward: time follows';
    this.#options.log.warn({ byMs }, `the clock of this machine was set ${what}`);
    // Ahead of the records that come at the new time. The first mark of a run says how the clocks are by then.
    if (this.#isOpen) this.#append([{ ...this.#mark('clock-stepped', at), ...(steppedMs > 0 && { steppedMs }) }]);
  }

  #mark(mark: MarkName, at: number): Omit<MarkRecord, 'offset'> {
    const { aheadMs } = this.#receive;
    return { kind: 'mark', at, mark, connection: -1, ...(aheadMs > STEP_MS && { aheadMs: Math.round(aheadMs) }) };
  }

  #now(): number {
    return this.#receive.now();
  }

  #append(drafts: readonly Draft[], durable?: () => void): void {
    this.#journal.append(drafts, durable);
  }

  /** Folds the journal from the checkpoint on, no faster than the sinks take it; then opens the doors. */
  async begin(): Promise<void> {
    let records = 0;
    for await (const part of this.#journal.read(this.#foldFrom)) {
      this.#fold.feed(part);
      records += part.length;
      while (this.#pressure.mostOfOutlets().level > 1 && !this.#stopping) await this.#relief();
      if (this.#stopping) return;
    }
    this.#receive.startAfter(this.#fold.receivedUpTo());
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

  /** Opens the doors: source, ticks and checkpoints. */
  #run(): void {
    this.#append([this.#mark('started', this.#now())]);
    this.#isOpen = true;
    this.#startAttributes();
    this.#source.start(this.#intake);
    const redrive = this.#createRedrive();
    this.#timers.push(
      setInterval(() => redrive.look(), REDRIVE_MS),
      setInterval(() => this.#append([{ kind: 'tick', at: this.#now() }]), TICK_MS),
      setInterval(() => this.#checkpointer.request(), CHECKPOINT_MS),
      setInterval(() => this.#room.look(), TICK_MS),
      setInterval(() => this.#jumps.look(), TICK_MS),
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
    this.#attributes = createAttributeFeed({
      sources,
      known: this.#fold.attributes(),
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
  #take(connection: number, messages: readonly Inbound[], acknowledge: () => void): void {
    const at = this.#now();
    const drafts: Draft[] = [];
    for (let i = 0; i < messages.length; i++) {
      const { topic, payload, qos, retain, dup, packetId } = messages[i]!;
      drafts.push({ kind: 'message', at, connection, topic, payload, qos, retain, dup, packetId });
    }
    const count = drafts.length;
    // Holds none of the messages: they are bytes of the journal by now, and may go.
    this.#append(drafts, () => {
      this.#options.counters.messages_journaled += count;
      acknowledge();
    });
  }

  /** Durable records, in order: the fold may see them now. */
  commit(records: readonly JournalRecord[]): void {
    let from = 0;
    // A checkpoint holds the state right behind its cut: what the same group brought after that must wait.
    for (let i = 0; i < records.length; i++) {
      const record = records[i]!;
      if (record.kind !== 'mark' || record.mark !== 'cut') continue;
      this.#fold.feed(records.slice(from, i + 1));
      this.#checkpointer.onCut(record.offset);
      from = i + 1;
    }
    if (from < records.length) this.#fold.feed(from === 0 ? records : records.slice(from));
    const newest = records.findLast((record) => record.kind !== 'message' || record.redriven === undefined);
    if (newest !== undefined) this.#lagMs = this.#now() - newest.at;
    this.#intake.regulate();
  }

  #createIntake(): Intake {
    const { counters, log } = this.#options;
    return createIntake({
      clock: { now: () => this.#now(), steady: () => this.#options.clock.steady() },
      counters,
      log,
      take: (connection, messages, acknowledge) => this.#take(connection, messages, acknowledge),
      append: (drafts) => this.#append(drafts),
      pressure: () => this.#pressure.most(),
      figures: () => this.gauges(),
    });
  }

  async #lookAtDisk(): Promise<void> {
    await this.#pressure.lookAtDisk();
    this.#intake.regulate();
  }

  #onProgress(): void {
    this.#checkpointer.onProgress();
    this.#relieve();
  }

  #relieve(): void {
    if (!this.#recovering) this.#intake.regulate();
    else if (this.#pressure.mostOfOutlets().level <= 1) {
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
    const rules = this.#room.status();
    const tables = statusOf(tableSink.status(), this.#tables);
    const events = statusOf(eventSink.status(), this.#events);
    return [journal, this.#source.status(), tables, events, ...attributes, intake, rules];
  }

  gauges(): Gauges {
    return {
      journal_size_bytes: this.#journal.bytes,
      journal_next_offset: this.#journal.nextOffset,
      clickhouse_pending_bytes: this.#tables.outbox.bytes,
      clickhouse_spilled_bytes: this.#tables.spilledBytes,
      nats_pending_bytes: this.#events.outbox.bytes,
      intake_paused: this.#intake.paused ? 1 : 0,
      devices: this.#fold.devices,
      limits_reached: this.#fold.fullLimits().length,
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
    this.#isOpen = false;
    this.#tables.stop();
    this.#events.stop();
    await this.#journal.close();
    await this.#sent.close();
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

/** A sink that works, but for some of what is meant for it, is not ready: what it does not take holds up every checkpoint. */
function statusOf(sink: PortStatus, { stuck }: Pick<TableOutlet, 'stuck'>): PortStatus {
  if (!sink.ready || stuck === undefined) return sink;
  const more = stuck.items > 1 ? ` (and ${stuck.items - 1} more like it)` : '';
  return { name: sink.name, ready: false, reason: `${stuck.error.message}${more}` };
}
