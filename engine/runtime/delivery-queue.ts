import { Subject, type Subscription } from 'rxjs';
import { createOutbox, type Outbox } from '../delivery/outbox.ts';
import { deliver, type Lane } from '../operators/deliver.ts';
import type { DeliveryError } from '../ports.ts';

export interface DeliveryQueueOptions<T> {
  /** Gets the sink ready; tried again until it succeeds. Nothing is sent before. */
  readonly open: () => Promise<void>;
  /** Whether items may be sent although opening failed so, since the sink takes some of them. Default: never. */
  readonly isOpenInPart?: (error: unknown) => boolean;
  readonly send: (item: T) => Promise<void>;
  /** See `DeliverOptions`. */
  readonly lane: (item: T) => Lane | undefined;
  readonly concurrency?: number;
  readonly refused?: (item: T, error: DeliveryError) => Promise<void>;
  readonly bytesOf: (item: T) => number;
  readonly random: () => number;
  /** Called before each new try; without an item where the sink could not be opened. */
  readonly onRetry: (error: DeliveryError, item: T | undefined, attempt: number, waitMs: number) => void;
  /** Something was confirmed, or the sink has become ready. */
  readonly onProgress: () => void;
}

/** The way out to one sink: everything pushed is delivered, in time; what waits is counted in bytes. */
export interface DeliveryQueue<T> {
  readonly outbox: Outbox;
  readonly isOpen: boolean;
  /** Items that the sink does not take, though it may be ready for others; undefined where there are none. */
  readonly stuck: Stuck | undefined;
  push(item: T): void;
  /** The item no longer takes memory. */
  releaseBytes(item: T): void;
  /** Ends all tries. What is not confirmed stays in the journal. */
  stop(): void;
}

export interface Stuck {
  /** How many items have been tried often enough, or need somebody to change something. What waits behind them is not counted. */
  readonly items: number;
  /** Why the one that has been stuck longest failed last. */
  readonly error: DeliveryError;
}

/** From so many tries on an item is stuck; by then it has waited for some seconds. */
const STUCK_AFTER = 5;

export function createDeliveryQueue<T>(options: DeliveryQueueOptions<T>): DeliveryQueue<T> {
  const outbox = createOutbox();
  const pending = new Map<T, ReturnType<Outbox['add']>>();
  const items$ = new Subject<T>();
  const opening$ = new Subject<undefined>();
  const subscriptions: Subscription[] = [];
  let opened: () => void;
  let isOpen = false;
  const open = new Promise<void>((resolve) => {
    opened = resolve;
  });

  const { random } = options;
  const stuck = new Map<T, DeliveryError>();
  const onRetry = (error: DeliveryError, item: T, attempt: number, waitMs: number) => {
    if (error.class === 'fatal' || error.class === 'overload' || attempt >= STUCK_AFTER) stuck.set(item, error);
    options.onRetry(error, item, attempt, waitMs);
  };
  const onRetryOpen = (error: DeliveryError, _item: undefined, attempt: number, waitMs: number) =>
    options.onRetry(error, undefined, attempt, waitMs);
  const letThrough = () => {
    isOpen = true;
    opened();
    options.onProgress();
  };
  const openOnce = async () => {
    try {
      await options.open();
    } catch (error) {
      if (options.isOpenInPart?.(error)) letThrough();
      throw error;
    }
  };
  subscriptions.push(
    opening$.pipe(deliver({ send: openOnce, lane: () => 0, random, onRetry: onRetryOpen })).subscribe(letThrough),
    items$
      .pipe(deliver({ ...options, send: (item) => open.then(() => options.send(item)), onRetry }))
      .subscribe((item) => {
        stuck.delete(item);
        outbox.confirm(pending.get(item)!);
        pending.delete(item);
        options.onProgress();
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
    push(item) {
      pending.set(item, outbox.add(options.bytesOf(item)));
      items$.next(item);
    },
    releaseBytes(item) {
      const waiting = pending.get(item);
      if (waiting === undefined) return;
      outbox.releaseBytes(waiting);
      options.onProgress();
    },
    stop() {
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };
}
