import { type MonoTypeOperatorFunction, Observable, type Subscriber, timer } from 'rxjs';
import { fullJitterMs } from '../delivery/backoff.ts';
import { DeliveryError, type DeliveryErrorClass } from '../ports.ts';

/** Names items that must stay in order: a key of events, or one of the concurrent inserts of a table. */
export type Lane = string | number;

/** How items of a stream are delivered to a sink. */
export interface DeliverOptions<T> {
  /** Resolves when the sink has acknowledged the item. Rejects with a DeliveryError. */
  readonly send: (item: T) => Promise<void>;
  /**
   * Items of one lane are delivered one after another, in order. Lanes do not wait for each other. Undefined: the item may be delivered in any
   * order.
   */
  readonly lane: (item: T) => Lane | undefined;
  /** How many sends may run at once, over all lanes. A lane that waits for its next try does not count. Default: no limit. */
  readonly concurrency?: number;
  /**
   * Takes an item that the sink will never accept (`bad-row`). Resolves when the item is safe elsewhere; the item then counts as delivered. If it
   * rejects, the item is sent again. It does not count towards `concurrency`. Default: such an item is sent again.
   */
  readonly refused?: (item: T, error: DeliveryError) => Promise<void>;
  readonly random: () => number;
  /** Called before each new try. */
  readonly onRetry: (error: DeliveryError, item: T, attempt: number, waitMs: number) => void;
}

/** First and longest wait by class of error; full jitter in between. */
const WAITS = {
  transient: { baseMs: 200, capMs: 30_000 },
  overload: { baseMs: 2_000, capMs: 60_000 },
  'bad-row': { baseMs: 1_000, capMs: 60_000 },
  fatal: { baseMs: 60_000, capMs: 60_000 },
} satisfies Record<DeliveryErrorClass, { baseMs: number; capMs: number }>;

/**
 * Delivers every item, and emits the item once it is delivered. An item that fails is tried again without end, with exponential backoff and
 * full jitter. No later item of its lane is sent before it. This is the only place that keeps deliveries in order.
 */
export function deliver<T>(options: DeliverOptions<T>): MonoTypeOperatorFunction<T> {
  return (items$) =>
    new Observable((subscriber) => {
      const sender = createSender(options, subscriber);
      subscriber.add(
        items$.subscribe({
          next: sender.add,
          error: (error) => subscriber.error(error),
          complete: sender.end,
        }),
      );
    });
}

/** An item on its way to the sink. */
interface Job<T> {
  readonly item: T;
  readonly lane: Lane | undefined;
  /** Failed attempts. */
  attempts: number;
}

/**
 * The way of items to the sink, without an observable for each: those cost more than everything else that an event needs here.
 */
function createSender<T>(options: DeliverOptions<T>, subscriber: Subscriber<T>): { add(item: T): void; end(): void } {
  const { send, refused, random, onRetry, concurrency = Number.POSITIVE_INFINITY } = options;
  /** By lane: the items that wait while one of the lane is being delivered. An idle lane takes no memory. */
  const lanes = new Map<Lane, Queue<T> | undefined>();
  /** Jobs that wait for one of the concurrent sends to end. */
  const ready = createQueue<Job<T>>();
  let sending = 0;
  let unfinished = 0;
  let ended = false;

  const start = (job: Job<T>): void => {
    if (sending < concurrency) sendNow(job);
    else ready.push(job);
  };
  const sendNow = (job: Job<T>): void => {
    sending += 1;
    settle(
      () => send(job.item),
      () => {
        finish(job);
        leave();
      },
      (error) => {
        leave();
        if (refused === undefined || !(error instanceof DeliveryError) || error.class !== 'bad-row')
          return tryLater(job, error);
        settle(
          () => refused(job.item, error),
          () => finish(job),
          (again) => tryLater(job, again),
        );
      },
    );
  };
  /** Not after the subscription has ended: that ends all work, and must not start work that waits. */
  const leave = (): void => {
    sending -= 1;
    const next = subscriber.closed ? undefined : ready.shift();
    if (next !== undefined) sendNow(next);
  };
  const finish = ({ item, lane }: Job<T>): void => {
    if (subscriber.closed) return;
    subscriber.next(item);
    unfinished -= 1;
    if (lane !== undefined) startNext(lane);
    if (ended && unfinished === 0) subscriber.complete();
  };
  const startNext = (lane: Lane): void => {
    const next = lanes.get(lane)?.shift();
    if (next === undefined) lanes.delete(lane);
    else start({ item: next, lane, attempts: 0 });
  };
  const tryLater = (job: Job<T>, cause: unknown): void => {
    if (subscriber.closed) return;
    const error = cause instanceof DeliveryError ? cause : unexpected(cause);
    const waitMs = fullJitterMs(job.attempts, random, WAITS[error.class]);
    job.attempts += 1;
    onRetry(error, job.item, job.attempts, waitMs);
    subscriber.add(timer(waitMs).subscribe(() => start(job)));
  };
  return {
    add(item) {
      unfinished += 1;
      const lane = options.lane(item);
      if (lane !== undefined && lanes.has(lane)) {
        const waiting = lanes.get(lane) ?? createQueue<T>();
        waiting.push(item);
        lanes.set(lane, waiting);
        return;
      }
      if (lane !== undefined) lanes.set(lane, undefined);
      start({ item, lane, attempts: 0 });
    },
    end() {
      ended = true;
      if (unfinished === 0) subscriber.complete();
    },
  };
}

/** Calls one of the functions with the outcome of the work, also if it throws. */
function settle(work: () => Promise<void>, done: () => void, failed: (error: unknown) => void): void {
  let working: Promise<void>;
  try {
    working = work();
  } catch (error) {
    failed(error);
    return;
  }
  working.then(done, failed);
}

/** First in, first out; both ends in constant time. */
interface Queue<T> {
  push(item: T): void;
  shift(): T | undefined;
}

/** Removed items leave memory in portions of this size. */
const QUEUE_PORTION = 1_024;

function createQueue<T>(): Queue<T> {
  let items: T[] = [];
  let head = 0;
  return {
    push(item) {
      items.push(item);
    },
    shift() {
      if (head === items.length) return undefined;
      const item = items[head++];
      if (head >= QUEUE_PORTION || head === items.length) {
        items = items.slice(head);
        head = 0;
      }
      return item;
    },
  };
}

/** Wraps an error that is not a DeliveryError, which is a bug of the sink. The item is sent again, and the error is reported. */
function unexpected(cause: unknown): DeliveryError {
  return new DeliveryError(
    'transient',
    `unexpected: ${cause instanceof Error ? cause.message : String(cause)}`,
    undefined,
    cause,
  );
}
