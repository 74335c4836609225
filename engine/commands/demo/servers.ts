import { join } from 'node:path';
import { type EmbeddedClickHouse, startClickHouse } from '../../../connectors/embedded/clickhouse.ts';
import { type EmbeddedBroker, startBroker } from '../../../connectors/embedded/mqtt.ts';
import { type EmbeddedNats, startNats } from '../../../connectors/embedded/nats.ts';
import { messageOf, StartFailed } from './errors.ts';

/** The three servers that the engine needs. Each is a child process that listens on 127.0.0.1. */
export interface Servers {
  readonly broker: EmbeddedBroker;
  readonly nats: EmbeddedNats;
  readonly clickhouse: EmbeddedClickHouse;
  /** Stops NATS, then ClickHouse, then the broker. May be called more than once. */
  stop(): Promise<void>;
}

/** Starts the three servers in parallel, with their data below `dir`. If one does not start, the others are stopped, and StartFailed lists all failures. */
export async function startServers(dir: string): Promise<Servers> {
  const [nats, clickhouse, broker] = await Promise.allSettled([
    startNats({ dir: join(dir, 'nats') }),
    startClickHouse({ dir: join(dir, 'clickhouse') }),
    startBroker(),
  ]);
  if (nats.status === 'fulfilled' && clickhouse.status === 'fulfilled' && broker.status === 'fulfilled') {
    return {
      broker: broker.value,
      nats: nats.value,
      clickhouse: clickhouse.value,
      async stop() {
        await nats.value.stop();
        await clickhouse.value.stop();
        await broker.value.stop();
      },
    };
  }
  const messages: string[] = [];
  for (const outcome of [nats, clickhouse, broker]) {
    if (outcome.status === 'fulfilled') await outcome.value.stop();
    else messages.push(messageOf(outcome.reason));
  }
  throw new StartFailed(messages.join('\n'));
}
