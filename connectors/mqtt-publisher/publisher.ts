import mqtt, { type ErrorWithReasonCode, type MqttClient } from 'mqtt';

export interface PublisherOptions {
  /** `mqtt://host:1883` or `mqtts://host:8883`. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** Maximum number of unacknowledged messages. Default 1000. */
  readonly inFlight?: number;
  /** Called at every loss of the connection, every failed attempt (with the reason) and every success. */
  readonly onConnection?: (connected: boolean, reason?: string) => void;
}

/** A message to publish. */
export interface Outgoing {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly qos: 0 | 1 | 2;
}

/**
 * Publishes to one broker. It reconnects by itself and then sends again what was in flight, so QoS 1 subscribers may receive duplicates.
 * It uses MQTT 3.1.1, which every broker supports, in which the publisher chooses how much is in flight, and in which an acknowledgement
 * cannot refuse a message.
 */
export interface Publisher {
  /** Resolves with true once connected, with false at the deadline or signal. Rejects if the broker refuses the login. */
  open(timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  /** Whether it is connected and has fewer messages in flight than allowed. */
  ready(): boolean;
  /** Resolves when `ready` returns true, or at the signal. Rejects if the broker refuses the login. */
  room(signal: AbortSignal): Promise<void>;
  /**
   * Sends a message; call it only when `ready` returns true. `done` is called once: at the acknowledgement (QoS 0: when the socket has the
   * message), or with the reason why there will be none.
   */
  publish(message: Outgoing, done: (error: Error | undefined) => void): void;
  inFlight(): number;
  connected(): boolean;
  /** Waits until nothing is in flight, at most for the given time. Resolves with the number of messages still in flight. */
  drain(timeoutMs: number): Promise<number>;
  /** Closes the connection; messages in flight get no acknowledgement. */
  close(): Promise<void>;
}

/** CONNACK codes that a retry will not change: protocol version, client id, password, authorization. */
const FINAL_REFUSALS: ReadonlySet<number> = new Set([1, 2, 4, 5]);
const RECONNECT_MS = 500;

interface Connection {
  readonly client: MqttClient;
  readonly limit: number;
  /** Called whenever the state changes, for `until`. */
  readonly watchers: Set<() => void>;
  connected: boolean;
  inFlight: number;
  refusal: Error | undefined;
}

/** Creates a publisher and starts to connect. */
export function createPublisher(options: PublisherOptions): Publisher {
  const connection = connect(options);
  const { client, limit } = connection;
  const ready = () => connection.connected && connection.inFlight < limit;
  return {
    async open(timeoutMs, signal) {
      await until(connection, () => connection.connected, { timeoutMs, signal });
      return connection.connected;
    },
    ready,
    async room(signal) {
      // Resolve as soon as there is any room: waiting for more would make the Nagle and delayed-ACK timers of both sides wait for each other.
      await until(connection, ready, { signal });
    },
    publish({ topic, payload, qos }, done) {
      connection.inFlight += 1;
      const bytes =
        typeof payload === 'string' ? payload : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
      client.publish(topic, bytes, { qos }, (error) => {
        connection.inFlight -= 1;
        done(error ?? undefined);
        notify(connection);
      });
    },
    inFlight: () => connection.inFlight,
    connected: () => connection.connected,
    async drain(timeoutMs) {
      if (connection.refusal !== undefined) return connection.inFlight;
      await until(connection, () => connection.inFlight === 0, { timeoutMs });
      return connection.inFlight;
    },
    close: () => client.endAsync(!connection.connected || connection.inFlight > 0),
  };
}

function connect({ url, username, password, inFlight, onConnection }: PublisherOptions): Connection {
  const client = mqtt.connect(url, {
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: RECONNECT_MS,
    reconnectOnConnackError: true,
    connectTimeout: 10_000,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  });
  const connection: Connection = {
    client,
    limit: inFlight ?? 1_000,
    watchers: new Set(),
    connected: false,
    inFlight: 0,
    refusal: undefined,
  };
  client.on('connect', () => {
    connection.connected = true;
    onConnection?.(true);
    notify(connection);
  });
  client.on('close', () => {
    if (connection.connected && !client.disconnecting) onConnection?.(false, 'the connection was closed');
    connection.connected = false;
  });
  client.on('error', (error: Error | ErrorWithReasonCode) => {
    if ('code' in error && typeof error.code === 'number' && FINAL_REFUSALS.has(error.code)) {
      connection.refusal = error;
      client.end(true);
      notify(connection);
    } else onConnection?.(false, reasonOf(error));
  });
  return connection;
}

/** An error's message; for an AggregateError (one error per address tried), that of the first. */
function reasonOf(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first.message : error.message;
}

function notify(connection: Connection): void {
  for (const watcher of connection.watchers) watcher();
}

/** Resolves when the condition is true, the time is over or the signal aborts; rejects if the broker refuses the login. */
function until(
  connection: Connection,
  condition: () => boolean,
  limits: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
): Promise<void> {
  const { timeoutMs, signal } = limits;
  return new Promise((resolve, reject) => {
    let over = false;
    // A plain timer is used, because signals of AbortSignal.timeout and .any can be garbage-collected before they fire.
    const timer = timeoutMs === undefined ? undefined : setTimeout(expire, timeoutMs);
    function expire(): void {
      over = true;
      check();
    }
    function check(): void {
      if (!condition() && !over && !signal?.aborted && connection.refusal === undefined) return;
      clearTimeout(timer);
      connection.watchers.delete(check);
      signal?.removeEventListener('abort', check);
      if (connection.refusal === undefined) resolve();
      else reject(connection.refusal);
    }
    connection.watchers.add(check);
    signal?.addEventListener('abort', check);
    check();
  });
}
