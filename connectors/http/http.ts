import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { boundConnections } from './bounds.ts';
import type { HttpLimits, HttpServerOptions } from './limits.ts';
import { createRateLimiter } from './rate-limiter.ts';
import { createRegistry } from './registry.ts';
import { createRenderer } from './renderer.ts';

const LIMITS: HttpLimits = {
  connections: 64,
  requestsWaiting: 4,
  requestsPerSecond: 100,
  headMs: 5_000,
  answerMs: 10_000,
  renderMs: 1_000,
};
/** A connection is closed after this many answers; the client opens another. */
const REQUESTS_PER_CONNECTION = 1_000;
const HEAD_BYTES = 8_192;

/** The HTTP server for operators: `/healthz`, `/readyz` and `/metrics`. */
export interface HttpServer {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves `/healthz` (200 while the process works), `/readyz` (200 if every part is ready, otherwise 503; JSON with the reason of each part
 * that is not ready) and `/metrics` (Prometheus text). Clients cannot use much of the process: see `HttpLimits`. Rejects if the address
 * cannot be used.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const limits = { ...LIMITS, ...options.limits };
  const answer = createAnswers(options, limits.renderMs);
  const limitRate = createRateLimiter(limits.requestsPerSecond);
  const server = createServer(
    {
      headersTimeout: limits.headMs,
      requestTimeout: Math.max(limits.headMs, limits.answerMs),
      keepAliveTimeout: limits.headMs,
      connectionsCheckingInterval: Math.min(1_000, limits.headMs),
      maxHeaderSize: HEAD_BYTES,
    },
    (request, response) => {
      if (!bounds.admit(request.socket, response)) return;
      limitRate(
        () => response.destroyed,
        () => void answer(request, response).catch((error: unknown) => response.destroy(error as Error)),
      );
    },
  );
  server.maxRequestsPerSocket = REQUESTS_PER_CONNECTION;
  const bounds = boundConnections(server, limits, () => {
    options.counters.http_connections_closed += 1;
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

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

function createAnswers(options: HttpServerOptions, renderMs: number): Answer {
  const registry = createRegistry(options);
  const metrics = createRenderer(() => registry.metrics(), renderMs);
  return async (request, response) => {
    const send = (code: number, type: string, body: string) => {
      response.writeHead(code, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      // The body is not read, because it may never end.
      response.setHeader('connection', 'close');
      return send(405, 'text/plain', 'GET only\n');
    }
    switch (request.url?.split('?')[0]) {
      case '/healthz':
        return send(200, 'text/plain', 'ok\n');
      case '/readyz': {
        const parts = options.status();
        const ready = parts.every((part) => part.ready);
        return send(ready ? 200 : 503, 'application/json', `${JSON.stringify({ ready, parts })}\n`);
      }
      case '/metrics':
        return send(200, registry.contentType, await metrics());
      default:
        return send(404, 'text/plain', 'Not found. Use /healthz, /readyz or /metrics.\n');
    }
  };
}
