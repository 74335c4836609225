import type { Batch, EventOutput } from './model/output.ts';
import type { MarkName } from './model/record.ts';
import type { Table } from './model/table.ts';

/** A message from a source, before the journal gives it an offset. */
export interface Inbound {
  /** Decoded from UTF-8: it has no surrogate without its other half. */
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly dup: boolean;
  /** Identifies the delivery between the source and the broker; 0 for QoS 0. */
  readonly packetId: number;
}

/** Receives messages and connection events from a source. Calls are synchronous and must return fast. */
export interface SourceHandler {
  /**
   * Receives the messages of one socket read, in order. Payloads are views of memory that is used again, so they are valid until the call
   * returns. The handler calls `acknowledge` once the messages are durable (or shed, if all are QoS 0); the call does nothing if the connection
   * has ended meanwhile. The source bounds its unacknowledged messages itself: it sheds QoS 0 messages, and stops reading.
   */
  messages(connection: number, messages: readonly Inbound[], acknowledge: () => void): void;
  /** Receives a change of a connection. After `session-lost`, packet ids of this connection identify other messages than before. */
  mark(connection: number, mark: Exclude<MarkName, 'started' | 'cut' | 'clock-stepped'>): void;
}

/** A connector that receives messages from brokers. */
export interface Source {
  /** Starts to connect, and connects again after each failure. Returns at once. */
  start(handler: SourceHandler): void;
  /** Stops permanently. Resolves after the pending acknowledgements were sent. */
  stop(): Promise<void>;
  status(): PortStatus;
}

/** What a source stores about a session that a broker keeps for it, so that the next process knows it. Plain data. */
export interface SessionRecord {
  readonly clientId: string;
  /** Host and port. */
  readonly address: string;
  /** Name of the broker in the config. */
  readonly broker: string;
  /** Every filter that this session may be subscribed to, the oldest first: the broker may still have all of them. */
  readonly filters: readonly string[];
}

/** Stores session records on the disk. */
export interface SessionStore {
  /** The stored records; empty if none were written yet. Throws if they cannot be read. */
  read(): readonly SessionRecord[];
  /** Replaces the stored records atomically. They are durable when it returns. Throws if that fails. */
  write(sessions: readonly SessionRecord[]): void;
}

/** Whether a port can do its work now, for `/readyz`, metrics and logs. */
export interface PortStatus {
  readonly name: string;
  readonly ready: boolean;
  /** Why the port is not ready, in one sentence. A ready port may report a limitation. */
  readonly reason?: string;
}

/**
 * Why a delivery failed. The class decides what the CALLER of the sink does (`operators/deliver.ts`, and for `bad-row` the delivery queue):
 *
 * - `transient`: the sink is not reachable, or the outcome is unknown. The caller sends the same item again after at most 30 s, without a
 *   limit of attempts.
 * - `overload`: the sink accepts no more load now. The caller waits at most 60 s before it sends the item again. It may halve a batch first.
 * - `bad-row`: the sink will never accept this item, and has no part of it. The caller does not send the same item again. It halves a batch until
 *   the bad row is alone, and shortens an event. What the sink still refuses becomes a dead letter. The item is confirmed once its dead
 *   letter is in the table.
 * - `fatal`: an operator must change the sink, its configuration or its permissions. The caller sends the same item again after at most a
 *   minute, without a limit of attempts. Nothing is dropped: the journal keeps the records, and `/readyz` reports the reason.
 *
 * For every class, the caller sends later items of the same lane only after this item was confirmed. The lane of an event is its KV key, or its
 * subject if it has no key. Items of other lanes continue. So a sink neither keeps an order nor retries.
 */
export type DeliveryErrorClass = 'transient' | 'overload' | 'bad-row' | 'fatal';

/** The only kind of error that the methods of a sink reject with. */
export class DeliveryError extends Error {
  readonly class: DeliveryErrorClass;
  /** The error code of the server; undefined if it gave none. */
  readonly code: string | undefined;
  constructor(errorClass: DeliveryErrorClass, message: string, code?: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'DeliveryError';
    this.class = errorClass;
    this.code = code;
  }
}

/** Code of the error with which `TableSink.open` reports that some tables are usable and others are not. */
export const TABLE_BROKEN = 'TABLE_BROKEN';

/** A connector that writes batches of rows to tables. */
export interface TableSink {
  /**
   * Connects, and creates or updates the tables. Rejects with a DeliveryError; the caller then calls it again, as for an item of that class. With
   * the code `TABLE_BROKEN`, an operator must repair a table: `status` names it, and its inserts are `fatal` until then. The caller sends
   * batches meanwhile, because the other tables accept rows.
   */
  open(tables: readonly Table[]): Promise<void>;
  /**
   * Inserts a batch. Resolves once its rows are durable in the table. A second insert of the same whole batch with the same token adds nothing.
   * Rejects with a DeliveryError: `bad-row` or `overload` only if no row of the batch is in the table, now or later. After any
   * other error the caller sends the same batch with the same token.
   */
  insert(batch: Batch, token: string): Promise<void>;
  status(): PortStatus;
  close(): Promise<void>;
}

/**
 * Positions of event streams by name: when the stream was created, which identifies it, and the sequence number of a message. Later messages have
 * higher numbers, whatever the clocks are.
 */
export type StreamPositions = Readonly<Record<string, { readonly created: string; readonly sequence: number }>>;

/** A connector that publishes events. */
export interface EventSink {
  /**
   * Connects, and creates missing streams and buckets. Rejects with a DeliveryError; the caller then calls it again, as for an item of that class.
   * The parameters name events of earlier runs that may be published a second time, so that the sink can deduplicate them: those published since
   * `repeatsFrom` (milliseconds since the epoch), or, in a stream that `after` names and that was not created again, those after this position.
   */
  open(repeatsFrom?: number, after?: StreamPositions): Promise<void>;
  /** The current positions of the streams that are known. Absent if the sink knows none. */
  positions?(): StreamPositions;
  /**
   * Publishes an event. Resolves once the server has stored it (and its KV entry). A second publication of the event, or of a shorter form with
   * the same id, adds nothing. Rejects with a DeliveryError. The caller publishes events of one lane one after another.
   */
  publish(event: EventOutput): Promise<void>;
  status(): PortStatus;
  close(): Promise<void>;
}

/** Receives attributes of devices from a source. Calls are synchronous. */
export interface AttributeHandler {
  /**
   * Receives all entries of the source: for each device, an object as JSON text. Devices without an entry are removed. An undefined text means an
   * unusable entry: the device keeps its known attributes.
   */
  all(entries: ReadonlyMap<string, string | undefined>): void;
  /** Receives the new entry of one device: an object as JSON text. */
  put(device: string, text: string): void;
  /** The entry of this device was removed. */
  removed(device: string): void;
  /** A part of the source cannot be used; the known attributes are kept. Each text describes one fault, with its place and the remedy. */
  faulty(faults: readonly string[]): void;
}

/** A connector that reads attributes of devices. */
export interface AttributeSource {
  /** Calls the handler until `stop`. A source that can be read synchronously has called `all` when this returns. */
  start(handler: AttributeHandler): void;
  /** Resolves when the source has stopped. */
  stop(): Promise<void>;
  status(): PortStatus;
}

/** The time of this machine, for everything outside of the fold. The fold uses only times from the journal. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds since an unspecified instant. Changes of the host's clock do not affect it. */
  steady(): number;
}
