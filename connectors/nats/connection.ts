import { type ConnectionOptions, connect, credsAuthenticator, Events, type NatsConnection } from 'nats';
import type { NatsConfig } from '../../engine/model/config.ts';
import { DeliveryError } from '../../engine/ports.ts';
import { toDeliveryError } from './errors.ts';
import { createPublisher, type Publisher } from './publisher.ts';

/** The servers and the login. Secrets are resolved here. */
export interface NatsLogin {
  readonly config: Pick<NatsConfig, 'servers' | 'tls'>;
  readonly username?: string;
  readonly password?: string;
  readonly token?: string;
  /** The content of a `.creds` file. */
  readonly credentials?: string;
}

/** A connection that reconnects by itself, and knows whether it is connected. */
export interface NatsLink {
  readonly nc: NatsConnection;
  /** Why nothing can be sent now; undefined while connected. */
  outage(): DeliveryError | undefined;
  /** Settles as `work` does, but rejects at once when the connection is lost. */
  whileConnected<T>(work: Promise<T>): Promise<T>;
  /** Publishes to JetStream on this connection. When the connection is lost, what has no answer fails at once. */
  readonly publisher: Publisher;
  /** Whether the server has denied a publication to this subject on this connection. */
  isDenied(subject: string): boolean;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** A server that silently disappeared is detected after three intervals. */
const PING_INTERVAL_MS = 10_000;
const RECONNECT_WAIT_MS = 250;
const RECONNECT_JITTER_MS = 1_000;
/** A prefix of our own, so that permissions can prevent other clients from reading the server's answers to us. */
const INBOX_PREFIX = '_INBOX.weir';
const DENIED_LIMIT = 1_000;
const REFUSALS: ReadonlySet<string> = new Set(['AUTHORIZATION_VIOLATION', 'AUTHENTICATION_EXPIRED', 'ACCOUNT_EXPIRED']);

/**
 * Connects; rejects with a DeliveryError if that fails. Afterwards it reconnects without limit, after 250 to 1250 ms each time. After a
 * reconnection it calls `onReconnect` with the instant at which the connection was lost.
 */
export async function openNatsLink(login: NatsLogin, onReconnect: (lostAt: number) => void): Promise<NatsLink> {
  const where = login.config.servers.join(', ');
  const nc = await connect(connectionOptions(login)).catch((error: unknown) => {
    throw toDeliveryError(error, `connecting to ${where}`);
  });
  let outage: DeliveryError | undefined;
  let lostAt = 0;
  const waiting = new Set<(error: DeliveryError) => void>();
  const denied = new Set<string>();
  const publisher = createPublisher(nc, INBOX_PREFIX, () => outage);
  const setOutage = (error: DeliveryError) => {
    outage = error;
    for (const reject of waiting) reject(error);
    publisher.failAll(error);
  };
  const on = {
    disconnect: () => {
      // After a refusal the server also closes the connection. The refusal is the more useful reason.
      if (outage?.class === 'fatal') return;
      lostAt = Date.now();
      setOutage(
        new DeliveryError('transient', `The connection to NATS (${where}) is lost; reconnecting.`, 'DISCONNECT'),
      );
    },
    reconnect: () => {
      outage = undefined;
      denied.clear();
      onReconnect(lostAt);
    },
    refused: (code: string) => setOutage(new DeliveryError('fatal', `NATS (${where}) refuses this login.`, code)),
    denied: (subject: string) => {
      if (denied.size < DENIED_LIMIT) denied.add(subject);
      publisher.failDenied(subject);
    },
  };
  void watch(nc, on);
  void nc.closed().then((error) => {
    setOutage(
      error ? toDeliveryError(error, 'reconnecting') : new DeliveryError('transient', 'The NATS sink is closed.'),
    );
  });
  return {
    nc,
    publisher,
    outage: () => outage,
    isDenied: (subject) => denied.has(subject),
    whileConnected: (work) =>
      new Promise((resolve, reject) => {
        if (outage !== undefined) reject(outage);
        waiting.add(reject);
        work.then(resolve, reject).finally(() => waiting.delete(reject));
      }),
    close: () => nc.close(),
  };
}

interface StatusHandlers {
  disconnect(): void;
  reconnect(): void;
  refused(code: string): void;
  denied(subject: string): void;
}

/** Calls the handlers until the connection is finally closed. */
async function watch(nc: NatsConnection, on: StatusHandlers): Promise<void> {
  for await (const status of nc.status()) {
    if (status.type === Events.Disconnect) on.disconnect();
    else if (status.type === Events.Reconnect) on.reconnect();
    else if (status.type === Events.Error) {
      if (status.permissionContext?.operation === 'publish') on.denied(status.permissionContext.subject);
      else if (REFUSALS.has(String(status.data))) on.refused(String(status.data));
    }
  }
}

function connectionOptions(login: NatsLogin): ConnectionOptions {
  const { config, username, password, token, credentials } = login;
  return {
    servers: [...config.servers],
    name: 'weir',
    inboxPrefix: INBOX_PREFIX,
    timeout: CONNECT_TIMEOUT_MS,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: 2,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: RECONNECT_JITTER_MS,
    reconnectJitterTLS: RECONNECT_JITTER_MS,
    // A login may be refused only while the configuration of the server is being changed, so the client must retry.
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
    ...(username !== undefined && { user: username }),
    ...(password !== undefined && { pass: password }),
    ...(token !== undefined && { token }),
    ...(credentials !== undefined && { authenticator: credsAuthenticator(new TextEncoder().encode(credentials)) }),
    ...(demandsTls(config) && { tls: tlsOptions(config.tls) }),
  };
}

/**
 * Whether TLS is required. The client ignores the scheme: without its option `tls` it sends the login unencrypted if the server offers no
 * TLS. With the option it disconnects before the login.
 */
function demandsTls({ servers, tls }: NatsLogin['config']): boolean {
  return tls !== undefined || servers.some((server) => /^tls:/i.test(server));
}

/** The client passes options that it does not know, `servername` and `rejectUnauthorized`, to Node's TLS. */
function tlsOptions(tls: NatsConfig['tls'] = {}): NonNullable<ConnectionOptions['tls']> {
  return {
    ...(tls.ca !== undefined && { caFile: tls.ca }),
    ...(tls.cert !== undefined && { certFile: tls.cert }),
    ...(tls.key !== undefined && { keyFile: tls.key }),
    ...(tls.servername !== undefined && { servername: tls.servername }),
    ...(tls.verify === false && { rejectUnauthorized: false }),
  };
}
