import { Agent } from 'node:https';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { ClickHouseLogLevel, type ClickHouseSettings, createClient } from '@clickhouse/client';
import type { ClickHouseConfig, ResolvedTls } from '../../engine/model/config.ts';
import { DeliveryError } from '../../engine/ports.ts';
import { errorOfAnswer, errorOfRequest } from './errors.ts';

/** A connection that sends statements to one ClickHouse server. Every method rejects with a DeliveryError. */
export interface ClickHouseConnection {
  /** Runs a statement without a result. `action` is the start of its error message. */
  run(action: string, sql: string): Promise<void>;
  /** Runs a query and returns its rows as objects. Avoid 64-bit integers, whose format depends on the server. `params` fill `{name:Type}`. */
  select<Row>(
    action: string,
    sql: string,
    params: Readonly<Record<string, string>>,
    more?: { readonly settings: ClickHouseSettings; readonly queryId: string },
  ): Promise<Row[]>;
  /** Sends an INSERT with its rows. The server refuses it while another query with the same id runs. */
  insert(action: string, sql: string, rows: Uint8Array, settings: ClickHouseSettings, queryId: string): Promise<void>;
  close(): Promise<void>;
}

interface Request {
  readonly query: string;
  readonly values?: Uint8Array;
  readonly params?: Readonly<Record<string, string>>;
  readonly settings?: ClickHouseSettings;
  readonly queryId?: string;
}

export interface ClickHouseConnectionOptions {
  readonly config: ClickHouseConfig;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: ResolvedTls;
}

export function createConnection({
  config,
  username,
  password,
  tls,
}: ClickHouseConnectionOptions): ClickHouseConnection {
  const client = createClient({
    url: config.url,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    application: 'weir',
    // Our own deadline is shorter, and covers the whole exchange and not only its idle times.
    request_timeout: config.requestTimeoutMs * 2,
    // The caller limits the inserts of each table. With a common limit, slow tables would block the others.
    max_open_connections: Number.POSITIVE_INFINITY,
    ...(tls !== undefined && { http_agent: agentOf(tls) }),
    // Everything that the client would log also arrives as an error.
    log: { level: ClickHouseLogLevel.OFF },
  });

  /** Sends a request and returns the complete body. Rejects if the server reports an error or is not ClickHouse. */
  async function exchange(action: string, request: Request, signal: AbortSignal): Promise<string> {
    const { query, values, params, settings, queryId } = request;
    const answer = await client.exec({
      query,
      ...(values && { values: Readable.from([values]) }),
      ...(params && { query_params: params }),
      ...(queryId !== undefined && { query_id: queryId }),
      // The server sends the status line only after the query has finished.
      clickhouse_settings: { ...settings, wait_end_of_query: 1 },
      abort_signal: signal,
      ignore_error_response: true,
    });
    const cut = () => answer.stream.destroy(signal.reason);
    signal.addEventListener('abort', cut);
    const body = await text(answer.stream).finally(() => signal.removeEventListener('abort', cut));
    const status = answer.http_status_code ?? 0;
    const code = answer.response_headers['x-clickhouse-exception-code'];
    if (status !== 200 || code !== undefined) {
      throw errorOfAnswer(action, status, code === undefined ? undefined : String(code), body);
    }
    if (answer.response_headers['x-clickhouse-query-id'] !== answer.query_id) {
      throw new DeliveryError('transient', `${action}: the server at ${config.url} is not ClickHouse`);
    }
    return body;
  }

  async function perform(action: string, request: Request): Promise<string> {
    const signal = AbortSignal.timeout(config.requestTimeoutMs);
    try {
      return await exchange(action, request, signal);
    } catch (error) {
      if (!signal.aborted || error instanceof DeliveryError) throw errorOfRequest(action, error);
      const message = `${action}: no answer from ${config.url} within ${config.requestTimeoutMs} ms`;
      throw new DeliveryError('transient', message, 'TIMEOUT', error);
    }
  }

  return {
    run: async (action, sql) => {
      await perform(action, { query: sql });
    },
    select: async <Row>(
      action: string,
      sql: string,
      params: Readonly<Record<string, string>>,
      more: Pick<Request, 'settings' | 'queryId'> = {},
    ) => {
      const body = await perform(action, { query: `${sql} FORMAT JSONEachRow`, params, ...more });
      try {
        return body
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line) as Row);
      } catch (error) {
        throw errorOfRequest(action, error);
      }
    },
    insert: async (action, sql, rows, settings, queryId) => {
      await perform(action, { query: sql, values: rows, settings, queryId });
    },
    close: () => client.close(),
  };
}

function agentOf({ verify = true, ...tls }: ResolvedTls): Agent {
  return new Agent({ ...tls, rejectUnauthorized: verify, keepAlive: true });
}
