import type { BenchResult } from '../bench.ts';
import type { Instants, Load, Trace } from './load.ts';
import { percentile } from './percentile.ts';

/** A measured load. */
export interface Run {
  readonly load: Load;
  readonly sentAt: Instants;
  readonly arrivedAt: Instants;
  readonly cpuUs: number;
  /** Absent for the baseline. */
  readonly trace?: Trace;
}

const TOTALS = [
  ['p50', 0.5],
  ['p99', 0.99],
  ['p99.9', 0.999],
] as const;
const STAGES = TOTALS.slice(0, 2);

/** The lines of a load: the whole way and the CPU against the baseline, then each stage against the whole way. */
export function resultsOf(run: Run, baseline: Run): BenchResult[] {
  const { perSecond, alertEvery } = run.load;
  const name = `latency, ${perSecond}/s, alert per ${alertEvery}`;
  const whole = durations(run.sentAt, run.arrivedAt);
  const bare = durations(baseline.sentAt, baseline.arrivedAt);
  const line = (what: string, value: number, against: number, unit: string): BenchResult => ({
    case: `${name}: ${what}`,
    value: round(value),
    baseline: round(against),
    ratio: value / against,
    unit,
  });
  return [
    ...TOTALS.map(([label, share]) => line(label, percentile(whole, share), percentile(bare, share), 'ms')),
    line('cpu', run.cpuUs / run.load.count, baseline.cpuUs / baseline.load.count, 'µs per message'),
    ...Object.entries(stagesOf(run)).flatMap(([stage, values]) =>
      STAGES.map(([label, share]) =>
        line(`${stage} ${label}`, percentile(values, share), percentile(whole, share), 'ms'),
      ),
    ),
  ];
}

/** Durations of the stages, in their order; milliseconds. The last three are parts of others or beside the way. */
function stagesOf({ sentAt, arrivedAt, trace }: Run): Record<string, readonly number[]> {
  if (trace === undefined) return {};
  const { readAt, durableAt, offeredAt, confirmedAt, syncs, collections } = trace;
  return {
    'broker to engine': durations(sentAt, readAt),
    'journal with sync': durations(readAt, durableAt),
    'fold, encode, queue': durations(durableAt, offeredAt),
    'publish to subscriber': durations(offeredAt, arrivedAt),
    'publish to confirmed': durations(offeredAt, confirmedAt),
    'write and sync alone': syncs,
    'garbage collection': collections,
  };
}

function durations(from: Instants, to: Instants): number[] {
  return Array.from(from, (at, i) => to[i]! - at);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
