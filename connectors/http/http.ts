import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { PortStatus } from '../../engine/ports.ts';
import { COUNTERS, type CounterName, type Counters } from '../../engine/telemetry.ts';

export interface HttpServerOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly counters: Counters;
  /** Read at each scrape; the names become `weir_<name>`. */
  readonly gauges: () => Readonly<Record<string, number>>;
  readonly status: () => readonly PortStatus[];
}

/** The operators' door: `/healthz`, `/readyz` and `/metrics`. */
export interface HttpServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves `/healthz` (200 while the process works at all), `/readyz` (200 when every part is ready, else 503; JSON with the reason of
 * each part that is not) and `/metrics` (Prometheus text). Rejects where the address cannot be had.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const registry = createRegistry(options);
  const server = createServer((request, response) => {
    answer(request, response, options, registry).catch((error: unknown) => {
      response.destroy(error as Error);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { address, port, family } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpServerOptions,
  registry: Registry,
): Promise<void> {
  const send = (code: number, type: string, body: string) => {
    response.writeHead(code, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
  };
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(405, 'text/plain', 'GET only\n');
  switch (request.url?.split('?')[0]) {
    case '/healthz':
      return send(200, 'text/plain', 'ok\n');
    case '/readyz': {
      const parts = options.status();
      const ready = parts.every((part) => part.ready);
      return send(ready ? 200 : 503, 'application/json', `${JSON.stringify({ ready, parts })}\n`);
    }
    case '/metrics':
      return send(200, registry.contentType, await registry.metrics());
    default:
      return send(404, 'text/plain', 'There are /healthz, /readyz and /metrics.\n');
  }
}

function createRegistry({ counters, gauges, status }: HttpServerOptions): Registry {
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
      help: `Engine figure: ${name.replaceAll('_', ' ')}.`,
      registers: [registry],
      collect() {
        this.set(gauges()[name] ?? 0);
      },
    });
  }
  new Gauge({
    name: 'weir_ready',
    help: 'Whether a part can do its work right now.',
    labelNames: ['part'],
    registers: [registry],
    collect() {
      for (const part of status()) this.set({ part: part.name }, part.ready ? 1 : 0);
    },
  });
  return registry;
}
