import type { Logger } from 'pino';
import type { Clock, PortStatus } from '../ports.ts';
import type { CounterName, Counters } from '../telemetry.ts';

export interface RoomWatchOptions {
  readonly counters: Counters;
  readonly clock: Clock;
  readonly log: Logger;
  /** The limits that are reached, in words. */
  readonly full: () => readonly string[];
}

/** Whether there are more devices or keys than the engine remembers. */
export interface RoomWatch {
  /** Looks at the counters; to be called about once a second. Logs the first reading that is not judged, and sums up once a minute after that. */
  look(): void;
  /** Always ready, for what is known is judged as ever; the reason says what is full. */
  status(): PortStatus;
}

const SUMMARY_MS = 60_000;
const COUNTED = [
  'readings_over_device_limit',
  'readings_over_key_limit',
  'readings_over_group_limit',
  'statuses_over_device_limit',
] as const satisfies readonly CounterName[];

export function createRoomWatch({ counters, clock, log, full }: RoomWatchOptions): RoomWatch {
  const seen: Partial<Counters> = {};
  let loggedAt = Number.NEGATIVE_INFINITY;
  return {
    look() {
      const counts = COUNTED.map((name) => [name, counters[name] - (seen[name] ?? 0)] as const);
      const now = clock.now();
      if (counts.every(([, count]) => count === 0) || Math.abs(now - loggedAt) < SUMMARY_MS) return;
      for (const name of COUNTED) seen[name] = counters[name];
      loggedAt = now;
      log.warn(
        { full: full(), ...Object.fromEntries(counts.filter(([, count]) => count > 0)) },
        'there is no room for more devices or keys: their readings are stored, and rules do not look at them. Raise the limits of the stream, and the heap with them, or find out who makes them up',
      );
    },
    status() {
      const reached = full();
      return {
        name: 'rules',
        ready: true,
        ...(reached.length > 0 && { reason: `no room for more: ${reached.join('; ')}` }),
      };
    },
  };
}
