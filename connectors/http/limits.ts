import type { PortStatus } from '../../engine/ports.ts';
import type { Counters } from '../../engine/telemetry.ts';

/** What the server takes from all its clients together, and from one. */
export interface HttpLimits {
  /** Open connections; with more, the one that has been silent longest is closed. Default 64. */
  readonly connections: number;
  /** Requests of one connection that may wait for their answer; with more, it is closed. Default 4. */
  readonly requestsWaiting: number;
  /** Requests answered in a second, all connections together; the others wait. Default 100. */
  readonly requestsPerSecond: number;
  /** How long a client may take to send the head of a request. Default 5000. */
  readonly headMs: number;
  /** How long an answer may take until the client has read it. Default 10000. */
  readonly answerMs: number;
  /** Metrics are rendered at most once in this time; who asks more often waits for it. Default 1000. */
  readonly renderMs: number;
}

export interface HttpServerOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly counters: Counters;
  /** Read at each scrape; the names become `weir_<name>`. */
  readonly gauges: () => Readonly<Record<string, number>>;
  readonly status: () => readonly PortStatus[];
  readonly limits?: Partial<HttpLimits>;
}
