import mqtt from 'mqtt';
import { readingOf, type Sent } from './readings.ts';

export interface PublisherOptions {
  readonly url: string;
  readonly count: number;
  readonly perSecond: number;
  /** What goes out besides, or in place of, a reading; default: the reading once. */
  readonly disturb?: (n: number) => readonly Sent[];
}

/** A device gateway that numbers its readings and knows which of them the broker has acknowledged. */
export interface Publisher {
  readonly acknowledged: number;
  /** Resolves once every reading is acknowledged. */
  readonly done: Promise<void>;
  close(): Promise<void>;
}

const TICK_MS = 20;

/** Publishes at QoS 1, in order, also across connections; what is not acknowledged is sent again by the client. */
export function startPublisher({ url, count, perSecond, disturb }: PublisherOptions): Publisher {
  const client = mqtt.connect(url, { clientId: 'faults-publisher', clean: false, reconnectPeriod: 100 });
  client.on('error', () => undefined);
  let sent = 0;
  let acknowledged = 0;
  let finish: () => void;
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const startedAt = Date.now();
  const timer = setInterval(() => {
    const due = Math.min(count, Math.ceil(((Date.now() - startedAt) * perSecond) / 1_000));
    // The client keeps in memory what the broker has not acknowledged.
    while (sent < due && sent - acknowledged < 20_000) send(sent++);
  }, TICK_MS);

  function send(n: number): void {
    const messages = disturb?.(n) ?? [readingOf(n)];
    let open = messages.length;
    const settle = () => {
      if (--open > 0) return;
      acknowledged += 1;
      if (acknowledged === count) finish();
    };
    for (const { topic, payload } of messages) {
      client.publish(topic, payload, { qos: 1 }, (error) => {
        if (error === undefined || error === null) settle();
      });
    }
  }

  return {
    get acknowledged() {
      return acknowledged;
    },
    done,
    close: async () => {
      clearInterval(timer);
      await client.endAsync(true);
    },
  };
}
