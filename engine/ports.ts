import type { Batch, EventOutput } from './model/output.ts';
import type { MarkName } from './model/record.ts';
import type { Table } from './model/table.ts';

/** A message as a source hands it over, before the journal has given it an offset. */
export interface Inbound {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly dup: boolean;
  /** By which source and broker know the delivery; 0 for QoS 0. */
  readonly packetId: number;
}

/** What a source tells the engine. Calls are synchronous and must return fast. */
export interface SourceHandler {
  /**
   * Messages of one socket read, in order; payloads are views of it. `acknowledge` must be called once they are durable (or shed, for
   * QoS 0); it does nothing when the connection they came by is gone by then. A source bounds what it has handed over by itself: by
   * shedding QoS 0, and by reading no more.
   */
  messages(connection: number, messages: readonly Inbound[], acknowledge: () => void): void;
  mark(connection: number, mark: Exclude<MarkName, 'started' | 'cut' | 'clock-stepped'>): void;
}

/** Where messages come from. */
export interface Source {
  /** Connects and keeps connecting; resolves at once. */
  start(handler: SourceHandler): void;
  /** Stops for good, cleanly: pending acknowledgements go out first. */
  stop(): Promise<void>;
  status(): PortStatus;
}

/** What a source remembers of a session that a broker holds for it, beyond the life of a process. Plain data. */
export interface SessionRecord {
  readonly clientId: string;
  /** Host and port. */
  readonly address: string;
  /** Name of the broker in the config. */
  readonly broker: string;
  /** Every filter that this session may have been subscribed to, the oldest first: the broker may still have them all. */
  readonly filters: readonly string[];
}

/** Where a source keeps them. */
export interface SessionStore {
  /** Empty where nothing was written yet. Throws where it cannot be read. */
  read(): readonly SessionRecord[];
  /** Durable when it returns, and all or nothing. Throws where that fails. */
  write(sessions: readonly SessionRecord[]): void;
}

/** Whether a port can do its work right now, for `/readyz`, metrics and logs. */
export interface PortStatus {
  readonly name: string;
  readonly ready: boolean;
  /** Why not, in one sentence. */
  readonly reason?: string;
}

/**
 * Why a delivery failed. The class decides what the CALLER of the sink does (`operators/deliver.ts`, and for `bad-row` the outlet):
 *
 * - `transient`: the sink is away, or the outcome is unknown. The caller sends the same item again, for ever, after up to 30 s.
 * - `overload`: the sink asks for less. The caller waits up to 60 s, and may first halve a batch.
 * - `bad-row`: the sink will never take this item, and has nothing of it. The caller does not send it again. It halves a batch until the
 *   bad row is alone; it shortens an event. What is still refused becomes a dead letter, and is confirmed once that is in its table.
 * - `fatal`: somebody has to change the sink, its configuration or its permissions. The caller sends the same item again after up to a
 *   minute, and drops nothing: the journal keeps it, and readiness says why.
 *
 * Whatever the class, the caller sends no later item of the same lane before that: a KV key, or the subject of an event without one.
 * Items of other lanes go on. So a sink keeps nothing in order by itself, and never tries again by itself.
 */
export type DeliveryErrorClass = 'transient' | 'overload' | 'bad-row' | 'fatal';

/** The only error that a sink's methods reject with. */
export class DeliveryError extends Error {
  readonly class: DeliveryErrorClass;
  /** The server's own code, where it gave one. */
  readonly code: string | undefined;
  constructor(errorClass: DeliveryErrorClass, message: string, code?: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'DeliveryError';
    this.class = errorClass;
    this.code = code;
  }
}

/** Code of the error with which a `TableSink` opens in part. */
export const TABLE_BROKEN = 'TABLE_BROKEN';

/** Where batches of rows go. */
export interface TableSink {
  /**
   * Connects and brings the tables up to date. Rejects with a DeliveryError; may be called again. With the code `TABLE_BROKEN` somebody has to
   * mend a table: `status` names it, its inserts are `fatal` until that is done, and the other tables take rows.
   */
  open(tables: readonly Table[]): Promise<void>;
  /**
   * Resolves when the rows are durably in the table. Repeating the same batch, whole, with its token, adds nothing.
   * Rejects with a DeliveryError: `bad-row` or `overload` only where it is known that nothing of the batch is in, now or later.
   */
  insert(batch: Batch, token: string): Promise<void>;
  status(): PortStatus;
  close(): Promise<void>;
}

/**
 * How far the streams of events have come: by name, what identifies the stream, and the number of a message in it. Whatever is published later
 * has a higher number. No clock has a say in it.
 */
export type StreamPositions = Readonly<Record<string, { readonly created: string; readonly sequence: number }>>;

/** Where events go. */
export interface EventSink {
  /**
   * Connects and makes streams and buckets that are missing. Rejects with a DeliveryError; may be called again. Events that an earlier run
   * has published since `repeatsFrom` (milliseconds since the epoch) may come again. `behind` says the same for each stream that it names
   * and that is still the same one: those behind this position may.
   */
  open(repeatsFrom?: number, behind?: StreamPositions): Promise<void>;
  /** Where the streams are by now, as far as it is known. Default: it is not. */
  positions?(): StreamPositions;
  /**
   * Resolves when the server has the event (and its KV entry). Repeating it, or a shorter form with the same id, adds nothing. Rejects with a
   * DeliveryError. Events of one KV key, or of one subject where they have none, are to be published one after another.
   */
  publish(event: EventOutput): Promise<void>;
  status(): PortStatus;
  close(): Promise<void>;
}

/** What a source of attributes tells the engine. Calls are synchronous. */
export interface AttributeHandler {
  /**
   * All that the source has, as of now: JSON texts of objects by device. What is not among them is gone; where a text is undefined, there
   * is an entry that cannot be used, and what is known of the device stays.
   */
  all(entries: ReadonlyMap<string, string | undefined>): void;
  put(device: string, text: string): void;
  removed(device: string): void;
  /** Something in the source cannot be used: what was known stays. Each fault is told in one text, with its place and what would be right. */
  faulty(faults: readonly string[]): void;
}

/** Where attributes of devices come from. */
export interface AttributeSource {
  /** Begins to tell, and goes on until it is stopped. A source that need not be waited for has told all when this returns. */
  start(handler: AttributeHandler): void;
  stop(): Promise<void>;
  status(): PortStatus;
}

/** The one source of time and timers at the edge; the fold sees only what the journal recorded. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since some instant; no setting of the host's clock changes how it goes on. */
  steady(): number;
}
