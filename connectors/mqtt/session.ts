import { backoffMs } from '../../engine/delivery/backoff.ts';
import type { Clock, SourceHandler } from '../../engine/ports.ts';
import type { Counters } from '../../engine/telemetry.ts';
import { brokerAddress, type ResolvedBroker } from './broker.ts';
import { createLedger, type Ledger } from './ledger.ts';
import { describeError, type Link, type LinkEvents, openLink } from './link.ts';
import type { SessionMemory } from './memory.ts';
import type { MqttNotice } from './notice.ts';
import { nextProtocol, type ProtocolChoice } from './protocol.ts';
import type { Tapped } from './publish-tap.ts';
import { createSessionNotices, type SessionNotices } from './session-notices.ts';
import { createSubscriptions, type Subscriptions } from './subscriptions.ts';
import { within } from './within.ts';

export interface SessionOptions {
  /** Index of the broker in the config. It is the connection number in everything passed to the handler. */
  readonly connection: number;
  readonly broker: ResolvedBroker;
  readonly memory: SessionMemory;
  readonly handler: SourceHandler;
  readonly counters: Counters;
  readonly clock: Clock;
  /** Returns numbers in [0, 1). */
  readonly random: () => number;
  readonly onNotice: (notice: MqttNotice) => void;
  readonly maxPacketBytes: number;
  /** See `createLedger`. */
  readonly highWaterBytes: number;
}

/** If a connection lasted at least this long, the backoff starts again after its loss. */
const STABLE_MS = 10_000;
const SETTLE_DEADLINE_MS = 5_000;
const OFFLINE_DEADLINE_MS = 2_000;

/** The session with one broker. It reconnects until `stop` is called. */
export class BrokerSession {
  readonly #options: SessionOptions;
  readonly #ledger: Ledger;
  readonly #subscriptions: Subscriptions;
  readonly #notices: SessionNotices;
  readonly #address: string;
  #protocol: ProtocolChoice;
  #hadSession: boolean;
  #attempt = 0;
  #timer: NodeJS.Timeout | undefined;
  #onStopped: (() => void) | undefined;
  /** Why there is no subscribed connection. */
  #reason = 'connecting';

  // State of the current connection, or of the attempt to make one:
  #link: Link | undefined;
  #transportOpened = false;
  #code: number | undefined;
  #connectedAt = 0;
  #subscribed = false;
  #failure: string | undefined;

  /** Starts to connect at once. */
  constructor(options: SessionOptions) {
    this.#options = options;
    const { host, port } = brokerAddress(options.broker);
    this.#address = `${host}:${port}`;
    this.#protocol = { version: options.broker.config.version === 5 ? 5 : 4, unanswered: 0, immediate: false };
    this.#hadSession = options.broker.hadSession ?? false;
    this.#notices = createSessionNotices(options.broker.config.name, this.#address, options.onNotice);
    this.#subscriptions = createSubscriptions({
      ...options,
      address: this.#address,
      notice: this.#notices.send,
    });
    this.#ledger = createLedger({
      counters: options.counters,
      isWanted: (topic) => this.#subscriptions.isWanted(topic),
      highWaterBytes: options.highWaterBytes,
      onFullChange: () => this.#applyPause(),
      onOversize: ({ topic }) => {
        options.counters.messages_oversize++;
        this.#notices.oversize(topic, options.maxPacketBytes);
      },
    });
    this.#connect();
  }

  /** Why the session is not connected and subscribed; undefined while it is. */
  problem(): string | undefined {
    if (this.#subscribed) return undefined;
    return `broker "${this.#options.broker.config.name}" at ${this.#address}: ${this.#reason}`;
  }

  /**
   * Ends the connection; the broker keeps the session. Waits up to 5 s until all messages passed to the handler are acknowledged, then
   * publishes the status `offline` and disconnects. Messages that arrive meanwhile are not acknowledged, so the broker keeps them.
   */
  async stop(): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      this.#onStopped = resolve;
    });
    clearTimeout(this.#timer);
    this.#subscriptions.end();
    const link = this.#link;
    if (link === undefined) return;
    if (this.#code === 0) await this.#publishOffline(link);
    link.disconnect();
    await stopped;
    this.#reason = 'stopped';
  }

  async #publishOffline(link: Link): Promise<void> {
    await within(SETTLE_DEADLINE_MS, this.#ledger.settled());
    // The acknowledgement of this message comes after everything else that the broker has sent.
    link.setPaused(false);
    const { statusTopic } = this.#options.broker.config;
    const published = link.client.publishAsync(statusTopic, 'offline', { qos: 1, retain: true });
    await within(
      OFFLINE_DEADLINE_MS,
      published.catch((error: Error) => this.#onStatusFailed(error)),
    );
  }

  #connect(): void {
    this.#transportOpened = false;
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
      transportOpened: () => {
        this.#transportOpened = true;
      },
      connackReceived: (sessionPresent, code) => this.#onConnack(sessionPresent, code),
      ready: () => this.#onReady(),
      received: (tapped) => this.#onReceived(tapped),
      // The first failure is the cause; the others follow from it.
      failed: (reason) => {
        this.#failure ??= reason;
        this.#reason = this.#failure;
      },
      closed: () => this.#onClosed(),
    };
  }

  #onConnack(sessionPresent: boolean, code: number): void {
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
    this.#notices.sessionLost();
  }

  #onReady(): void {
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
    this.#options.handler.mark(this.#options.connection, 'connected');
    this.#notices.connected();
  }

  #onReceived({ publishes, releases }: Tapped): void {
    const link = this.#link;
    if (link === undefined) return;
    const { counters, handler, connection } = this.#options;
    this.#ledger.release(link, releases);
    if (this.#onStopped !== undefined) {
      // QoS 1 and 2 are not acknowledged, so the broker sends them again on the next connection.
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
    const ending =
      this.#code === 0 ? 'the broker closed the connection' : 'the broker closed the connection before it answered';
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
      this.#protocol = nextProtocol(this.#protocol, { transportOpened: this.#transportOpened, code: this.#code });
    }
    const { version, immediate } = this.#protocol;
    if (version !== before) this.#notices.protocolFallback(version);
    if (this.#code === 0 && this.#options.clock.now() - this.#connectedAt >= STABLE_MS) this.#attempt = 0;
    if (immediate) this.#connect();
    else this.#reconnectLater();
  }

  #reconnectLater(): void {
    this.#notices.disconnected(this.#reason);
    this.#timer = setTimeout(() => this.#connect(), backoffMs(this.#attempt++, this.#options.random));
  }

  /** Stops reading while the ledger is full, but only after CONNACK: until then reading must continue, or no session is established. */
  #applyPause(): void {
    if (this.#code !== 0 || this.#onStopped !== undefined) return;
    this.#link?.setPaused(this.#ledger.isFull());
  }

  #onStatusFailed(error: Error): void {
    this.#notices.statusFailed(this.#options.broker.config.statusTopic, error);
  }
}
