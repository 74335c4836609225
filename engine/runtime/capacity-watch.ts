import type { Logger } from 'pino';
import type { Plan } from '../model/plan/plan.ts';
import type { Clock, PortStatus } from '../ports.ts';
import type { CounterName, Counters } from '../telemetry.ts';

export interface CapacityWatchOptions {
  readonly counters: Counters;
  readonly clock: Clock;
  readonly log: Logger;
  /** The limits that are reached, in words. */
  readonly full: () => readonly string[];
}

/** Whether there are more devices or keys than the engine remembers. */
export interface CapacityWatch {
  /** Looks at the counters; to be called about once a second. Logs the first reading that is not judged, and sums up once a minute after that. */
  look(): void;
  /** Always ready, for what is known is judged as ever; the reason says what is full. */
  status(): PortStatus;
}

/** Bytes of heap, measured: of a device, of another key, and of what a rule remembers of either. */
const DEVICE_BYTES = 1_400;
const KEY_BYTES = 1_000;
const RULE_BYTES = 450;

/** About how much heap the devices and keys of a plan take where every limit is reached; bytes. */
export function roomBytes({ streams, rules }: Plan): number {
  let sum = 0;
  for (const { index, config, origin, keyings } of streams) {
    if (origin.kind !== 'devices') continue;
    const { devices, keys } = config.limits;
    for (const keying of keyings) {
      const perRule = RULE_BYTES * rules.filter((rule) => rule.stream === index && rule.keying === keying).length;
      sum += keying.byDevice ? devices * (DEVICE_BYTES + perRule) : keys * (KEY_BYTES + perRule);
    }
  }
  return sum;
}

/** Logs a warning where the limits allow more than the heap has room for. */
export function compareWithHeap(plan: Plan, heapBytes: number, log: Logger): void {
  const bytes = roomBytes(plan);
  if (bytes <= heapBytes * MOST_OF_HEAP) return;
  log.warn(
    { limitsMiB: Math.round(bytes / MIB), heapMiB: Math.round(heapBytes / MIB) },
    'the limits of the streams allow more devices and keys than the heap has room for: lower limits.devices and limits.keys, or raise --max-old-space-size',
  );
}

const MOST_OF_HEAP = 0.9;
const MIB = 1024 * 1024;
const SUMMARY_MS = 60_000;
const COUNTED = [
  'readings_over_device_limit',
  'readings_over_key_limit',
  'readings_over_group_limit',
  'statuses_over_device_limit',
] as const satisfies readonly CounterName[];

export function createCapacityWatch({ counters, clock, log, full }: CapacityWatchOptions): CapacityWatch {
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
