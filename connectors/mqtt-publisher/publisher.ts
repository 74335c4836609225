import mqtt, { type ErrorWithReasonCode, type MqttClient } from 'mqtt';

export interface PublisherOptions {
  /** `mqtt://host:1883` or `mqtts://host:8883`. */
  readonly url: string;
  readonly username?: string;
  readonly password?: string;
  /** Messages that may await the broker's acknowledgement at once. Default 1000. */
  readonly inFlight?: number;
  /** Hears of every loss of the connection, every failed attempt (with the reason) and every success. */
  readonly onConnection?: (connected: boolean, reason?: string) => void;
}

/** A message as it goes over the wire. */
export interface Outgoing {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly qos: 0 | 1 | 2;
}

/**
 * Publishes to one broker. Reconnects by itself; what was in flight is then sent again, so that QoS 1 subscribers may see it twice.
 * Speaks MQTT 3.1.1, which every broker does and which lets the publisher choose how much is in flight; its
 * acknowledgements cannot refuse a message.
 */
export interface Publisher {
  /** Resolves with true once connected, with false at the deadline or signal. Rejects where the broker refuses the login. */
  open(timeoutMs: number, signal: AbortSignal): Promise<boolean>;
  /** Connected, and fewer messages in flight than allowed. */
  ready(): boolean;
  /** Resolves when `ready` or at the signal. Rejects where the broker refuses the login. */
  room(signal: AbortSignal): Promise<void>;
  /**
   * Sends a message; call it only when `ready`. `done` comes once: with the acknowledgement (QoS 0: when handed to the socket), or with
   * the reason why there will be none.
   */
  publish(message: Outgoing, done: (error: Error | undefined) => void): void;
  inFlight(): number;
  connected(): boolean;
  /** Waits until nothing is in flight, or for the given time; resolves with the number of messages still in flight. */
  drain(timeoutMs: number): Promise<number>;
  /** Ends the connection; whatever is in flight stays without its acknowledgement. */
  close(): Promise<void>;
}

/** The broker's answers that trying again will not change: protocol version, client id, password, authorization. */
const FINAL_REFUSALS: ReadonlySet<number> = new Set([1, 2, 4, 5]);
const RECONNECT_MS = 500;

interface Connection {
  readonly client: MqttClient;
  readonly limit: number;
  /** Called whenever something changed that somebody may wait for. */
  readonly watchers: Set<() => void>;
  connected: boolean;
  inFlight: number;
  refusal: Error | undefined;
}

/** Begins to connect. */
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
      // As soon as there is any room: waiting for more leaves both sides' Nagle and delayed-ACK timers to face each other.
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

/** An error's message; where it only bundles others (one per address tried), the first of theirs. */
function reasonOf(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first.message : error.message;
}

function notify(connection: Connection): void {
  for (const watcher of connection.watchers) watcher();
}

/** Resolves when the condition holds, the time is over or the signal fires; rejects with the broker's refusal. */
function until(
  connection: Connection,
  condition: () => boolean,
  limits: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
): Promise<void> {
  const { timeoutMs, signal } = limits;
  return new Promise((resolve, reject) => {
    let over = false;
    // A timer of our own: signals made by AbortSignal.timeout and .any can be collected before they fire.
    const timer = timeoutMs === undefined ? undefined : setTimeout(expire, timeoutMs);
    function expire(): void {
      over = true;
      look();
    }
    function look(): void {
      if (!condition() && !over && !signal?.aborted && connection.refusal === undefined) return;
      clearTimeout(timer);
      connection.watchers.delete(look);
      signal?.removeEventListener('abort', look);
      if (connection.refusal === undefined) resolve();
      else reject(connection.refusal);
    }
    connection.watchers.add(look);
    signal?.addEventListener('abort', look);
    look();
  });
}
