import type { Deliveries, DeliveryBlock } from './deliveries.ts';

/** A message, as a checkpoint stores it: its number, its packet id, and both halves of its hash. */
export type StoredMessage = readonly [number: number, packetId: number, high: number, low: number];

const SIZE = 256;
/** Bytes of a message: packet id and hash, after its number. */
const NUMBER_BYTES = 6;
const MESSAGE_BYTES = NUMBER_BYTES + 10;

/** Call it before a message with this number takes a slot; `slots` is the number of slots. */
export function touchMessage(deliveries: Deliveries, number: number, slots: number): void {
  const { messages, changes } = deliveries.blocks;
  const before = messages.get(Math.floor((number - slots) / SIZE));
  if (before !== undefined) changes.touch(before);
  touchBlock(deliveries, messages, 'messages', Math.floor(number / SIZE));
}

/** Call it before the latest message of a packet id changes. */
export function touchId(deliveries: Deliveries, packetId: number): void {
  touchBlock(deliveries, deliveries.blocks.ids, 'ids', Math.floor(packetId / SIZE));
}

/** Call it before all slots change. */
export function touchMessages({ blocks: { messages, changes } }: Deliveries): void {
  for (const block of messages.values()) changes.touch(block);
}

/** Call it before a packet id loses its latest message, for all of them. */
export function removeIds({ blocks: { ids, changes } }: Deliveries): void {
  for (const block of ids.values()) changes.remove(block);
  ids.clear();
}

/** Removes the blocks that have only messages up to this number. */
export function removeMessages({ blocks: { messages, changes } }: Deliveries, settled: number): void {
  for (const block of messages.values()) {
    if ((block.index + 1) * SIZE - 1 > settled) return;
    changes.remove(block);
    messages.delete(block.index);
  }
}

function touchBlock(
  of: Deliveries,
  blocks: Map<number, DeliveryBlock>,
  holds: DeliveryBlock['holds'],
  index: number,
): void {
  const { changes } = of.blocks;
  const known = blocks.get(index);
  if (known !== undefined) {
    changes.touch(known);
    return;
  }
  const block: DeliveryBlock = { number: changes.next++, section: 0, of, holds, index };
  blocks.set(index, block);
  changes.add(block);
}

/** All blocks of a connection, in an order that does not depend on when they were made. */
export function blocksOf({ blocks: { messages, ids } }: Deliveries): DeliveryBlock[] {
  return [...ids.values(), ...messages.values()].sort((a, b) => a.holds.localeCompare(b.holds) || a.index - b.index);
}

const scratch = Buffer.alloc(SIZE * MESSAGE_BYTES);

/** The messages of a block as bytes, valid until the next call. Those that are settled may be among them. */
export function packBlock({ of, holds, index }: DeliveryBlock): Uint8Array {
  const { taken, takenAt, high, low, unsettled } = of;
  const slots = unsettled.ids.length;
  let at = 0;
  for (let i = index * SIZE; i < (index + 1) * SIZE; i++) {
    if (holds === 'ids') {
      if (i < takenAt.length && takenAt[i]! > 0) at = write(at, takenAt[i]!, i, high[i]!, low[i]!);
    } else if (i <= taken && i > taken - slots) {
      const slot = i & (slots - 1);
      // A slot that was never used has no packet id.
      if (unsettled.ids[slot]! > 0)
        at = write(at, i, unsettled.ids[slot]!, unsettled.high[slot]!, unsettled.low[slot]!);
    }
  }
  return scratch.subarray(0, at);
}

function write(at: number, number: number, packetId: number, high: number, low: number): number {
  scratch.writeUIntLE(number, at, NUMBER_BYTES);
  scratch.writeUInt16LE(packetId, at + 6);
  scratch.writeInt32LE(high, at + 8);
  return scratch.writeInt32LE(low, at + 12);
}

/** The messages that `packBlock` has written. */
export function unpackBlock(bytes: Buffer): StoredMessage[] {
  const messages: StoredMessage[] = [];
  for (let at = 0; at < bytes.length; at += MESSAGE_BYTES) {
    messages.push([
      bytes.readUIntLE(at, NUMBER_BYTES),
      bytes.readUInt16LE(at + 6),
      bytes.readInt32LE(at + 8),
      bytes.readInt32LE(at + 12),
    ]);
  }
  return messages;
}
