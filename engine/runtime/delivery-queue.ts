import { Subject, type Subscription } from 'rxjs';
import { createOutbox, type Outbox, type OutboxItem } from '../delivery/outbox.ts';
import { deliver, type Lane } from '../operators/deliver.ts';
import type { DeliveryError } from '../ports.ts';

export interface DeliveryQueueOptions<T> {
  /** Opens the sink. It is called again until it succeeds; no item is sent before. */
  readonly open: () => Promise<void>;
  /** Whether items may be sent although `open` failed with this error, because the sink accepts some of them. Default: never. */
  readonly isOpenInPart?: (error: unknown) => boolean;
  readonly send: (item: T) => Promise<void>;
  /** `lane`, `concurrency` and `refused`: see `DeliverOptions`. */
  readonly lane: (item: T) => Lane | undefined;
  readonly concurrency?: number;
  readonly refused?: (item: T, error: DeliveryError) => Promise<void>;
  /** Bytes of memory that an item takes. */
  readonly bytesOf: (item: T) => number;
  readonly random: () => number;
  /** Called before each retry; without an item if the sink could not be opened. */
  readonly onRetry: (error: DeliveryError, item: T | undefined, attempt: number, waitMs: number) => void;
  /** Called when an item was confirmed. Default: nothing. */
  readonly onConfirmed?: (item: T) => void;
  /** Called soon after items were confirmed, once for all of them, and when the sink was opened. */
  readonly onProgress: () => void;
}

/** The queue of items for one sink: it retries each item until the sink confirms or refuses it, and counts the bytes that wait. */
export interface DeliveryQueue<T> {
  readonly outbox: Outbox;
  readonly isOpen: boolean;
  /** Items that the sink does not accept, although it may accept others; undefined if there are none. */
  readonly stuck: Stuck | undefined;
  /** Takes an item. Calls `confirmed` when it was confirmed. */
  push(item: T, confirmed?: () => void): OutboxItem;
  /** The item that `push` returned this for no longer takes memory, because it was spilled. */
  releaseMemory(pushed: OutboxItem): void;
  /** Stops delivery and retries. The journal still has the records of unconfirmed items. */
  stop(): void;
}

/** Items that the sink does not accept. */
export interface Stuck {
  /** How many items have failed repeatedly, or with an error that an operator must correct. Items that wait for these are not counted. */
  readonly items: number;
  /** The last error of the item that has been stuck for the longest time. */
  readonly error: DeliveryError;
}

/** From this number of attempts on, an item is stuck. By then it has waited for some seconds. */
const STUCK_AFTER = 5;

/** An item with what the queue keeps about it. */
interface Entry<T> {
  readonly item: T;
  readonly waiting: OutboxItem;
  readonly confirmed: (() => void) | undefined;
}

export function createDeliveryQueue<T>(options: DeliveryQueueOptions<T>): DeliveryQueue<T> {
  const outbox = createOutbox();
  const entries$ = new Subject<Entry<T>>();
  const opening$ = new Subject<undefined>();
  const subscriptions: Subscription[] = [];
  let opened: () => void;
  let isOpen = false;
  const open = new Promise<void>((resolve) => {
    opened = resolve;
  });

  const { random, refused } = options;
  const stuck = new Map<T, DeliveryError>();
  const onRetry = (error: DeliveryError, { item }: Entry<T>, attempt: number, waitMs: number) => {
    if (error.class === 'fatal' || error.class === 'overload' || attempt >= STUCK_AFTER) stuck.set(item, error);
    options.onRetry(error, item, attempt, waitMs);
  };
  const onRetryOpen = (error: DeliveryError, _item: undefined, attempt: number, waitMs: number) =>
    options.onRetry(error, undefined, attempt, waitMs);
  let isProgressNoted = false;
  /** One answer of a server often confirms many items. */
  const noteProgress = () => {
    if (isProgressNoted) return;
    isProgressNoted = true;
    queueMicrotask(() => {
      isProgressNoted = false;
      options.onProgress();
    });
  };
  const startSending = () => {
    isOpen = true;
    opened();
    options.onProgress();
  };
  const openOnce = async () => {
    try {
      await options.open();
    } catch (error) {
      if (options.isOpenInPart?.(error)) startSending();
      throw error;
    }
  };
  subscriptions.push(
    opening$.pipe(deliver({ send: openOnce, lane: () => 0, random, onRetry: onRetryOpen })).subscribe(startSending),
    entries$
      .pipe(
        deliver<Entry<T>>({
          send: ({ item }) => (isOpen ? options.send(item) : open.then(() => options.send(item))),
          lane: ({ item }) => options.lane(item),
          ...(options.concurrency !== undefined && { concurrency: options.concurrency }),
          ...(refused !== undefined && { refused: ({ item }, error) => refused(item, error) }),
          random,
          onRetry,
        }),
      )
      .subscribe(({ item, waiting, confirmed }) => {
        if (stuck.size > 0) stuck.delete(item);
        outbox.confirm(waiting);
        options.onConfirmed?.(item);
        confirmed?.();
        noteProgress();
      }),
  );
  opening$.next(undefined);

  return {
    outbox,
    get isOpen() {
      return isOpen;
    },
    get stuck() {
      const [error] = stuck.values();
      return error && { items: stuck.size, error };
    },
    push(item, confirmed) {
      const waiting = outbox.add(options.bytesOf(item));
      entries$.next({ item, waiting, confirmed });
      return waiting;
    },
    releaseMemory(pushed) {
      if (pushed.confirmed) return;
      outbox.releaseBytes(pushed);
      options.onProgress();
    },
    stop() {
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };
}
