import {
  catchError,
  defer,
  EMPTY,
  expand,
  type MonoTypeOperatorFunction,
  map,
  mergeMap,
  Observable,
  retry,
  tap,
  timer,
} from 'rxjs';
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
    defer(() => {
      const limit = createLimit(options.concurrency ?? Number.POSITIVE_INFINITY);
      const sendUntilDone = (item: T) => sendWithRetries(item, limit, options);
      /** The items that wait, by lane, while an item of the lane is being delivered. An idle lane takes no memory. */
      const queues = new Map<Lane, T[]>();
      return items$.pipe(
        mergeMap((item) => {
          const lane = options.lane(item);
          if (lane === undefined) return sendUntilDone(item);
          const queue = queues.get(lane);
          if (queue !== undefined) {
            queue.push(item);
            return EMPTY;
          }
          const waiting: T[] = [];
          queues.set(lane, waiting);
          return sendUntilDone(item).pipe(
            expand(() => {
              if (waiting.length > 0) return sendUntilDone(waiting.shift()!);
              queues.delete(lane);
              return EMPTY;
            }),
          );
        }),
      );
    });
}

function sendWithRetries<T>(item: T, limit: Limit, options: DeliverOptions<T>): Observable<T> {
  const { send, refused, random, onRetry } = options;
  return limit(() => send(item)).pipe(
    catchError((error: unknown) => {
      if (refused === undefined || !(error instanceof DeliveryError) || error.class !== 'bad-row') throw error;
      return refused(item, error);
    }),
    retry({
      delay: (cause: unknown, attempt) => {
        const error = cause instanceof DeliveryError ? cause : unexpected(cause);
        const waitMs = fullJitterMs(attempt - 1, random, WAITS[error.class]);
        onRetry(error, item, attempt, waitMs);
        return timer(waitMs);
      },
    }),
    map(() => item),
  );
}

/** Starts work when subscribed to; if no place is free, as soon as one is. */
type Limit = (work: () => Promise<void>) => Observable<void>;

function createLimit(places: number): Limit {
  let busy = 0;
  let waiting: (() => void)[] = [];
  let head = 0;
  const leave = () => {
    busy -= 1;
    if (head === waiting.length) return;
    const next = waiting[head++]!;
    if (head >= 1_024 || head === waiting.length) {
      waiting = waiting.slice(head);
      head = 0;
    }
    next();
  };
  return (work) =>
    new Observable((subscriber) => {
      const start = () => {
        busy += 1;
        // Not on unsubscription: it ends all work, and must not start work that waits.
        const settled = tap<void>({ error: leave, complete: leave });
        defer(work).pipe(settled).subscribe(subscriber);
      };
      if (busy < places) start();
      else waiting.push(start);
    });
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
