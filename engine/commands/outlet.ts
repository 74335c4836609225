import { Subject, type Subscription } from 'rxjs';
import { createOutbox, type Outbox } from '../delivery/outbox.ts';
import { deliver } from '../operators/deliver.ts';
import type { DeliveryError } from '../ports.ts';

export interface OutletOptions<T> {
  /** Gets the sink ready; tried again until it succeeds. Nothing is sent before. */
  readonly open: () => Promise<void>;
  readonly send: (item: T) => Promise<void>;
  readonly lane: (item: T) => number;
  readonly bytesOf: (item: T) => number;
  readonly random: () => number;
  readonly onRetry: (error: DeliveryError, attempt: number, waitMs: number) => void;
  /** Something was confirmed, or the sink has become ready. */
  readonly onProgress: () => void;
}

/** The way out to one sink: everything pushed is delivered, in time; what waits is counted in bytes. */
export interface Outlet<T> {
  readonly outbox: Outbox;
  readonly isOpen: boolean;
  push(item: T): void;
  /** The item no longer takes memory. */
  lighten(item: T): void;
  /** Ends all tries. What is not confirmed stays in the journal. */
  stop(): void;
}

export function createOutlet<T>(options: OutletOptions<T>): Outlet<T> {
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

  const { random, lane } = options;
  const onRetry = (error: DeliveryError, _item: unknown, attempt: number, waitMs: number) =>
    options.onRetry(error, attempt, waitMs);
  subscriptions.push(
    opening$.pipe(deliver({ send: options.open, lane: () => 0, random, onRetry })).subscribe(() => {
      isOpen = true;
      opened();
      options.onProgress();
    }),
    items$
      .pipe(deliver({ send: (item) => open.then(() => options.send(item)), lane, random, onRetry }))
      .subscribe((item) => {
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
    push(item) {
      pending.set(item, outbox.add(options.bytesOf(item)));
      items$.next(item);
    },
    lighten(item) {
      const waiting = pending.get(item);
      if (waiting === undefined) return;
      outbox.lighten(waiting);
      options.onProgress();
    },
    stop() {
      for (const subscription of subscriptions) subscription.unsubscribe();
    },
  };
}
