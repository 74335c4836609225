import type { Logger } from 'pino';
import type { Config } from '../model/config.ts';
import type { Clock } from '../ports.ts';
import type { CounterName, Counters } from '../telemetry.ts';
import type { DeliveryQueueOptions } from './delivery-queue.ts';

/** What both ways out are made with. */
export interface DeliveryOptions {
  readonly config: Config;
  readonly random: () => number;
  readonly clock: Pick<Clock, 'steady'>;
  readonly log: Logger;
  readonly counters: Counters;
  readonly onProgress: () => void;
}

/** No more often than this is the same kind of failure logged, however many items fail. */
const LOG_EVERY_MS = 60_000;

/** Counts failures, and logs the first of its class for each table or stream and then one a minute. */
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
      'delivery failed; it will be tried again',
    );
  };
}
