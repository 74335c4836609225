import type { Logger } from 'pino';
import type { Config } from '../model/config.ts';
import type { Clock } from '../ports.ts';
import type { CounterName, Counters } from '../telemetry.ts';
import type { DeliveryQueueOptions } from './delivery-queue.ts';

/** Common options of table delivery and event delivery. */
export interface DeliveryOptions {
  readonly config: Config;
  /** Numbers in [0, 1), for the backoff of retries. */
  readonly random: () => number;
  readonly clock: Pick<Clock, 'steady'>;
  readonly log: Logger;
  readonly counters: Counters;
  /** See `DeliveryQueueOptions`. */
  readonly onProgress: () => void;
}

/** The same kind of failure is logged at most once in this time, even if many items fail. */
const LOG_EVERY_MS = 60_000;

/** Creates a function that counts failures. For each class and each table or stream, it logs the first failure at once, then at most one per minute. */
export function createRetryLog<T>(
  sink: string,
  counter: CounterName,
  placeOf: (item: T) => string,
  { log, counters, clock }: DeliveryOptions,
): DeliveryQueueOptions<T>['onRetry'] {
  const loggedAt = new Map<string, number>();
  return (error, item, attempt, waitMs) => {
    counters[counter] += 1;
    const place = item && placeOf(item);
    const kind = `${place} ${error.class}`;
    const now = clock.steady();
    if (now - (loggedAt.get(kind) ?? Number.NEGATIVE_INFINITY) < LOG_EVERY_MS) return;
    loggedAt.set(kind, now);
    const level = error.class === 'fatal' ? 'error' : 'warn';
    log[level](
      { sink, place, class: error.class, code: error.code, attempt, waitMs, reason: error.message },
      'delivery failed; Weir will retry it',
    );
  };
}
