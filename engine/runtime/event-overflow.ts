import type { Logger } from 'pino';
import type { Outbox, OutboxItem } from '../delivery/outbox.ts';
import type { EventOutput } from '../model/output.ts';
import { createSpill, type Spillable } from './spill.ts';

/** Wait after an error of the disk. */
const RETRY_MS = 1_000;

export interface EventOverflowOptions {
  /** Folder of the events on the disk. */
  readonly folder: string;
  /** The outbox of the delivery queue. */
  readonly outbox: Outbox;
  readonly bytesOf: (event: EventOutput) => number;
  /** Events go to the disk in chunks of about so many bytes of memory. */
  readonly chunkBytes: number;
  /** Whether the delivery queue takes more events now. */
  readonly hasRoom: () => boolean;
  /** Passes an event to the delivery queue, which calls `confirmed` when it was delivered. */
  readonly push: (event: EventOutput, confirmed: () => void) => void;
  /** Called when events have left memory. */
  readonly onProgress: () => void;
  readonly log: Logger;
}

/** The events for which the delivery queue has no room, in their order, most of them on the disk. */
export interface EventOverflow {
  readonly isEmpty: boolean;
  /** Bytes of memory. */
  readonly bytes: number;
  /** Bytes on the disk. */
  readonly spilledBytes: number;
  add(event: EventOutput): void;
  /** Passes events to the delivery queue, the oldest first, while it has room. */
  refill(): void;
  stop(): void;
}

/** Events that follow each other. In the outbox they are one item, which is confirmed with the last of them. */
interface Chunk {
  readonly item: OutboxItem;
  /** While the chunk takes further events. */
  events: EventOutput[];
  /** After that. */
  stored?: Spillable<readonly EventOutput[]>;
  bytes: number;
  isInMemory: boolean;
  unconfirmed: number;
}

/**
 * Creates an empty overflow. Like batches of rows, events on the disk need not survive a crash: the journal makes them again. If the disk
 * fails, they stay in memory, and intake stops when that is full.
 */
export function createEventOverflow(options: EventOverflowOptions): EventOverflow {
  const { folder, outbox, bytesOf, chunkBytes, hasRoom, push, onProgress, log } = options;
  const spill = createSpill<readonly EventOutput[]>(folder);
  /** The oldest first; only the last one takes further events. */
  const chunks: Chunk[] = [];
  let bytes = 0;
  let isLoading = false;
  let lastWrite: Promise<void> = Promise.resolve();
  let retry: NodeJS.Timeout | undefined;
  let isStopped = false;

  const leaveMemory = (chunk: Chunk): void => {
    if (!chunk.isInMemory) return;
    chunk.isInMemory = false;
    bytes -= chunk.bytes;
  };
  const store = async (chunk: Chunk): Promise<void> => {
    try {
      if (!(await chunk.stored!.spill())) return;
      leaveMemory(chunk);
      onProgress();
    } catch (error) {
      log.error({ err: error }, 'events could not be spilled to the disk; they stay in memory. Check the disk');
    }
  };
  const close = (chunk: Chunk): void => {
    chunk.stored = spill.wrap(chunk.events.map(withoutCopy), chunk.bytes);
    chunk.events = [];
    lastWrite = lastWrite.then(() => store(chunk));
  };
  const passOn = (chunk: Chunk, events: readonly EventOutput[]): void => {
    leaveMemory(chunk);
    const confirmed = (): void => {
      chunk.unconfirmed -= 1;
      if (chunk.unconfirmed === 0) outbox.confirm(chunk.item);
    };
    for (const event of events) push(event, confirmed);
  };
  const load = async (chunk: Chunk, stored: NonNullable<Chunk['stored']>): Promise<void> => {
    isLoading = true;
    try {
      const events = await stored.load();
      if (isStopped) return;
      passOn(chunk, events.map(withCopy));
      await stored.delete();
    } catch (error) {
      log.error(
        { err: error },
        'events that were spilled to the disk cannot be read; Weir tries again. Check the disk',
      );
      chunks.unshift(chunk);
      if (!isStopped) retry = setTimeout(refill, RETRY_MS);
      return;
    } finally {
      isLoading = false;
    }
    refill();
  };
  const refill = (): void => {
    while (!isLoading && !isStopped && chunks.length > 0 && hasRoom()) {
      const chunk = chunks.shift()!;
      if (chunk.stored === undefined) passOn(chunk, chunk.events);
      else void load(chunk, chunk.stored);
    }
  };
  return {
    get isEmpty() {
      return chunks.length === 0 && !isLoading;
    },
    get bytes() {
      return bytes;
    },
    get spilledBytes() {
      return spill.bytes;
    },
    add(event) {
      let chunk = chunks.at(-1);
      if (chunk === undefined || chunk.stored !== undefined) {
        chunk = { item: outbox.add(0), events: [], bytes: 0, isInMemory: true, unconfirmed: 0 };
        chunks.push(chunk);
      }
      const size = bytesOf(event);
      bytes += size;
      chunk.bytes += size;
      chunk.unconfirmed += 1;
      chunk.events.push(event);
      if (chunk.bytes >= chunkBytes) close(chunk);
    },
    refill,
    stop() {
      isStopped = true;
      clearTimeout(retry);
    },
  };
}

/** The value of a KV entry is often the event itself. The disk needs it once; no value is empty. */
function withoutCopy(event: EventOutput): EventOutput {
  const { kv, body } = event;
  return kv?.value === body ? { ...event, kv: { ...kv, value: '' } } : event;
}

function withCopy(event: EventOutput): EventOutput {
  const { kv, body } = event;
  return kv?.value === '' ? { ...event, kv: { ...kv, value: body } } : event;
}
