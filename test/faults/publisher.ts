import mqtt from 'mqtt';
import { readingOf, type Sent } from './readings.ts';

export interface PublisherOptions {
  readonly url: string;
  readonly count: number;
  readonly perSecond: number;
  /** The messages to send instead of a reading. Default: the reading once. */
  readonly disturb?: (n: number) => readonly Sent[];
}

/** A device gateway that numbers its readings and tracks the broker's acknowledgements. */
export interface Publisher {
  /** Numbers of all sent readings, in order. */
  readonly sent: readonly number[];
  /** Resolves once every reading is acknowledged. */
  readonly done: Promise<void>;
  /** Stops sending until `resume`. Resolves once everything that was sent is acknowledged. */
  pause(): Promise<void>;
  resume(): void;
  close(): Promise<void>;
}

const TICK_MS = 20;
/** Limit of unacknowledged messages, which the client keeps in memory. */
const MOST_OPEN = 20_000;

/** Publishes with QoS 1 in order, also across connections. The client sends unacknowledged messages again. */
export function startPublisher({ url, count, perSecond, disturb }: PublisherOptions): Publisher {
  const client = mqtt.connect(url, { clientId: 'faults-publisher', clean: false, reconnectPeriod: 100 });
  client.on('error', () => undefined);
  const sent: number[] = [];
  const waiting: (() => void)[] = [];
  let next = 0;
  let open = 0;
  let paused = false;
  let finish: () => void;
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const perTick = (perSecond * TICK_MS) / 1_000;
  let allowed = 0;
  const timer = setInterval(() => {
    if (paused) return;
    allowed = Math.min(count, allowed + perTick);
    while (next < allowed && open < MOST_OPEN) send(next++);
  }, TICK_MS);

  const onAcknowledged = (error?: Error | null) => {
    if (error) return;
    open -= 1;
    if (open > 0) return;
    for (const resolve of waiting.splice(0)) resolve();
    if (next === count) finish();
  };

  function send(n: number): void {
    for (const { topic, payload, n: number } of disturb?.(n) ?? [readingOf(n)]) {
      open += 1;
      if (number !== undefined) sent.push(number);
      client.publish(topic, payload, { qos: 1 }, onAcknowledged);
    }
  }

  return {
    sent,
    done,
    pause: () => {
      paused = true;
      return open === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve));
    },
    resume: () => {
      paused = false;
    },
    close: async () => {
      clearInterval(timer);
      await client.endAsync(true);
    },
  };
}
