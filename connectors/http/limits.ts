import type { PortStatus } from '../../engine/ports.ts';
import type { Counters, Timings } from '../../engine/telemetry.ts';

/** The limits of the HTTP server, for all clients together and for one. */
export interface HttpLimits {
  /** Maximum number of open connections; above it, the one that has been idle longest is closed. Default 64. */
  readonly connections: number;
  /** Maximum number of open requests of one connection; above it, the connection is closed. Default 4. */
  readonly requestsWaiting: number;
  /** Maximum number of requests answered per second on all connections together; the others wait. Default 100. */
  readonly requestsPerSecond: number;
  /** Time limit for a client to send the head of a request. Default 5000. */
  readonly headMs: number;
  /** Time limit until the client has read the answer. Default 10000. */
  readonly answerMs: number;
  /** Metrics are rendered at most once in this time; more frequent requests wait. Default 1000. */
  readonly renderMs: number;
}

export interface HttpServerOptions {
  readonly host: string;
  /** The port; 0 lets the system choose. */
  readonly port: number;
  readonly counters: Counters;
  readonly timings: Timings;
  /** The gauges, read at each scrape; a name becomes `weir_<name>`. */
  readonly gauges: () => Readonly<Record<string, number>>;
  readonly status: () => readonly PortStatus[];
  readonly limits?: Partial<HttpLimits>;
}
