/** A record of the journal, which holds everything that can change an outcome, in order. */
export type JournalRecord = MessageRecord | TickRecord | MarkRecord | AttributesRecord;

/** A record that has no offset yet. */
export type NewRecord =
  | Omit<MessageRecord, 'offset'>
  | Omit<TickRecord, 'offset'>
  | Omit<MarkRecord, 'offset'>
  | Omit<AttributesRecord, 'offset'>;

/** A message as the broker delivered it. */
export interface MessageRecord {
  readonly kind: 'message';
  /** Position in the journal; counts records from 0 without gaps. */
  readonly offset: number;
  /** Receive time, milliseconds since the epoch. */
  readonly at: number;
  /** Index of the broker in the config. */
  readonly connection: number;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /** The broker says that it may have delivered this message before (DUP flag). */
  readonly dup: boolean;
  /** The packet id by which broker and client identify the delivery; 0 for QoS 0. */
  readonly packetId: number;
  /** The message is a retried dead letter, at its first receive time. Its readings are stored and not evaluated. */
  readonly redriven?: true;
}

/** A message of a source, which has no place in the journal yet. */
export type MessageContent = Pick<MessageRecord, 'topic' | 'payload' | 'qos' | 'retain' | 'dup' | 'packetId'>;

/** One tick a second. Ticks close windows of quiet devices and detect silent devices. */
export interface TickRecord {
  readonly kind: 'tick';
  readonly offset: number;
  readonly at: number;
}

/**
 * Something that happened to Weir itself.
 * `cut` closes all open batches, so that the state after it holds no rows and can be a checkpoint.
 * `clock-stepped`: the clock of the host was set. Receive time continues from this mark.
 */
export type MarkName = 'started' | 'connected' | 'disconnected' | 'session-lost' | 'cut' | 'clock-stepped';

/** A control record of the journal. */
export interface MarkRecord {
  readonly kind: 'mark';
  readonly offset: number;
  readonly at: number;
  readonly mark: MarkName;
  /** Index of the broker, or -1 if the mark is about the whole process. */
  readonly connection: number;
  /** Milliseconds by which receive time was set forward with the host's clock. Only for `clock-stepped`. Absent: 0. */
  readonly steppedMs?: number;
  /**
   * Milliseconds by which receive time is ahead of the host's clock, which was set back. Only for `started`, `cut` and `clock-stepped`.
   * Absent: 0.
   */
  readonly aheadMs?: number;
}

/** The attributes of one device have changed. */
export interface AttributesRecord {
  readonly kind: 'attributes';
  readonly offset: number;
  readonly at: number;
  readonly device: string;
  /** A JSON object, of at most `MAX_ATTRIBUTES_BYTES`; undefined: the device has no attributes any more. */
  readonly text: string | undefined;
}
