/** Something that was handed to a sink and is not confirmed yet. */
export interface Pending {
  bytes: number;
  confirmed: boolean;
}

/** What waits for a sink, in the order in which it was handed over. */
export interface Outbox {
  /** Bytes that wait, confirmed ones not counted. */
  readonly bytes: number;
  /** How many things were ever handed over: a position to ask about later. */
  readonly position: number;
  add(bytes: number): Pending;
  /** It takes no room any more, and waits all the same. */
  lighten(pending: Pending): void;
  confirm(pending: Pending): void;
  /** Whether everything that had been handed over by then is confirmed. */
  isConfirmed(position: number): boolean;
}

export function createOutbox(): Outbox {
  let waiting: Pending[] = [];
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
      const pending: Pending = { bytes: size, confirmed: false };
      waiting.push(pending);
      bytes += size;
      return pending;
    },
    lighten(pending) {
      if (pending.confirmed) return;
      bytes -= pending.bytes;
      pending.bytes = 0;
    },
    confirm(pending) {
      if (pending.confirmed) return;
      pending.confirmed = true;
      bytes -= pending.bytes;
      while (head < waiting.length && waiting[head]!.confirmed) head += 1;
      if (head < 1_024 && head < waiting.length) return;
      waiting = waiting.slice(head);
      before += head;
      head = 0;
    },
    isConfirmed: (position) => before + head >= position,
  };
}
