import type { NatsConnection } from 'nats';

/** An event as a NATS subscriber receives it. */
export interface Received {
  readonly subject: string;
  /** `Nats-Msg-Id` */
  readonly id: string | undefined;
  readonly body: CloudEvent;
}

export interface CloudEvent {
  readonly specversion: string;
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly datacontenttype: string;
  // biome-ignore lint/suspicious/noExplicitAny: the data of an event depend on its type, and tests read them.
  readonly data: any;
}

/** Collects everything published below `weir.` from now on, with an ordinary core NATS subscriber. */
export async function listen(client: NatsConnection): Promise<readonly Received[]> {
  const received: Received[] = [];
  client.subscribe('weir.>', {
    callback: (error, message) => {
      if (error !== null) throw error;
      received.push({ subject: message.subject, id: message.headers?.get('Nats-Msg-Id'), body: message.json() });
    },
  });
  await client.flush();
  return received;
}

/** All messages of a JetStream stream from number `from`, the oldest first, as a later subscriber reads them. */
export async function readStream(client: NatsConnection, stream: string, from = 1): Promise<Received[]> {
  const manager = await client.jetstreamManager();
  const { first_seq: first, last_seq: last } = (await manager.streams.info(stream)).state;
  const messages = last + 1 - Math.max(from, first);
  const received: Received[] = [];
  if (messages <= 0) return received;
  const consumer = await client.jetstream().consumers.get(stream, { opt_start_seq: from });
  const batch = await consumer.fetch({ max_messages: messages, expires: 10_000 });
  for await (const message of batch) {
    received.push({ subject: message.subject, id: message.headers?.get('Nats-Msg-Id'), body: message.json() });
    if (received.length === messages) break;
  }
  return received;
}

/** The entries of a KV bucket, by key. */
export async function readBucket(client: NatsConnection, bucket: string): Promise<Record<string, CloudEvent>> {
  const kv = await client.jetstream().views.kv(bucket, { bindOnly: true });
  const entries: Record<string, CloudEvent> = {};
  const keys: string[] = [];
  for await (const key of await kv.keys()) keys.push(key);
  for (const key of keys) {
    const entry = await kv.get(key);
    if (entry !== null && entry.operation === 'PUT') entries[key] = entry.json();
  }
  return entries;
}
