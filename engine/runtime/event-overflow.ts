import type { Logger } from 'pino';
import { createEventReader, createEventWriter, type EventWriter } from '../delivery/event-bytes.ts';
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
  /** Events go to the disk in chunks of about so many bytes. */
  readonly chunkBytes: number;
  /** A chunk goes to the disk when it is full, if the chunks in memory have more bytes than this. */
  readonly memoryBytes: number;
  /** Whether the delivery queue takes more events now. */
  readonly hasRoom: () => boolean;
  /** Passes an event to the delivery queue, which calls `confirmed` when it was delivered. */
  readonly push: (event: EventOutput, confirmed: () => void) => void;
  /** Called when events have left memory. */
  readonly onProgress: () => void;
  readonly log: Logger;
}

/** The events for which the delivery queue has no room, in their order, as bytes. What memory has no room for is on the disk. */
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
  /** Takes further events; absent when the chunk is full. */
  writer?: EventWriter | undefined;
  /** Present when the chunk is full. */
  stored?: Spillable<Uint8Array>;
  /** Bytes of memory; 0 while it is on the disk. */
  bytes: number;
  unconfirmed: number;
  readonly confirmed: () => void;
}

/** The chunk whose events are being passed on. */
interface Reading {
  readonly chunk: Chunk;
  readonly next: () => EventOutput | undefined;
}

/**
 * Creates an empty overflow. Like batches of rows, events on the disk need not survive a crash: the journal makes them again. If the disk
 * fails, they stay in memory, and intake stops when that is full.
 */
export function createEventOverflow(options: EventOverflowOptions): EventOverflow {
  const { folder, outbox, chunkBytes, memoryBytes, hasRoom, push, onProgress, log } = options;
  const spill = createSpill<Uint8Array>(folder);
  /** The oldest first; only the last one takes further events. */
  const chunks: Chunk[] = [];
  let reading: Reading | undefined;
  let bytes = 0;
  let isLoading = false;
  let lastWrite: Promise<void> = Promise.resolve();
  let retry: NodeJS.Timeout | undefined;
  let isStopped = false;

  const setBytes = (chunk: Chunk, size: number): void => {
    bytes += size - chunk.bytes;
    chunk.bytes = size;
  };
  const beginChunk = (): Chunk => {
    const chunk: Chunk = {
      item: outbox.add(0),
      writer: createEventWriter(),
      bytes: 0,
      unconfirmed: 0,
      confirmed: () => {
        chunk.unconfirmed -= 1;
        if (chunk.unconfirmed === 0) outbox.confirm(chunk.item);
      },
    };
    chunks.push(chunk);
    return chunk;
  };
  const store = async (chunk: Chunk): Promise<void> => {
    try {
      if (!(await chunk.stored!.spill())) return;
      setBytes(chunk, 0);
      onProgress();
    } catch (error) {
      log.error({ err: error }, 'events could not be spilled to the disk; they stay in memory. Check the disk');
    }
  };
  const close = (chunk: Chunk): void => {
    const content = chunk.writer!.take();
    chunk.writer = undefined;
    chunk.stored = spill.wrap(content, content.length);
    if (bytes > memoryBytes) lastWrite = lastWrite.then(() => store(chunk));
  };
  const load = async (chunk: Chunk): Promise<void> => {
    isLoading = true;
    try {
      const content = await chunk.stored!.load();
      setBytes(chunk, content.length);
      reading = { chunk, next: createEventReader(content) };
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
  const finishReading = ({ chunk }: Reading): void => {
    reading = undefined;
    setBytes(chunk, 0);
    chunk
      .stored!.delete()
      .catch((error: unknown) => log.warn({ err: error }, 'a file of spilled events cannot be deleted'));
  };
  const refill = (): void => {
    while (!isLoading && !isStopped && hasRoom()) {
      const event = reading?.next();
      if (event !== undefined) push(event, reading!.chunk.confirmed);
      else if (reading !== undefined) finishReading(reading);
      else if (chunks.length === 0) return;
      else {
        const chunk = chunks.shift()!;
        if (chunk.writer !== undefined) close(chunk);
        void load(chunk);
      }
    }
  };
  return {
    get isEmpty() {
      return chunks.length === 0 && reading === undefined && !isLoading;
    },
    get bytes() {
      return bytes;
    },
    get spilledBytes() {
      return spill.bytes;
    },
    add(event) {
      const last = chunks.at(-1);
      const chunk = last?.writer === undefined ? beginChunk() : last;
      const writer = chunk.writer!;
      writer.add(event);
      chunk.unconfirmed += 1;
      setBytes(chunk, writer.byteLength);
      if (writer.byteLength >= chunkBytes) close(chunk);
    },
    refill,
    stop() {
      isStopped = true;
      clearTimeout(retry);
    },
  };
}
