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

/** What must stay in order: a key of events, or one of the inserts that a table may have under way. */
export type Lane = string | number;

export interface DeliverOptions<T> {
  /** Resolves when the other end has the item. Rejects with a DeliveryError. */
  readonly send: (item: T) => Promise<void>;
  /**
   * Items of one lane are delivered one after another, in order; lanes do not wait for each other. Undefined for an item that may go out
   * in any order.
   */
  readonly lane: (item: T) => Lane | undefined;
  /** Sends under way at once, over all lanes. A lane that waits for its next try is not one of them. Default: no limit. */
  readonly concurrency?: number;
  /**
   * Takes an item that the other end will never have (`bad-row`) and resolves when that is safe elsewhere: then it counts as delivered. Where
   * it rejects, the item is sent again. It is not one of those under way. Default: such an item is sent again.
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
 * Delivers every item and emits it once it is delivered. An item that fails is tried again for ever, with exponential backoff and full
 * jitter; no later item of its lane passes it. This is the only place that keeps deliveries in order.
 */
export function deliver<T>(options: DeliverOptions<T>): MonoTypeOperatorFunction<T> {
  return (items$) =>
    defer(() => {
      const limit = createLimit(options.concurrency ?? Number.POSITIVE_INFINITY);
      const sendUntilDone = (item: T) => sendWithRetries(item, limit, options);
      /** What waits in each lane that has an item under way. A lane without one takes no memory. */
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
          const behind: T[] = [];
          queues.set(lane, behind);
          return sendUntilDone(item).pipe(
            expand(() => {
              if (behind.length > 0) return sendUntilDone(behind.shift()!);
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

/** Starts work when subscribed to, or as soon as there is room for it. */
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
        // Not at an unsubscription: that ends all work, and must not start what waits.
        const settled = tap<void>({ error: leave, complete: leave });
        defer(work).pipe(settled).subscribe(subscriber);
      };
      if (busy < places) start();
      else waiting.push(start);
    });
}

/** A sink that rejects with something else has a bug; the delivery is kept alive, and the error is reported. */
function unexpected(cause: unknown): DeliveryError {
  return new DeliveryError(
    'transient',
    `unexpected: ${cause instanceof Error ? cause.message : String(cause)}`,
    undefined,
    cause,
  );
}
