import type { Logger } from 'pino';
import type { Plan } from '../model/plan/plan.ts';
import type { Clock, PortStatus } from '../ports.ts';
import type { CounterName, Counters } from '../telemetry.ts';

export interface CapacityWatchOptions {
  readonly counters: Counters;
  readonly clock: Clock;
  readonly log: Logger;
  /** The limits that are reached, in words: `50000 devices of sensors (limits.devices)`. */
  readonly fullLimits: () => readonly string[];
}

/** Reports devices and keys above the limits of the streams. */
export interface CapacityWatch {
  /** Checks the counters. Call it about once a second. Logs the first reading above a limit at once, then at most one summary per minute. */
  check(): void;
  /** Always ready, because rules still evaluate the known devices and keys. The reason names the limits that are reached. */
  status(): PortStatus;
}

/** Measured bytes of heap: for each device, for each key that is not a device, and for the state of one rule for either. */
const DEVICE_BYTES = 850;
const KEY_BYTES = 700;
const RULE_BYTES = 450;

/** About how much heap the devices and keys of a plan take when every limit is reached; bytes. */
export function fullHeapBytes({ streams, rules }: Plan): number {
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

/** Logs a warning if the limits allow more devices and keys than the heap has room for. */
export function compareWithHeap(plan: Plan, heapBytes: number, log: Logger): void {
  const bytes = fullHeapBytes(plan);
  if (bytes <= heapBytes * MOST_OF_HEAP) return;
  log.warn(
    { limitsMiB: Math.round(bytes / MIB), heapMiB: Math.round(heapBytes / MIB) },
    'the limits of the streams allow more devices and keys than the heap has room for: lower limits.devices and limits.keys, or raise --max-old-space-size of Node.js',
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

export function createCapacityWatch({ counters, clock, log, fullLimits }: CapacityWatchOptions): CapacityWatch {
  const seen: Partial<Counters> = {};
  let loggedAt = Number.NEGATIVE_INFINITY;
  return {
    check() {
      const counts = COUNTED.map((name) => [name, counters[name] - (seen[name] ?? 0)] as const);
      const now = clock.now();
      if (counts.every(([, count]) => count === 0) || Math.abs(now - loggedAt) < SUMMARY_MS) return;
      for (const name of COUNTED) seen[name] = counters[name];
      loggedAt = now;
      log.warn(
        { full: fullLimits(), ...Object.fromEntries(counts.filter(([, count]) => count > 0)) },
        'there is no room for more devices or keys: their readings are stored, but rules do not evaluate them. Raise the limits of the stream (and the heap), or find the sender that invents device ids or keys',
      );
    },
    status() {
      const reached = fullLimits();
      return {
        name: 'rules',
        ready: true,
        ...(reached.length > 0 && { reason: `no room for more: ${reached.join('; ')}` }),
      };
    },
  };
}
