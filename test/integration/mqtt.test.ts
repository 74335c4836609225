// Longer than most: the tests share helpers for two kinds of brokers.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { generate, type Packet, parser } from 'mqtt-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { startBroker } from '../../connectors/embedded/mqtt.ts';
import {
  createMqttSource,
  type MqttNotice,
  type MqttSourceOptions,
  type ResolvedBroker,
} from '../../connectors/mqtt/mqtt.ts';
import { createSessionStore } from '../../engine/journal/sessions.ts';
import type { BrokerConfig } from '../../engine/model/config.ts';
import type { Inbound, SessionStore } from '../../engine/ports.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { makeCertificate, startMosquitto, writePasswords } from './servers/mosquitto.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Stops `thing` at the end of the test, also after a failure. */
async function using<T extends { stop(): unknown }>(starting: T | Promise<T>): Promise<T> {
  const thing = await starting;
  cleanups.push(() => thing.stop());
  return thing;
}

async function until(condition: () => boolean, what: () => unknown = () => condition.toString(), deadlineMs = 8_000) {
  const deadlineAt = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > deadlineAt) throw new Error(`Not within ${deadlineMs} ms: ${JSON.stringify(what())}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function publisher(url: string, options: IClientOptions = {}): Promise<MqttClient> {
  const client = await connectAsync(url, { reconnectPeriod: 0, ...options });
  cleanups.push(() => client.endAsync(true));
  return client;
}

interface Received {
  readonly message: Inbound;
  readonly text: string;
  readonly acknowledge: () => void;
}

type Overrides = Partial<BrokerConfig> &
  Partial<Omit<ResolvedBroker, 'config'>> &
  Partial<Pick<MqttSourceOptions, 'maxPacketBytes' | 'highWaterBytes' | 'store'>> & { acknowledge?: boolean };

/** A source with one broker, and everything that it reports. With `acknowledge` false, messages stay unacknowledged. */
function listen(url: string, overrides: Overrides = {}) {
  const { username, password, ca, hadSession, subscriptions, maxPacketBytes, highWaterBytes, store, ...rest } =
    overrides;
  const { acknowledge: automatic = true, ...config } = rest;
  const counters = createCounters();
  const notices: MqttNotice[] = [];
  const received: Received[] = [];
  const marks: string[] = [];
  const broker = {
    config: {
      name: 'plant',
      url,
      clientId: 'weir',
      version: 5,
      receiveMaximum: 1_000,
      keepalive: 30,
      sessionExpiry: 3_600,
      statusTopic: 'weir/status',
      ...config,
    } satisfies BrokerConfig,
    subscriptions: subscriptions ?? [{ filter: 'in/#', qos: 2 }],
    ...Object.fromEntries(
      Object.entries({ username, password, ca, hadSession }).filter(([, value]) => value !== undefined),
    ),
  } satisfies ResolvedBroker;
  const source = createMqttSource({
    brokers: [broker],
    counters,
    clock: { now: () => Date.now(), steady: () => performance.now() },
    // No jitter, and the shortest first backoff.
    random: () => 0,
    onNotice: (notice) => notices.push(notice),
    ...(maxPacketBytes !== undefined && { maxPacketBytes }),
    ...(highWaterBytes !== undefined && { highWaterBytes }),
    ...(store !== undefined && { store }),
  });
  source.start({
    messages: (_connection, messages, acknowledge) => {
      for (const message of messages) {
        received.push({ message, text: Buffer.from(message.payload).toString(), acknowledge });
      }
      if (automatic) acknowledge();
    },
    mark: (_connection, mark) => marks.push(mark),
  });
  cleanups.push(() => {
    for (const { acknowledge } of received) acknowledge();
    return source.stop();
  });
  const ready = () =>
    until(
      () => source.status().ready,
      () => ({ ...source.status(), notices }),
    );
  const texts = () => received.map(({ text }) => text);
  const arrived = (count: number) =>
    until(
      () => received.length >= count,
      () => texts(),
    );
  return { source, counters, notices, received, marks, ready, texts, arrived };
}

async function serve(onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    // The other side decides about the connection.
    socket.on('error', () => socket.destroy());
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A relay to the broker that can be cut without notice to either side. */
async function cuttable(url: string): Promise<{ url: string; cut(): void }> {
  const ways: Socket[] = [];
  const through = await serve((near) => {
    const far = connect(Number(new URL(url).port), '127.0.0.1');
    far.on('error', () => near.destroy());
    near.pipe(far).pipe(near);
    ways.push(near, far);
  });
  return { url: through, cut: () => ways.splice(0).forEach((socket) => void socket.resetAndDestroy()) };
}

const suback = (packet: Packet) => ({ cmd: 'suback' as const, messageId: packet.messageId ?? 0, granted: [1] });

function accept(packet: Packet): Packet | undefined {
  if (packet.cmd === 'connect') return { cmd: 'connack', reasonCode: 0, returnCode: 0, sessionPresent: false };
  if (packet.cmd === 'subscribe') return suback(packet);
  if (packet.cmd === 'publish') return { cmd: 'puback', messageId: packet.messageId ?? 0 };
  return undefined;
}

/** A fence: after this message has arrived, all earlier ones have arrived. */
async function fence(url: string, listener: ReturnType<typeof listen>, text = 'fence') {
  const client = await publisher(url);
  await client.publishAsync('in/fence', text, { qos: 1 });
  await until(() => listener.texts().includes(text), listener.texts);
}

const brokers = [
  ['Mosquitto', () => startMosquitto()],
  ['aedes', () => startBroker()],
] as const;

describe.each(brokers)('with %s', (name, start) => {
  it('passes every message on once, in order, at QoS 0, 1 and 2', async () => {
    const { url } = await using<{ url: string; stop(): unknown }>(start());
    const listener = listen(url);
    await listener.ready();
    expect(listener.marks).toEqual(['connected']);
    const client = await publisher(url);
    for (const qos of [0, 1, 2] as const) {
      const texts = Array.from({ length: 50 }, (_, i) => `${qos}-${i}`);
      await Promise.all(texts.map((text) => client.publishAsync(`in/${qos}`, text, { qos })));
      await listener.arrived(50);
      await fence(url, listener, `fence ${qos}`);
      const inOrder = listener.received.splice(0);
      expect(inOrder.map(({ text }) => text).filter((text) => !text.startsWith('fence'))).toEqual(texts);
      expect(inOrder[0]?.message).toMatchObject({ topic: `in/${qos}`, qos, retain: false, dup: false });
    }
    await until(() => listener.counters.messages_acknowledged === 103);
    expect(listener.counters.messages_received).toBe(153);
  });

  it('receives unacknowledged messages again, and acknowledged ones never again', async () => {
    const { url } = await using<{ url: string; stop(): unknown }>(start());
    const first = listen(url, { acknowledge: false });
    await first.ready();
    const client = await publisher(url);
    for (const text of ['a', 'b', 'c']) {
      await client.publishAsync('in/x', text, { qos: 1 });
      await until(() => first.texts().includes(text), first.texts);
    }
    first.received[0]?.acknowledge();
    await until(() => first.counters.messages_acknowledged === 1);
    // Another client with the same id ends the first connection like a crash: no offline status, no acknowledgement.
    const second = listen(url, { hadSession: true });
    await second.ready();
    await second.arrived(2);
    await fence(url, second);
    expect(second.texts()).toEqual(['b', 'c', 'fence']);
    // aedes redelivers without the DUP flag.
    if (name === 'Mosquitto') expect(second.received.map(({ message }) => message.dup)).toEqual([true, true, false]);
    expect(second.counters.sessions_lost).toBe(0);
    await first.source.stop();
  });

  // aedes does not read PINGREQs of a client whose buffers are full, so it gets fewer messages.
  const burst = name === 'aedes' ? { count: 10, bytes: 100 } : { count: 40, bytes: 100_000 };

  it('keeps an idle and a paused connection alive, and receives what arrived meanwhile', async () => {
    const { url } = await using<{ url: string; stop(): unknown }>(start());
    const listener = listen(url, { keepalive: 1, acknowledge: false, highWaterBytes: 1_000 });
    await listener.ready();
    const client = await publisher(url);
    // More than the buffer may hold: nothing is read until it is acknowledged.
    await client.publishAsync('in/x', Buffer.alloc(2_000), { qos: 1 });
    await listener.arrived(1);
    const payload = Buffer.alloc(burst.bytes, 'x');
    const publications = Array.from({ length: burst.count }, () => client.publishAsync('in/x', payload, { qos: 0 }));
    const pausedAt = performance.now();
    // After a silence of 1.5 s either side would close the connection.
    await until(() => performance.now() - pausedAt > 2_500);
    expect(listener.received).toHaveLength(1);
    expect(listener.source.status().ready).toBe(true);
    listener.received[0]?.acknowledge();
    await Promise.all(publications);
    const taken = () => listener.received.length - 1 + listener.counters.messages_shed;
    await until(() => taken() === burst.count, taken);
    const resumedAt = performance.now();
    await until(() => performance.now() - resumedAt > 1_800);
    expect(listener.marks).toEqual(['connected']);
    expect(listener.source.status()).toEqual({ name: 'mqtt', ready: true });
  }, 15_000);

  it('publishes online, offline, and after a crash its will', async () => {
    const { url } = await using<{ url: string; stop(): unknown }>(start());
    const watcher = await publisher(url);
    const statuses: string[] = [];
    watcher.on('message', (_topic, payload) => statuses.push(payload.toString()));
    await watcher.subscribeAsync('weir/status', { qos: 1 });
    const way = await cuttable(url);
    const listener = listen(way.url);
    await listener.ready();
    await until(() => statuses.length === 1);
    way.cut();
    await until(() => statuses.length === 3);
    await listener.ready();
    await listener.source.stop();
    await until(() => statuses.length === 4);
    expect(statuses).toEqual(['online', 'offline', 'online', 'offline']);
    expect(listener.marks).toEqual(['connected', 'disconnected', 'connected', 'disconnected']);
    const late = await publisher(url);
    const retained = new Promise((resolve) =>
      late.once('message', (_t, text, { retain }) => resolve([`${text}`, retain])),
    );
    await late.subscribeAsync('weir/status');
    expect(await retained).toEqual(['offline', true]);
  });

  it('leaves the session with the broker when it stops', async () => {
    const { url } = await using<{ url: string; stop(): unknown }>(start());
    const first = listen(url);
    await first.ready();
    await first.source.stop();
    const client = await publisher(url);
    await client.publishAsync('in/x', 'while away', { qos: 1 });
    const second = listen(url, { hadSession: true });
    await second.arrived(1);
    expect(second.texts()).toEqual(['while away']);
    expect(second.marks).not.toContain('session-lost');
  });

  it('stops only after all messages that it passed on are acknowledged', async () => {
    const { url } = await using<{ url: string; stop(): unknown }>(start());
    const listener = listen(url, { acknowledge: false });
    await listener.ready();
    const client = await publisher(url);
    await client.publishAsync('in/x', 'last', { qos: 1 });
    await listener.arrived(1);
    let stopped = false;
    const stopping = listener.source.stop().then(() => {
      stopped = true;
    });
    // More round trips than a stop that does not wait would need.
    for (let i = 0; i < 20; i++) await client.publishAsync('elsewhere', '', { qos: 1 });
    expect(stopped).toBe(false);
    listener.received[0]?.acknowledge();
    await stopping;
    const next = listen(url, { hadSession: true });
    await next.ready();
    await fence(url, next);
    expect(next.texts()).toEqual(['fence']);
  });
});

/** The store of sessions in a data folder. */
async function sessionStore(): Promise<SessionStore> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-sessions-'));
  cleanups.push(() => rm(dir, { recursive: true, force: true }));
  return createSessionStore(dir);
}

const subscriptionsTo = (...filters: readonly string[]) => filters.map((filter) => ({ filter, qos: 1 }) as const);

describe.each([5, '3.1.1'] as const)('with Mosquitto over MQTT %s', (version) => {
  const overlapping = subscriptionsTo('in/+/x', 'in/b/#', 'in/fence');

  // Without this, Mosquitto removes duplicates by itself for MQTT 3.1.1 clients, and for those that are away when it starts.
  const duplicating = { config: ['allow_duplicate_messages true'] };

  it('passes on once a message that matches several subscriptions', async () => {
    const { url } = await using(startMosquitto(duplicating));
    const listener = listen(url, { version, subscriptions: overlapping });
    await listener.ready();
    const client = await publisher(url);
    const wanted: string[] = [];
    for (const topic of ['in/b/x', 'in/b', 'in/b/y', 'in/c/x']) {
      for (const qos of [0, 1, 2] as const) {
        wanted.push(`${topic} ${qos}`);
        await client.publishAsync(topic, `${topic} ${qos}`, { qos });
        // Two equal messages are two messages.
        wanted.push('same');
        await client.publishAsync(topic, 'same', { qos });
      }
    }
    // The merged filter also matches this message.
    await client.publishAsync('in/c/y', 'nobody asked for it', { qos: 1 });
    await fence(url, listener);
    expect(listener.texts().sort()).toEqual([...wanted, 'fence'].sort());
    expect(listener.counters.messages_unwanted).toBe(1);
  });

  it('passes on once a message that waited while we were away and the broker restarted, and that is redelivered', async () => {
    const broker = await using(startMosquitto(duplicating));
    const store = await sessionStore();
    const first = listen(broker.url, { version, subscriptions: overlapping, store, acknowledge: false });
    await first.ready();
    const client = await publisher(broker.url);
    await client.publishAsync('in/b/x', 'again', { qos: 1 });
    await first.arrived(1);
    await broker.halt();
    await first.source.stop();
    await broker.restart();
    const other = await publisher(broker.url);
    const waited = ['1', '2', '2', '3'];
    for (const text of waited) await other.publishAsync('in/b/x', text, { qos: 1 });
    await broker.restart();
    const second = listen(broker.url, { version, subscriptions: overlapping, store, hadSession: true });
    await second.arrived(5);
    await second.ready();
    await fence(broker.url, second);
    expect(second.texts()).toEqual(['again', ...waited, 'fence']);
  }, 20_000);

  it('passes on once a message that waited while the config got another filter for it, or lost one', async () => {
    const { url } = await using(startMosquitto(duplicating));
    const store = await sessionStore();
    const configs = [
      ['in/+/x'],
      ['in/+/x', 'in/b/#'],
      ['in/+/x', 'in/b/#', 'in/b/+'],
      ['in/b/#'],
      ['in/b/x', '+/fence'],
    ];
    const client = await publisher(url);
    for (const [i, filters] of configs.entries()) {
      const subscriptions = subscriptionsTo(...filters, 'in/fence');
      const listener = listen(url, { version, subscriptions, store, hadSession: i > 0 });
      await listener.ready();
      await fence(url, listener);
      expect(listener.texts()).toEqual(i === 0 ? ['fence'] : [`waited ${i}`, 'fence']);
      await listener.source.stop();
      await client.publishAsync('in/b/x', `waited ${i + 1}`, { qos: 1 });
    }
  }, 20_000);

  it('passes on once a message if the session has two old subscriptions that are not remembered', async () => {
    const { url } = await using(startMosquitto(duplicating));
    const older = await publisher(url, {
      clientId: 'weir',
      clean: false,
      protocolVersion: version === 5 ? 5 : 4,
      ...(version === 5 && { properties: { sessionExpiryInterval: 3_600 } }),
    });
    for (const { filter } of overlapping) await older.subscribeAsync(filter, { qos: 1 });
    const listener = listen(url, { version, subscriptions: overlapping, hadSession: true });
    await until(() => listener.notices.some(({ code }) => code === 'unsubscribed'));
    const client = await publisher(url);
    await client.publishAsync('in/b/x', 'once', { qos: 1 });
    await fence(url, listener);
    expect(listener.texts()).toEqual(['once', 'fence']);
  });

  it('unsubscribes filters that the config no longer has, and drops their waiting messages', async () => {
    const { url } = await using(startMosquitto());
    const store = await sessionStore();
    const before = subscriptionsTo('in/#', 'old/+', '$share/group/shared/#');
    const first = listen(url, { version, subscriptions: before, store });
    await first.ready();
    await first.source.stop();
    const client = await publisher(url);
    for (const topic of ['old/x', 'in/x', 'old/x']) await client.publishAsync(topic, topic, { qos: 1 });
    const second = listen(url, { version, store, hadSession: true });
    const ended = () => second.notices.filter(({ code }) => code === 'unsubscribed');
    await until(() => ended().length === 1);
    expect(ended()[0]?.message).toContain('old/+, $share/group/shared/#');
    await second.arrived(1);
    await until(() => second.counters.messages_unwanted === 2);
    for (const topic of ['old/x', 'shared/x']) await client.publishAsync(topic, topic, { qos: 1 });
    await fence(url, second);
    expect(second.texts()).toEqual(['in/x', 'fence']);
    expect(second.counters).toMatchObject({ messages_unwanted: 2, messages_received: 4 });
    await until(() => second.counters.messages_acknowledged === 4);
    await second.source.stop();
    // The filter may be added again.
    const third = listen(url, { version, subscriptions: before, store, hadSession: true });
    await third.ready();
    await client.publishAsync('old/x', 'wanted again', { qos: 1 });
    await fence(url, third);
    expect(third.texts()).toEqual(['wanted again', 'fence']);
  });

  it('forgets the subscriptions when the session is lost', async () => {
    const { url } = await using(startMosquitto());
    const store = await sessionStore();
    const first = listen(url, { version, subscriptions: subscriptionsTo('in/#', 'old/+'), store });
    await first.ready();
    await first.source.stop();
    await (await publisher(url, { clientId: 'weir', clean: true })).endAsync();
    const second = listen(url, { version, store, hadSession: true });
    await second.ready();
    await fence(url, second);
    expect(second.counters.sessions_lost).toBe(1);
    expect(second.notices.map(({ code }) => code)).not.toContain('unsubscribed');
    expect(store.read()[0]?.filters).toEqual(['in/#']);
  });
});

it('retries an unsubscription that the broker refuses or does not answer, and is ready meanwhile', async () => {
  const asked: (readonly string[])[] = [];
  const store = await sessionStore();
  const url = await fakeBroker((packet) => {
    if (packet.cmd === 'connect') return { ...accept(packet), sessionPresent: true } as Packet;
    if (packet.cmd !== 'unsubscribe') return accept(packet);
    asked.push(packet.unsubscriptions);
    // Refused, then disconnected, then answered that there was no subscription, which also counts as success.
    if (asked.length === 2) return undefined;
    const granted = asked.length === 1 ? [0, 0x87] : [0, 0x11];
    return { cmd: 'unsuback', messageId: packet.messageId, granted } as unknown as Packet;
  });
  const { hostname, port } = new URL(url);
  const session = { clientId: 'weir', address: `${hostname}:${port}`, broker: 'plant' };
  store.write([{ ...session, filters: ['old/a', 'in/#', 'old/b'] }]);
  const listener = listen(url, { store, hadSession: true });
  await listener.ready();
  await until(() => listener.notices.some(({ code }) => code === 'unsubscribed'));
  expect(asked).toEqual(Array.from({ length: 3 }, () => ['old/a', 'old/b']));
  const failed = listener.notices.filter(({ code }) => code === 'unsubscribe-failed');
  expect(failed.map(({ message }) => message)).toEqual([expect.stringContaining('refused it for old/b')]);
});

describe('with Mosquitto', () => {
  it('reconnects after the broker, receives queued messages, and drops acknowledgements of the old connection', async () => {
    const broker = await using(startMosquitto());
    const listener = listen(broker.url, { acknowledge: false });
    await listener.ready();
    const first = await publisher(broker.url);
    await first.publishAsync('in/x', 'before', { qos: 1 });
    await first.publishAsync('in/x', 'exactly once', { qos: 2 });
    await listener.arrived(2);
    await broker.halt();
    await until(() => !listener.source.status().ready);
    for (const { acknowledge } of listener.received) acknowledge();
    expect(listener.counters.acknowledgements_dropped).toBe(2);
    await broker.restart();
    const client = await publisher(broker.url);
    await client.publishAsync('in/x', 'after', { qos: 1 });
    await listener.arrived(4);
    await listener.ready();
    await fence(broker.url, listener);
    // The QoS 2 message is recognized by its packet id; a QoS 1 message cannot be recognized.
    expect(listener.texts()).toEqual(['before', 'exactly once', 'before', 'after', 'fence']);
    expect(listener.received[2]?.message.dup).toBe(true);
    expect(listener.marks).toEqual(['connected', 'disconnected', 'connected']);
    expect(listener.counters.sessions_lost).toBe(0);
  }, 15_000);

  it('detects that the broker has lost the session', async () => {
    const broker = await using(startMosquitto({ config: ['autosave_interval 0'] }));
    const listener = listen(broker.url);
    await listener.ready();
    await broker.kill();
    await until(() => !listener.source.status().ready);
    await broker.restart();
    await listener.ready();
    expect(listener.marks).toEqual(['connected', 'disconnected', 'session-lost', 'connected']);
    expect(listener.counters.sessions_lost).toBe(1);
    expect(listener.notices.map(({ code }) => code)).toEqual([
      'connected',
      'disconnected',
      'session-lost',
      'connected',
    ]);
    const fresh = listen(broker.url, { clientId: 'never seen', hadSession: true });
    await fresh.ready();
    expect(fresh.marks).toEqual(['session-lost', 'connected']);
  }, 15_000);

  it('stops reading above its high-water mark and continues when enough is acknowledged', async () => {
    const { url } = await using(startMosquitto());
    const listener = listen(url, { acknowledge: false, highWaterBytes: 200_000 });
    await listener.ready();
    const client = await publisher(url);
    const texts = Array.from({ length: 100 }, (_, i) => String(i).padEnd(10_000));
    await Promise.all(texts.map((text) => client.publishAsync('in/x', text, { qos: 1 })));
    let acknowledged = 0;
    while (acknowledged < texts.length) {
      await listener.arrived(acknowledged + 1);
      const held = listener.received.slice(acknowledged);
      // One socket read, and one in progress, may exceed the mark.
      expect(held.length * 10_000).toBeLessThan(200_000 + 3 * 65_536);
      for (const { acknowledge } of held) acknowledge();
      acknowledged += held.length;
    }
    expect(listener.texts()).toEqual(texts);
    expect(acknowledged).toBeGreaterThan(0);
  }, 15_000);

  it.each([5, '3.1.1'] as const)(
    'keeps reading over MQTT %s while a flood of QoS 0 is not durable, and sheds it',
    async (version) => {
      const { url } = await using(startMosquitto());
      const mark = 200_000;
      const listener = listen(url, { version, acknowledge: false, highWaterBytes: mark });
      await listener.ready();
      const client = await publisher(url);
      const payload = Buffer.alloc(10_000, 'x');
      const unacknowledged = Array.from({ length: 40 }, (_, i) => `unacknowledged ${i}`);
      const publications = unacknowledged.flatMap((text, i) => [
        ...Array.from({ length: 10 }, () => client.publishAsync('in/flood', payload, { qos: 0 })),
        client.publishAsync('in/unacknowledged', text, { qos: i % 2 === 0 ? 1 : 2 }),
      ]);
      await Promise.all(publications);
      const [owedTexts, flood] = [
        () => listener.texts().filter((text) => text.startsWith('unacknowledged')),
        () => listener.received.filter(({ message }) => message.qos === 0),
      ];
      // No message has been acknowledged, but messages after the flood still arrive.
      await until(() => owedTexts().length === unacknowledged.length, owedTexts);
      // Messages of each QoS are in order; QoS 2 needs one more exchange between publisher and broker.
      const ofParity = (texts: readonly string[], rest: number) =>
        texts.filter((text) => Number(text.slice(5)) % 2 === rest);
      for (const rest of [0, 1]) expect(ofParity(owedTexts(), rest)).toEqual(ofParity(unacknowledged, rest));
      expect(flood().length + listener.counters.messages_shed).toBe(400);
      expect(listener.counters.messages_received).toBe(440);
      expect(flood().length * payload.length).toBeGreaterThan(mark);
      // One socket read, and one in progress, may exceed the mark.
      expect(flood().length * payload.length).toBeLessThan(mark + 3 * 65_536);

      for (const { acknowledge } of listener.received) acknowledge();
      await until(() => listener.counters.messages_acknowledged === unacknowledged.length);
      const before = flood().length;
      await client.publishAsync('in/flood', payload, { qos: 0 });
      await until(() => flood().length === before + 1);
      expect(listener.marks).toEqual(['connected']);
    },
  );

  it.each([5, '3.1.1'] as const)(
    'drops a too large message over MQTT %s, reports it, and continues',
    async (version) => {
      const { url } = await using(startMosquitto());
      const listener = listen(url, { version, maxPacketBytes: 50_000, acknowledge: false });
      await listener.ready();
      const client = await publisher(url);
      await client.publishAsync('in/before', 'small', { qos: 1 });
      await client.publishAsync('in/large', Buffer.alloc(300_000), { qos: 2 });
      await client.publishAsync('in/after', 'small', { qos: 1 });
      await listener.arrived(2);
      expect(listener.received.map(({ message }) => message.topic)).toEqual(['in/before', 'in/after']);
      expect(listener.counters.messages_oversize).toBe(1);
      expect(listener.notices.find(({ code }) => code === 'oversize')?.message).toContain('"in/large"');
      for (const { acknowledge } of listener.received) acknowledge();
      expect(listener.counters.messages_acknowledged).toBe(3);
      expect(listener.marks).toEqual(['connected']);
    },
  );

  it('logs in over TLS, and reports why if it cannot', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'weir-tls-'));
    cleanups.push(() => rm(dir, { recursive: true, force: true }));
    const certificate = makeCertificate(dir);
    if (certificate === undefined) throw new Error('This test needs openssl on the PATH.');
    const passwords = writePasswords(dir, { weir: 'correct horse' });
    const { certFile, keyFile } = certificate;
    const config = [
      'allow_anonymous false',
      `password_file ${passwords}`,
      `certfile ${certFile}`,
      `keyfile ${keyFile}`,
    ];
    const { url } = await using(startMosquitto({ config }));
    const ca = await readFile(certFile, 'utf8');
    const login = { username: 'weir', password: 'correct horse' };

    const good = listen(url, { ca, ...login });
    await good.ready();
    await good.source.stop();

    const wrong = listen(url, { ca, username: 'weir', password: 'battery staple' });
    await until(() => wrong.notices.length > 0);
    expect(wrong.source.status()).toMatchObject({ ready: false });
    expect(wrong.source.status().reason).toMatch(
      /^broker "plant" at 127\.0\.0\.1:\d+: Connection refused: Not authorized$/,
    );
    expect(JSON.stringify([wrong.notices, wrong.source.status()])).not.toContain('battery');

    const untrusted = listen(url, { ...login });
    await until(() => untrusted.notices.length > 0);
    expect(untrusted.source.status().reason).toContain('self-signed certificate');

    const unverified = listen(url, { ...login, tls: { verify: false } });
    await unverified.ready();

    const garbled = listen(url, { ca: 'not a certificate', ...login, key: 'no key' } as Overrides);
    await until(() => garbled.notices.length > 0);
    expect(garbled.source.status().ready).toBe(false);
  }, 15_000);
});

/** A scripted broker that answers each packet with the result of `answer`: a packet, bytes, silence, or a closed connection. */
async function fakeBroker(answer: (packet: Packet) => Packet | Uint8Array | 'silence' | undefined): Promise<string> {
  return serve((socket) => {
    const reader = parser();
    let version = 4;
    socket.on('data', (bytes) => reader.parse(bytes));
    reader.on('packet', (packet) => {
      if (packet.cmd === 'connect') version = packet.protocolVersion ?? 4;
      const reply = answer(packet);
      if (reply === undefined) socket.end();
      else if (reply !== 'silence')
        socket.write(reply instanceof Uint8Array ? reply : generate(reply, { protocolVersion: version }));
    });
  });
}

describe('with a broker that does not speak MQTT 5', () => {
  it.each([
    ['0x01', Uint8Array.of(0x20, 2, 0, 0x01), [5, 4]],
    ['0x84', Uint8Array.of(0x20, 3, 0, 0x84, 0), [5, 4]],
    ['a hang-up', undefined, [5, 5, 4]],
  ])('falls back to 3.1.1 after %s', async (_name, refusal, expected) => {
    const versions: (number | undefined)[] = [];
    const url = await fakeBroker((packet) => {
      if (packet.cmd === 'connect') {
        versions.push(packet.protocolVersion);
        return packet.protocolVersion === 4 ? { cmd: 'connack', returnCode: 0, sessionPresent: false } : refusal;
      }
      return accept(packet);
    });
    const listener = listen(url);
    await listener.ready();
    expect(versions).toEqual(expected);
    expect(listener.notices.map(({ code }) => code)).toContain('protocol-fallback');
    expect(listener.marks).toEqual(['connected']);
  });
});

it('names the subscriptions that a broker refuses or lowers, and is ready once all are in effect', async () => {
  const grants = [
    [1, 0x87],
    [0, 1],
  ];
  const url = await fakeBroker((packet) =>
    packet.cmd === 'subscribe' ? { ...suback(packet), granted: grants.shift() ?? [1, 1] } : accept(packet),
  );
  const listener = listen(url, {
    subscriptions: [
      { filter: 'in/#', qos: 1 },
      { filter: 'secret/#', qos: 1 },
    ],
  });
  await until(() => listener.notices.length > 0);
  expect(listener.source.status().reason).toContain('the subscription to secret/# was refused');
  await listener.ready();
  expect(listener.notices.map(({ code }) => code)).toEqual(['subscribe-failed', 'qos-lowered', 'connected']);
  expect(listener.marks).toEqual(['connected']);
});

it('names the filters of a refused merged subscription', async () => {
  const url = await fakeBroker((packet) =>
    packet.cmd === 'subscribe' ? { ...suback(packet), granted: [0x87] } : accept(packet),
  );
  const listener = listen(url, { subscriptions: subscriptionsTo('a/+/x', 'a/b/#') });
  await until(() => listener.notices.length > 0);
  const reason = 'the subscription to a/+/# (in place of a/+/x and a/b/#) was refused';
  expect(listener.source.status().reason).toContain(reason);
});

it('disconnects from a broker that does not answer any more, and reconnects', async () => {
  let pings = 0;
  const url = await fakeBroker((packet) => (packet.cmd === 'pingreq' && ++pings > 0 ? 'silence' : accept(packet)));
  const listener = listen(url, { keepalive: 1 });
  await until(() => listener.marks.includes('disconnected'));
  expect(pings).toBe(1);
  expect(listener.source.status().reason).toContain('no data from the broker for 1 s');
  await listener.ready();
});

it.each([
  ['talks another protocol', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'the first packet is not a CONNACK'],
  ['sends a malformed PUBLISH', Buffer.from([0x20, 3, 0, 0, 0, 0x36, 3, 0, 1, 0x74]), 'a PUBLISH has QoS 3'],
])('ends the connection, and not the process, when the broker %s', async (_name, bytes, reason) => {
  const url = await serve((socket) => {
    socket.resume();
    socket.write(bytes);
  });
  const listener = listen(url);
  await until(() => listener.notices.length > 0);
  expect(listener.source.status().reason).toContain(reason);
  expect(listener.source.status().ready).toBe(false);
});
