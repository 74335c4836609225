/** An item that was passed to a sink. */
export interface OutboxItem {
  bytes: number;
  confirmed: boolean;
}

/** The items that wait for the confirmation of a sink, in the order in which they were added. */
export interface Outbox {
  /** Bytes of the unconfirmed items. */
  readonly bytes: number;
  /** The number of items that were ever added. Pass it to `isConfirmed` later. */
  readonly position: number;
  add(bytes: number): OutboxItem;
  /** Counts the item with 0 bytes from now on. It stays unconfirmed. */
  releaseBytes(item: OutboxItem): void;
  confirm(item: OutboxItem): void;
  /** Whether all items that were added up to this position are confirmed. */
  isConfirmed(position: number): boolean;
}

/** An empty outbox. */
export function createOutbox(): Outbox {
  let waiting: OutboxItem[] = [];
  let head = 0;
  let before = 0;
  let bytes = 0;
  return {
    get bytes() {
      return bytes;
    },
    get position() {
      return before + waiting.length;
    },
    add(size) {
      const item: OutboxItem = { bytes: size, confirmed: false };
      waiting.push(item);
      bytes += size;
      return item;
    },
    releaseBytes(item) {
      if (item.confirmed) return;
      bytes -= item.bytes;
      item.bytes = 0;
    },
    confirm(item) {
      if (item.confirmed) return;
      item.confirmed = true;
      bytes -= item.bytes;
      while (head < waiting.length && waiting[head]!.confirmed) head += 1;
      if (head < 1_024 && head < waiting.length) return;
      waiting = waiting.slice(head);
      before += head;
      head = 0;
    },
    isConfirmed: (position) => before + head >= position,
  };
}
