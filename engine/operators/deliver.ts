import { concatMap, defer, groupBy, type MonoTypeOperatorFunction, map, mergeMap, retry, timer } from 'rxjs';
import { fullJitterMs } from '../delivery/backoff.ts';
import { DeliveryError, type DeliveryErrorClass } from '../ports.ts';

export interface DeliverOptions<T> {
  /** Resolves when the other end has the item. Rejects with a DeliveryError. */
  readonly send: (item: T) => Promise<void>;
  /** Items of one lane go one after another, in order; lanes go side by side. A small number from 0. */
  readonly lane: (item: T) => number;
  readonly random: () => number;
  /** Called before each new try. */
  readonly onRetry: (error: DeliveryError, item: T, attempt: number, waitMs: number) => void;
}

/** First and longest wait by class of error; full jitter in between. A fatal one is tried again too, seldom: somebody may mend it. */
const WAITS = {
  transient: { baseMs: 200, capMs: 30_000 },
  overload: { baseMs: 2_000, capMs: 60_000 },
  'bad-row': { baseMs: 1_000, capMs: 60_000 },
  fatal: { baseMs: 60_000, capMs: 60_000 },
} satisfies Record<DeliveryErrorClass, { baseMs: number; capMs: number }>;

/** Delivers every item, trying again for ever with exponential backoff and full jitter, and hands it on once it is delivered. */
export function deliver<T>(options: DeliverOptions<T>): MonoTypeOperatorFunction<T> {
  const sendUntilDone = (item: T) =>
    defer(() => options.send(item)).pipe(
      retry({
        delay: (cause: unknown, attempt) => {
          const error = cause instanceof DeliveryError ? cause : unexpected(cause);
          const waitMs = fullJitterMs(attempt - 1, options.random, WAITS[error.class]);
          options.onRetry(error, item, attempt, waitMs);
          return timer(waitMs);
        },
      }),
      map(() => item),
    );
  return (items$) =>
    items$.pipe(
      groupBy(options.lane),
      mergeMap((lane$) => lane$.pipe(concatMap(sendUntilDone))),
    );
}

/** A sink that rejects with something else has a bug; the delivery is kept alive, the error is told. */
function unexpected(cause: unknown): DeliveryError {
  return new DeliveryError(
    'transient',
    `unexpected: ${cause instanceof Error ? cause.message : String(cause)}`,
    undefined,
    cause,
  );
}
