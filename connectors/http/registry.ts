import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { COUNTERS, type CounterName } from '../../engine/telemetry.ts';
import type { HttpServerOptions } from './limits.ts';

/** Creates the registry behind `/metrics`: every counter, gauge and part of the engine, and the default metrics of the process. */
export function createRegistry({
  counters,
  gauges,
  status,
}: Pick<HttpServerOptions, 'counters' | 'gauges' | 'status'>): Registry {
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
