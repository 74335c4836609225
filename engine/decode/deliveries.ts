/**
 * The messages of one broker connection that the broker may deliver again: the last message of each packet id, and the earlier messages whose
 * acknowledgement the broker may not have received yet (unsettled messages). Messages are numbered from 1 in the order of arrival. The state
 * is in flat arrays, because every message adds and removes entries: 16 bytes for each packet id up to the highest seen, and 18 for each
 * unsettled message.
 */
export interface Deliveries {
  /** Number of the latest message. */
  taken: number;
  /** By packet id: number of its latest message; 0: none. */
  takenAt: Float64Array;
  /** By packet id: hash of topic and payload of its latest message. */
  high: Int32Array;
  low: Int32Array;
  /** Messages up to this number are settled: the broker has certainly received their acknowledgements. */
  settled: number;
  /** The unsettled messages, by number modulo the length of these arrays. */
  readonly unsettled: Unsettled;
  /** Live time of the connection at each tick, and the number of the latest message then. It covers the last `SETTLING_MS` of this connection. */
  readonly ticks: [liveMs: number, taken: number][];
  /** The number of packet ids whose latest message has this fingerprint (`fingerprintOf`). It is computed from the arrays when first needed. */
  counts: Map<number, number> | undefined;
  /** The parts of these arrays that checkpoints store. */
  readonly blocks: DeliveryBlocks;
}

/** The unsettled messages in flat arrays. */
export interface Unsettled {
  ids: Uint16Array;
  high: Int32Array;
  low: Int32Array;
  /** Number of the previous message with the same packet id; 0: none. */
  before: Float64Array;
}

/**
 * A part of the deliveries of one connection, as a checkpoint stores it: the messages of 256 successive numbers, or the latest messages of 256
 * packet ids. So a checkpoint writes only what has changed since the one before.
 */
export interface DeliveryBlock {
  /** For checkpoints, see `Part` in state/changes. */
  number: number;
  section: number;
  readonly of: Deliveries;
  readonly holds: 'messages' | 'ids';
  /** The first message number, or packet id, divided by 256. */
  readonly index: number;
}

/** Informs checkpoints about changes, see `Changes` in state/changes. */
export interface BlockChanges {
  next: number;
  add(block: DeliveryBlock): void;
  touch(block: DeliveryBlock): void;
  remove(block: DeliveryBlock): void;
}

/** The blocks of one connection, by index. */
export interface DeliveryBlocks {
  /** Those with a message that is not settled, the oldest first. */
  readonly messages: Map<number, DeliveryBlock>;
  readonly ids: Map<number, DeliveryBlock>;
  readonly changes: BlockChanges;
}
