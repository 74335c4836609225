import type { Logger } from 'pino';
import type { StreamConfig } from '../model/config.ts';
import type { Reading } from '../model/reading.ts';
import type { Clock } from '../ports.ts';

export interface JumpLogOptions {
  readonly streams: readonly StreamConfig[];
  readonly clock: Clock;
  readonly log: Logger;
}

/** Logs that clocks of devices jumped: the first jump at once, then at most one summary per minute for all devices. */
export interface JumpLog {
  /** Adds a jump: the reading with which the clock of its device jumped, and the event time of the previous reading. */
  add(reading: Reading, from: number): void;
  /** Logs a summary if one is due. Call it about once a second. */
  check(): void;
}

const SUMMARY_MS = 60_000;

export function createJumpLog({ streams, clock, log }: JumpLogOptions): JumpLog {
  let jumps = 0;
  let last: { stream: string; device: string; from: string; to: string } | undefined;
  let loggedAt = Number.NEGATIVE_INFINITY;
  return {
    add({ stream, device, time }, from) {
      jumps += 1;
      const [before, after] = [from, time].map((at) => new Date(at).toISOString());
      last = { stream: streams[stream]!.name, device, from: before!, to: after! };
    },
    check() {
      const now = clock.steady();
      if (jumps === 0 || now - loggedAt < SUMMARY_MS) return;
      loggedAt = now;
      log.warn(
        { jumps, last },
        'clocks of devices jumped ahead: the rules begin from the start for these devices. Set the clocks of the devices; the field "last" has the latest jump',
      );
      jumps = 0;
    },
  };
}
