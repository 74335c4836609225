import type { Logger } from 'pino';
import type { StreamConfig } from '../model/config.ts';
import type { Reading } from '../model/reading.ts';
import type { Clock } from '../ports.ts';

export interface JumpLogOptions {
  readonly streams: readonly StreamConfig[];
  readonly clock: Clock;
  readonly log: Logger;
}

/** Logs that the clocks of devices jump: the first time at once, then at most once a minute for all of them. */
export interface JumpLog {
  /** Takes in a reading with which the clock of its device jumped, and the event time of the reading before. */
  take(reading: Reading, from: number): void;
  /** To be called about once a second. */
  look(): void;
}

const SUMMARY_MS = 60_000;

export function createJumpLog({ streams, clock, log }: JumpLogOptions): JumpLog {
  let jumps = 0;
  let last: { stream: string; device: string; from: string; to: string } | undefined;
  let loggedAt = Number.NEGATIVE_INFINITY;
  return {
    take({ stream, device, time }, from) {
      jumps += 1;
      const [before, after] = [from, time].map((at) => new Date(at).toISOString());
      last = { stream: streams[stream]!.name, device, from: before!, to: after! };
    },
    look() {
      const now = clock.steady();
      if (jumps === 0 || now - loggedAt < SUMMARY_MS) return;
      loggedAt = now;
      log.warn(
        { jumps, last },
        'clocks of devices jumped ahead: what rules remember of these devices begins from the start',
      );
      jumps = 0;
    },
  };
}
