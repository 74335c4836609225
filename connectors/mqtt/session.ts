import { backoffMs } from '../../engine/delivery/backoff.ts';
import type { Clock, SourceHandler } from '../../engine/ports.ts';
import type { Counters } from '../../engine/telemetry.ts';
import { brokerAddress, type ResolvedBroker } from './broker.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { describeError, type Link, type LinkEvents, openLink } from './link.ts';
import type { SessionMemory } from './memory.ts';
import type { MqttNotice } from './notice.ts';
import { nextProtocol, type ProtocolChoice } from './protocol.ts';
import type { Publish, Tapped } from './publish-tap.ts';
import { createSubscriptions, type Subscriptions } from './subscriptions.ts';

export interface SessionOptions {
  /** Index of the broker in the config: the number of the connection in everything handed over. */
  readonly connection: number;
  readonly broker: ResolvedBroker;
  readonly memory: SessionMemory;
  readonly handler: SourceHandler;
  readonly counters: Counters;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  readonly onNotice: (notice: MqttNotice) => void;
  readonly maxPacketBytes: number;
  /** See `createLedger`. */
  readonly highWaterBytes: number;
}

/** A connection that held at least this long was a good one: the next loss begins a new backoff. */
const STABLE_MS = 10_000;
const SETTLE_DEADLINE_MS = 5_000;
const FAREWELL_DEADLINE_MS = 2_000;

/** Keeps one broker's session alive over as many connections as it takes. */
export class BrokerSession {
  readonly #options: SessionOptions;
  readonly #ledger: Ledger;
  readonly #subscriptions: Subscriptions;
  readonly #address: string;
  #protocol: ProtocolChoice;
  #hadSession: boolean;
  #attempt = 0;
  #timer: NodeJS.Timeout | undefined;
  #onStopped: (() => void) | undefined;
  /** Why there is no subscribed connection, and what of it was last told. */
  #reason = 'connecting';
  #toldReason = '';

  // The connection that stands or is being made:
  #link: Link | undefined;
  #reached = false;
  #code: number | undefined;
  #connectedAt = 0;
  #subscribed = false;
  #failure: string | undefined;

  /** Begins to connect at once. */
  constructor(options: SessionOptions) {
    this.#options = options;
    const { host, port } = brokerAddress(options.broker);
    this.#address = `${host}:${port}`;
    this.#protocol = { version: options.broker.config.version === 5 ? 5 : 4, hangUps: 0, atOnce: false };
    this.#hadSession = options.broker.hadSession ?? false;
    this.#subscriptions = createSubscriptions({
      ...options,
      address: this.#address,
      notice: (level, code, message) => this.#notice(level, code, message),
    });
    this.#ledger = createLedger({
      counters: options.counters,
      isWanted: (topic) => this.#subscriptions.isWanted(topic),
      highWaterBytes: options.highWaterBytes,
      onFullChange: () => this.#applyPause(),
      onOversize: (publish) => this.#onOversize(publish),
    });
    this.#connect();
  }

  /** Undefined while connected and subscribed; otherwise why not. */
  problem(): string | undefined {
    if (this.#subscribed) return undefined;
    return `broker "${this.#options.broker.config.name}" at ${this.#address}: ${this.#reason}`;
  }

  /**
   * Ends the connection and leaves the session with the broker: waits up to 5 s for what was handed over to be
   * acknowledged, then publishes the status `offline` and says goodbye. What arrives meanwhile stays with the broker.
   */
  async stop(): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      this.#onStopped = resolve;
    });
    clearTimeout(this.#timer);
    this.#subscriptions.end();
    const link = this.#link;
    if (link === undefined) return;
    if (this.#code === 0) await this.#sayFarewell(link);
    link.disconnect();
    await stopped;
    this.#reason = 'stopped';
  }

  async #sayFarewell(link: Link): Promise<void> {
    await within(SETTLE_DEADLINE_MS, this.#ledger.settled());
    // The answer to the farewell stands behind whatever else the broker has sent.
    link.setPaused(false);
    const { statusTopic } = this.#options.broker.config;
    const farewell = link.client.publishAsync(statusTopic, 'offline', { qos: 1, retain: true });
    await within(
      FAREWELL_DEADLINE_MS,
      farewell.catch((error: Error) => this.#onStatusFailed(error)),
    );
  }

  #connect(): void {
    this.#reached = false;
    this.#code = undefined;
    this.#failure = undefined;
    const { broker, maxPacketBytes } = this.#options;
    try {
      this.#link = openLink({ broker, version: this.#protocol.version, maxPacketBytes, events: this.#events() });
    } catch (error) {
      this.#reason = describeError(error as Error);
      this.#reconnectLater();
    }
  }

  #events(): LinkEvents {
    return {
      reached: () => {
        this.#reached = true;
      },
      answered: (sessionPresent, code) => this.#onAnswered(sessionPresent, code),
      welcomed: () => this.#onWelcomed(),
      received: (tapped) => this.#onReceived(tapped),
      // The first failure is the cause, the others follow from it.
      failed: (reason) => {
        this.#failure ??= reason;
        this.#reason = this.#failure;
      },
      closed: () => this.#onClosed(),
    };
  }

  #onAnswered(sessionPresent: boolean, code: number): void {
    this.#code = code;
    if (code !== 0) return;
    this.#reason = 'not subscribed yet';
    this.#connectedAt = this.#options.clock.now();
    if (!sessionPresent) this.#onNewSession();
    this.#hadSession = true;
    this.#applyPause();
  }

  #onNewSession(): void {
    this.#ledger.forget();
    this.#subscriptions.forget();
    if (!this.#hadSession) return;
    this.#options.counters.sessions_lost++;
    this.#options.handler.mark(this.#options.connection, 'session-lost');
    this.#notice('warn', 'session-lost', 'The broker has forgotten the session: messages may be missing.');
  }

  #onWelcomed(): void {
    const link = this.#link;
    if (link === undefined || this.#onStopped !== undefined) return;
    const { statusTopic } = this.#options.broker.config;
    link.client.publish(statusTopic, 'online', { qos: 1, retain: true }, (error) => {
      if (error && this.#link === link) this.#onStatusFailed(error);
    });
    this.#subscriptions.begin(link, (refusal) => {
      if (refusal === undefined) this.#onSubscribed();
      else this.#reason = refusal;
    });
  }

  #onSubscribed(): void {
    this.#subscribed = true;
    this.#toldReason = '';
    this.#options.handler.mark(this.#options.connection, 'connected');
    this.#notice('info', 'connected', `Connected to ${this.#address} and subscribed.`);
  }

  #onReceived({ publishes, releases }: Tapped): void {
    const link = this.#link;
    if (link === undefined) return;
    const { counters, handler, connection } = this.#options;
    this.#ledger.release(link, releases);
    if (this.#onStopped !== undefined) {
      // Unacknowledged, QoS 1 and 2 come again in the next connection.
      for (const { qos } of publishes) if (qos === 0) counters.messages_shed++;
      return;
    }
    if (publishes.length === 0) return;
    counters.messages_received += publishes.length;
    const { messages, acknowledge } = this.#ledger.receive(link, publishes);
    if (messages.length > 0) handler.messages(connection, messages, acknowledge);
  }

  #onClosed(): void {
    if (this.#link !== undefined) this.#ledger.close(this.#link);
    this.#link = undefined;
    this.#subscriptions.end();
    clearTimeout(this.#timer);
    const ending = this.#code === 0 ? 'the broker closed the connection' : 'the broker hung up before answering';
    this.#reason = this.#failure ?? ending;
    if (this.#subscribed) {
      this.#subscribed = false;
      this.#options.handler.mark(this.#options.connection, 'disconnected');
    }
    if (this.#onStopped !== undefined) this.#onStopped();
    else this.#reconnect();
  }

  #reconnect(): void {
    const before = this.#protocol.version;
    if (this.#options.broker.config.version === 5) {
      this.#protocol = nextProtocol(this.#protocol, { reached: this.#reached, code: this.#code });
    }
    const { version, atOnce } = this.#protocol;
    if (version !== before) {
      const name = version === 5 ? '5' : '3.1.1';
      this.#notice('warn', 'protocol-fallback', `${this.#address} does not take MQTT as we spoke it; trying ${name}.`);
    }
    if (this.#code === 0 && this.#options.clock.now() - this.#connectedAt >= STABLE_MS) this.#attempt = 0;
    if (atOnce) this.#connect();
    else this.#reconnectLater();
  }

  #reconnectLater(): void {
    if (this.#toldReason !== this.#reason) {
      this.#toldReason = this.#reason;
      this.#notice('warn', 'disconnected', `No connection to ${this.#address}: ${this.#reason}.`);
    }
    this.#timer = setTimeout(() => this.#connect(), backoffMs(this.#attempt++, this.#options.random));
  }

  /** Reads nothing while the ledger is full. Not before the answer to CONNECT has been read: a paused session is still a session. */
  #applyPause(): void {
    if (this.#code !== 0 || this.#onStopped !== undefined) return;
    this.#link?.setPaused(this.#ledger.isFull());
  }

  #onOversize({ topic }: Publish): void {
    this.#options.counters.messages_oversize++;
    const limit = this.#options.maxPacketBytes;
    const what = `A message on ${JSON.stringify(topic)} is larger than ${limit} bytes`;
    this.#notice('warn', 'oversize', `${what}: it was acknowledged and left out.`);
  }

  #onStatusFailed(error: Error): void {
    const { statusTopic } = this.#options.broker.config;
    this.#notice('warn', 'status-failed', `The status could not be published on ${statusTopic}: ${error.message}.`);
  }

  #notice(level: MqttNotice['level'], code: MqttNotice['code'], message: string): void {
    this.#options.onNotice({ level, code, broker: this.#options.broker.config.name, message });
  }
}

/** Waits for a promise, but no longer than this. */
async function within(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, deadline]);
  clearTimeout(timer);
}
