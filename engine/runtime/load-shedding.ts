import type { Logger } from 'pino';
import type { Clock } from '../ports.ts';
import type { Counters } from '../telemetry.ts';

export interface SheddingOptions {
  readonly counters: Counters;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Reports that QoS 0 messages are shed, by the intake or by a source. */
export interface Shedding {
  /** Checks the counter. Call it about once a second. Logs one line when shedding begins, and one when it ends. */
  check(): void;
  /** How many messages were shed, and since when; undefined while none are shed. */
  reason(): string | undefined;
}

/** Shedding has ended when no message was shed for this time. Shorter pauses usually have the same cause. */
const QUIET_MS = 10_000;

export function createShedding({ counters, clock, log }: SheddingOptions): Shedding {
  let seen = counters.messages_shed;
  let lastAt = 0;
  let begun: { readonly at: number; readonly before: number } | undefined;
  return {
    check() {
      const at = clock.now();
      if (counters.messages_shed > seen) {
        if (begun === undefined) {
          begun = { at, before: seen };
          log.warn('QoS 0 messages are shed and lost: they arrive faster than Weir can store them');
        }
        seen = counters.messages_shed;
        lastAt = at;
      } else if (begun !== undefined && at - lastAt >= QUIET_MS) {
        log.info({ shed: seen - begun.before }, 'QoS 0 messages are no longer shed');
        begun = undefined;
      }
    },
    reason: () =>
      begun === undefined
        ? undefined
        : `QoS 0 messages are shed: ${counters.messages_shed - begun.before} since ${new Date(begun.at).toISOString()}`,
  };
}
