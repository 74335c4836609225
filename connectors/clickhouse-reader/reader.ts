import { Agent } from 'node:https';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import type { ResolvedTls } from '../../engine/model/config.ts';

/** Runs queries on one ClickHouse server. */
export interface ClickHouseReader {
  /** Returns the rows as objects; 64-bit integers may come as strings. `params` fill the query's `{name:Type}`. */
  select<Row>(query: string, params?: Readonly<Record<string, unknown>>): Promise<Row[]>;
  close(): Promise<void>;
}

export interface ReaderOptions {
  /** The user. Default: `default`, without a password. */
  readonly username?: string;
  readonly password?: string;
  /** TLS options for an https URL. Default: the certificate authorities of Node, and no client certificate. */
  readonly tls?: ResolvedTls;
  /** How long an answer may take. Default 10 s. */
  readonly requestTimeoutMs?: number;
}

const REQUEST_TIMEOUT_MS = 10_000;

/** Creates a reader. It connects with the first query. */
export function createClickHouseReader(url: string, options: ReaderOptions = {}): ClickHouseReader {
  const { requestTimeoutMs = REQUEST_TIMEOUT_MS, tls, ...login } = options;
  const client = createClient({
    url,
    ...login,
    application: 'weir-reader',
    request_timeout: requestTimeoutMs,
    ...(tls !== undefined && { http_agent: agentOf(tls) }),
    // Every failure reaches the caller as an error.
    log: { level: ClickHouseLogLevel.OFF },
  });
  return {
    select: async <Row>(query: string, params: Readonly<Record<string, unknown>> = {}) => {
      const answer = await client.query({ query, query_params: { ...params }, format: 'JSONEachRow' });
      return answer.json<Row>();
    },
    close: () => client.close(),
  };
}

function agentOf({ verify = true, ...tls }: ResolvedTls): Agent {
  return new Agent({ ...tls, rejectUnauthorized: verify, keepAlive: true });
}
