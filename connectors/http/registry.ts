import { Counter, collectDefaultMetrics, Gauge, type Metric, Registry } from 'prom-client';
import { BUCKETS_MS, COUNTERS, type CounterName, TIMINGS, type Timing, type Timings } from '../../engine/telemetry.ts';
import type { HttpServerOptions } from './limits.ts';

/** Creates the registry behind `/metrics`: every counter, timing, gauge and part of the engine, and the default metrics of the process. */
export function createRegistry({
  counters,
  timings,
  gauges,
  status,
}: Pick<HttpServerOptions, 'counters' | 'timings' | 'gauges' | 'status'>): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of Object.keys(COUNTERS) as CounterName[]) {
    new Counter({
      name: `weir_${name}_total`,
      help: COUNTERS[name],
      registers: [registry],
      collect() {
        this.reset();
        this.inc(counters[name]);
      },
    });
  }
  for (const name of Object.keys(TIMINGS) as (keyof Timings)[]) {
    registry.registerMetric(histogramOf(`weir_${name}_seconds`, TIMINGS[name], timings[name]));
  }
  for (const name of Object.keys(gauges())) {
    new Gauge({
      name: `weir_${name}`,
      help: `Engine gauge: ${name.replaceAll('_', ' ')}.`,
      registers: [registry],
      collect() {
        this.set(gauges()[name] ?? 0);
      },
    });
  }
  new Gauge({
    name: 'weir_ready',
    help: 'Whether a part is ready (1) or not (0).',
    labelNames: ['part'],
    registers: [registry],
    collect() {
      for (const part of status()) this.set({ part: part.name }, part.ready ? 1 : 0);
    },
  });
  return registry;
}

/** A histogram of durations that the engine has counted already. prom-client's own can only count by itself. */
function histogramOf(name: string, help: string, timing: Timing): Metric {
  const get = async () => {
    const values: { metricName: string; labels: Record<string, number | string>; value: number }[] = [];
    let count = 0;
    for (const [i, inBucket] of timing.counts.entries()) {
      count += inBucket;
      const bound = BUCKETS_MS[i];
      const le = bound === undefined ? '+Inf' : bound / 1_000;
      values.push({ metricName: `${name}_bucket`, labels: { le }, value: count });
    }
    values.push({ metricName: `${name}_sum`, labels: {}, value: timing.sumMs / 1_000 });
    values.push({ metricName: `${name}_count`, labels: {}, value: count });
    return { name, help, type: 'histogram', aggregator: 'sum', values };
  };
  // The registry uses nothing else of a metric.
  return { name, get } as unknown as Metric;
}
