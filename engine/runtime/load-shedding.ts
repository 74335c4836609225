import type { Logger } from 'pino';
import type { Clock } from '../ports.ts';
import type { Counters } from '../telemetry.ts';

export interface SheddingOptions {
  readonly counters: Counters;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Whether QoS 0 messages are being shed, wherever that is done. */
export interface Shedding {
  /** Looks at the counter; to be called about once a second. Logs a line when shedding begins, and one when it is over. */
  look(): void;
  /** Since when, and how many; undefined while nothing is shed. */
  reason(): string | undefined;
}

/** It is over when none was shed for this long: a source that sheds now and then does so for one reason. */
const QUIET_MS = 10_000;

export function createShedding({ counters, clock, log }: SheddingOptions): Shedding {
  let seen = counters.messages_shed;
  let lastAt = 0;
  let begun: { readonly at: number; readonly before: number } | undefined;
  return {
    look() {
      const at = clock.now();
      if (counters.messages_shed > seen) {
        if (begun === undefined) {
          begun = { at, before: seen };
          log.warn('QoS 0 messages are shed: they come faster than they can be kept');
        }
        seen = counters.messages_shed;
        lastAt = at;
      } else if (begun !== undefined && at - lastAt >= QUIET_MS) {
        log.info({ shed: seen - begun.before }, 'QoS 0 messages are taken in again');
        begun = undefined;
      }
    },
    reason: () =>
      begun === undefined
        ? undefined
        : `QoS 0 messages are shed: ${counters.messages_shed - begun.before} since ${new Date(begun.at).toISOString()}`,
  };
}
