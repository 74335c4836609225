import { once } from 'node:events';
import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { generate, parser } from 'mqtt-packet';
import type { Publisher, PublisherOptions } from './publisher.ts';
import { readingOf } from './readings.ts';

/** Number of readings per write. Between two writes the broker's answers are read. */
const CHUNK = 500;
/** Limit of unacknowledged messages, below the number of packet ids. */
const MOST_OPEN = 40_000;

/**
 * Publishes the readings with QoS 1 as fast as the broker accepts them. It writes packets to a plain socket, because a client library would
 * be slower than the engine. The connection must not end meanwhile. `perSecond` and `disturb` are ignored.
 */
export function startFlood({ url, count }: PublisherOptions): Publisher {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const sent: number[] = [];
  const waiting: (() => void)[] = [];
  const packets = parser();
  let acknowledged = 0;
  let paused = false;
  let wake: () => void = () => undefined;
  packets.on('packet', ({ cmd }) => {
    if (cmd !== 'puback') return;
    acknowledged += 1;
    if (acknowledged === sent.length) for (const resolve of waiting.splice(0)) resolve();
  });
  socket.on('data', (bytes) => {
    packets.parse(bytes);
    wake();
  });

  socket.on('drain', () => wake());

  const settled = (): Promise<void> =>
    acknowledged === sent.length ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve));

  const publishAll = async (): Promise<void> => {
    await once(socket, 'connect');
    socket.write(generate({ cmd: 'connect', clientId: 'faults-flood', protocolId: 'MQTT', protocolVersion: 4 }));
    while (sent.length < count) {
      if (paused || sent.length - acknowledged > MOST_OPEN || socket.writableNeedDrain) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const chunk: Buffer[] = [];
      for (let i = 0; i < CHUNK && sent.length < count; i++) chunk.push(packetOf(sent.length, sent));
      socket.write(Buffer.concat(chunk));
      await turn();
    }
    await settled();
  };

  return {
    sent,
    done: publishAll(),
    pause: () => {
      paused = true;
      return settled();
    },
    resume: () => {
      paused = false;
      wake();
    },
    close: async () => {
      socket.destroy();
    },
  };
}

function packetOf(n: number, sent: number[]): Buffer {
  const { topic, payload } = readingOf(n);
  sent.push(n);
  const messageId = (n % 65_535) + 1;
  return generate({ cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false, messageId });
}
