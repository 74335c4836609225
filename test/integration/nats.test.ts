import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { connect, type JetStreamManager, type NatsConnection, nanos } from 'nats';
import pino from 'pino';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { startNats } from '../../connectors/embedded/nats.ts';
import { natsServerFromPackage, natsServerOnPath } from '../../connectors/embedded/nats-binary.ts';
import { createNatsSink, type NatsSinkOptions } from '../../connectors/nats/nats.ts';
import { cloudEvent } from '../../engine/delivery/cloud-event.ts';
import { alertSubject, kvToken } from '../../engine/delivery/subjects.ts';
import type { EventOutput } from '../../engine/model/output.ts';
import type { EventSink } from '../../engine/ports.ts';
import { createEventDelivery } from '../../engine/runtime/event-delivery.ts';
import { createCounters } from '../../engine/telemetry.ts';
import { setUp } from '../pipeline/kit.ts';
import { temporaryFolder, testNats } from './servers/nats.ts';

const BINARIES = Object.entries({ installed: await natsServerOnPath(), npm: await natsServerFromPackage() }).flatMap(
  ([name, binary]) => (binary === undefined ? [] : [{ name, binary }]),
);
const DEADLINE = { timeout: 10_000, interval: 20 };
// Longer than most: the tests run with each nats-server. The deadline of a condition is shorter than that of a test, so that a failed test
// can clean up.
vi.setConfig({ testTimeout: 40_000, hookTimeout: 20_000 });

function sinkTo(url: string, options: Partial<NatsSinkOptions> = {}): EventSink {
  const sink = createNatsSink({ config: { servers: [url] }, ...options });
  onTestFinished(() => sink.close());
  return sink;
}

async function clientOf(url: string): Promise<NatsConnection> {
  const nc = await connect({ servers: url });
  onTestFinished(() => nc.close());
  return nc;
}

function alert(offset: number, state: 'firing' | 'resolved' = 'firing', key = 'press-1'): EventOutput {
  const body = JSON.stringify({ offset, state });
  return {
    kind: 'event',
    id: `j.${offset}.hot.${key}.${state}`,
    offset,
    subject: `weir.alerts.critical.hot.${key}`,
    body,
    stream: 'WEIR_ALERTS',
    kv: { bucket: 'weir_alerts_open', key: `hot.${key}`, value: state === 'firing' ? body : null },
  };
}

/** Delivers events in the same way as the engine. */
function deliveryTo(
  eventSink: EventSink,
  insertUndeliverable: (event: EventOutput) => Promise<void> = async () => undefined,
  random: () => number = Math.random,
) {
  const { config } = setUp([]);
  const delivery = createEventDelivery({
    config,
    eventSink,
    repeatsFrom: undefined,
    insertUndeliverable,
    random,
    clock: { steady: () => performance.now() },
    log: pino({ level: 'silent' }),
    counters: createCounters(),
    onProgress: () => undefined,
  });
  onTestFinished(() => delivery.stop());
  return delivery;
}

/** An alert of about 20 kB. */
function largeAlert(): EventOutput {
  const event = alert(1);
  const data = { rule: 'hot', key: 'press-1', state: 'firing', facts: { text: 'x'.repeat(4_000) } };
  const conditions = Array.from({ length: 4 }, () => ({ fact: 'text', factValue: 'x'.repeat(4_000) }));
  const body = cloudEvent({ id: event.id, instance: 'w', type: 't', time: 0, data: { ...data, conditions } });
  return { ...event, body, kv: { ...event.kv!, value: body } };
}

async function messagesIn(manager: JetStreamManager, stream: string): Promise<number> {
  return (await manager.streams.info(stream)).state.messages;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

test('at least one nats-server is installed', () => {
  expect(BINARIES).not.toHaveLength(0);
});

describe.each(BINARIES)('with the $name server', ({ binary }) => {
  test('streams and buckets are created once, and a second open changes nothing', async () => {
    const server = await testNats({ binary });
    const sink = sinkTo(server.url);
    expect(sink.status()).toMatchObject({ name: 'nats', ready: false });
    await sink.open();
    expect(sink.status()).toEqual({ name: 'nats', ready: true });
    const manager = await (await clientOf(server.url)).jetstreamManager();
    const { config } = await manager.streams.info('WEIR_ALERTS');
    expect(config).toMatchObject({
      subjects: ['weir.alerts.>'],
      max_age: nanos(30 * 86_400_000),
      duplicate_window: nanos(7_200_000),
      discard: 'old',
    });
    const names = async () => (await manager.streams.list().next()).map((stream) => stream.config.name).sort();
    expect(await names()).toEqual([
      'KV_weir_alerts_open',
      'KV_weir_devices',
      'WEIR_ALERTS',
      'WEIR_DEVICES',
      'WEIR_FACTS',
      'WEIR_GAPS',
    ]);
    await sink.open();
    await sinkTo(server.url).open();
    expect(await names()).toHaveLength(6);
    expect((await manager.streams.info('WEIR_FACTS')).config).toMatchObject({
      subjects: ['weir.facts.>'],
      max_age: nanos(7 * 86_400_000),
      max_bytes: 512 * 1024 * 1024,
      duplicate_window: nanos(600_000),
    });
  });

  test('an ordinary subscriber receives subject, id and body; a duplicate adds nothing', async () => {
    const server = await testNats({ binary });
    const nc = await clientOf(server.url);
    const subscription = nc.subscribe('weir.>', { max: 2 });
    await nc.flush();
    const sink = sinkTo(server.url);
    await sink.open();
    await sink.publish(alert(1));
    await sink.publish(alert(1));
    const [message] = await all(subscription);
    expect(message?.subject).toBe('weir.alerts.critical.hot.press-1');
    expect(message?.headers?.get('Nats-Msg-Id')).toBe('j.1.hot.press-1.firing');
    expect(message?.json()).toEqual({ offset: 1, state: 'firing' });
    expect(await messagesIn(await nc.jetstreamManager(), 'WEIR_ALERTS')).toBe(1);
  });

  test('the KV has an alert while it is open, and devices permanently', async () => {
    const server = await testNats({ binary });
    const sink = sinkTo(server.url);
    await sink.open();
    const js = (await clientOf(server.url)).jetstream();
    const open = await js.views.kv('weir_alerts_open', { bindOnly: true });
    await sink.publish(alert(1));
    expect((await open.get('hot.press-1'))?.json()).toEqual({ offset: 1, state: 'firing' });
    await sink.publish(alert(2, 'resolved'));
    expect((await open.get('hot.press-1'))?.operation).toBe('DEL');
    expect(await all(await open.keys())).toEqual([]);
    const device: EventOutput = {
      kind: 'event',
      id: 'j.3.device',
      offset: 3,
      subject: 'weir.devices.offline.press~2E1',
      body: '{}',
      stream: 'WEIR_DEVICES',
      kv: { bucket: 'weir_devices', key: 'press=2E1', value: '{"state":"offline"}' },
    };
    await sink.publish(device);
    const devices = await js.views.kv('weir_devices', { bindOnly: true });
    expect((await devices.get('press=2E1'))?.json()).toEqual({ state: 'offline' });
  });

  test('many events at once: each key is in order, and the KV has the last of each', async () => {
    const server = await testNats({ binary });
    const sink = sinkTo(server.url);
    await sink.open();
    const events = Array.from({ length: 400 }, (_, i) =>
      alert(i, Math.floor(i / 20) % 2 === 0 ? 'firing' : 'resolved', `press-${i % 20}`),
    );
    const delivery = deliveryTo(sink);
    for (const event of events) delivery.push(event);
    await vi.waitFor(() => expect(delivery.outbox.isConfirmed(events.length)).toBe(true), DEADLINE);
    const js = (await clientOf(server.url)).jetstream();
    const consumer = await js.consumers.get('WEIR_ALERTS');
    const seen = new Map<string, number>();
    for await (const message of await consumer.fetch({ max_messages: 400 })) {
      const { offset } = message.json<{ offset: number }>();
      expect(offset).toBeGreaterThan(seen.get(message.subject) ?? -1);
      seen.set(message.subject, offset);
    }
    expect(seen.size).toBe(20);
    expect(Math.min(...seen.values())).toBe(380);
    const open = await js.views.kv('weir_alerts_open', { bindOnly: true });
    expect(await all(await open.keys())).toEqual([]);
  });

  test('it rejects while the server is away, and continues afterwards without another open', async () => {
    const server = await testNats({ binary });
    const sink = sinkTo(server.url);
    await sink.open();
    await sink.publish(alert(1));
    await server.stop();
    await expect(sink.publish(alert(2))).rejects.toMatchObject({ name: 'DeliveryError', class: 'transient' });
    await vi.waitFor(() => expect(sink.status().reason).toMatch(/connection to NATS .* is lost/), DEADLINE);
    const refusedAt = performance.now();
    await expect(sink.publish(alert(2))).rejects.toMatchObject({ class: 'transient', code: 'DISCONNECT' });
    expect(performance.now() - refusedAt).toBeLessThan(100);
    await testNats({ binary, dir: server.dir, port: server.port });
    await vi.waitFor(() => sink.publish(alert(2)), DEADLINE);
    await sink.publish(alert(1));
    expect(sink.status()).toEqual({ name: 'nats', ready: true });
    const manager = await (await clientOf(server.url)).jetstreamManager();
    expect(await messagesIn(manager, 'WEIR_ALERTS')).toBe(2);
  });

  test('an older event of a key is delivered before a newer one, also after retries', async () => {
    const server = await testNats({ binary });
    const sink = sinkTo(server.url);
    await sink.open();
    // Older events would wait longer.
    const draws = [0.9, 0.7, 0.5, 0.3, 0.1];
    let turn = 0;
    const delivery = deliveryTo(sink, undefined, () => draws[turn++ % draws.length]!);
    await vi.waitFor(() => expect(delivery.isOpen).toBe(true), DEADLINE);
    await server.stop();
    for (const event of [alert(1), alert(2, 'resolved'), alert(3), alert(4, 'resolved')]) delivery.push(event);
    delivery.push(alert(9, 'firing', 'other'));
    await vi.waitFor(() => expect(sink.status().ready).toBe(false), DEADLINE);
    await testNats({ binary, dir: server.dir, port: server.port });
    await vi.waitFor(() => expect(delivery.outbox.isConfirmed(5)).toBe(true), { ...DEADLINE, timeout: 30_000 });
    const js = (await clientOf(server.url)).jetstream();
    const offsets: number[] = [];
    for await (const message of await (await js.consumers.get('WEIR_ALERTS')).fetch({ max_messages: 5 })) {
      if (message.subject.endsWith('press-1')) offsets.push(message.json<{ offset: number }>().offset);
      if (message.info.pending === 0) break;
    }
    expect(offsets).toEqual([1, 2, 3, 4]);
    const open = await js.views.kv('weir_alerts_open', { bindOnly: true });
    expect(await all(await open.keys())).toEqual(['hot.other']);
  });

  test('deleted streams and buckets are created again', async () => {
    const server = await testNats({ binary });
    const sink = sinkTo(server.url);
    await sink.open();
    const manager = await (await clientOf(server.url)).jetstreamManager();
    await manager.streams.delete('WEIR_ALERTS');
    await manager.streams.delete('KV_weir_alerts_open');
    await vi.waitFor(() => sink.publish(alert(1)), DEADLINE);
    expect(await messagesIn(manager, 'WEIR_ALERTS')).toBe(1);
    expect(await messagesIn(manager, 'KV_weir_alerts_open')).toBe(1);
  });

  test('published events are not published again after an outage longer than the duplicate window', async () => {
    const server = await testNats({ binary });
    const manager = await (await clientOf(server.url)).jetstreamManager();
    const forgetful = { subjects: ['weir.alerts.>'], duplicate_window: nanos(100) };
    await manager.streams.add({ name: 'WEIR_ALERTS', ...forgetful });
    const startedAt = Date.now();
    const first = createNatsSink({ config: { servers: [server.url] } });
    await first.open();
    for (let offset = 0; offset < 2_500; offset++) await first.publish(alert(offset));
    await first.close();
    const forgotten = () => expect(Date.now() - startedAt).toBeGreaterThan(200);
    await vi.waitFor(forgotten, DEADLINE);
    const second = sinkTo(server.url);
    await second.open(startedAt);
    for (let offset = 0; offset < 2_501; offset++) await second.publish(alert(offset));
    expect(await messagesIn(manager, 'WEIR_ALERTS')).toBe(2_501);
  });

  test('they are not published again if our clock was wrong, because the stream position decides', async () => {
    const server = await testNats({ binary });
    const manager = await (await clientOf(server.url)).jetstreamManager();
    const forgetful = { subjects: ['weir.alerts.>'], duplicate_window: nanos(100) };
    await manager.streams.add({ name: 'WEIR_ALERTS', ...forgetful });
    const first = createNatsSink({ config: { servers: [server.url] } });
    await first.open();
    await first.publish(alert(1));
    const before = first.positions!();
    expect(before.WEIR_ALERTS).toMatchObject({ sequence: 1 });
    for (let offset = 2; offset < 10; offset++) await first.publish(alert(offset));
    await first.close();
    const forgottenAt = Date.now() + 200;
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(forgottenAt), DEADLINE);
    const hour = 3_600_000;
    const second = sinkTo(server.url);
    await second.open(Date.now() + hour, before);
    for (let offset = 2; offset < 11; offset++) await second.publish(alert(offset));
    expect(await messagesIn(manager, 'WEIR_ALERTS')).toBe(10);
    expect(second.positions!().WEIR_ALERTS).toMatchObject({ sequence: 10 });
    // A stream that was created again has other numbers, so the time decides.
    await manager.streams.delete('WEIR_ALERTS');
    await manager.streams.add({ name: 'WEIR_ALERTS', ...forgetful });
    const third = sinkTo(server.url);
    await third.open(Date.now() + hour, before);
    await third.publish(alert(11));
    expect(third.positions!().WEIR_ALERTS).toMatchObject({ sequence: 1 });
  });

  test('they are not published again after an equally long connection loss', async () => {
    const server = await testNats({ binary });
    const manager = await (await clientOf(server.url)).jetstreamManager();
    await manager.streams.add({ name: 'WEIR_ALERTS', subjects: ['weir.alerts.>'], duplicate_window: nanos(100) });
    const sink = sinkTo(server.url);
    await sink.open();
    await sink.publish(alert(1));
    await server.stop();
    await testNats({ binary, dir: server.dir, port: server.port });
    await vi.waitFor(() => sink.publish(alert(2)), DEADLINE);
    await sink.publish(alert(1));
    const after = await (await clientOf(server.url)).jetstreamManager();
    expect(await messagesIn(after, 'WEIR_ALERTS')).toBe(2);
  });

  test('without the permission to read back, it reports that and publishes', async () => {
    const denied = '$JS.API.CONSUMER.>';
    const config = `authorization { users: [{ user: weir, password: "s", permissions: { publish: { deny: ["${denied}"] } } }] }`;
    const server = await testNats({ binary, config });
    const notices: string[] = [];
    const login = { username: 'weir', password: 's' };
    const sink = sinkTo(server.url, { ...login, onNotice: (text) => notices.push(text) });
    await sink.open(Date.now());
    expect(notices[0]).toContain('reading back WEIR_ALERTS');
    await sink.publish(alert(1));
    expect(sink.status()).toEqual({ name: 'nats', ready: true });
  });

  test('an operator’s own stream is not changed', async () => {
    const server = await testNats({ binary });
    const manager = await (await clientOf(server.url)).jetstreamManager();
    await manager.streams.add({ name: 'WEIR_ALERTS', subjects: ['weir.alerts.*.*.*', 'mine'], max_msgs: 7 });
    const before = (await manager.streams.info('WEIR_ALERTS')).config;
    const notices: string[] = [];
    const sink = sinkTo(server.url, { onNotice: (text) => notices.push(text) });
    await sink.open();
    await sink.publish(alert(1));
    expect((await manager.streams.info('WEIR_ALERTS')).config).toEqual(before);
    expect(notices).toEqual([]);
  });

  test('an operator’s stream that would not accept our events is fatal, with the reason', async () => {
    const server = await testNats({ binary });
    const manager = await (await clientOf(server.url)).jetstreamManager();
    await manager.streams.add({ name: 'WEIR_ALERTS', subjects: ['weir.alerts.critical.>'] });
    const sink = sinkTo(server.url);
    await expect(sink.open()).rejects.toMatchObject({
      class: 'fatal',
      message: expect.stringContaining('has the subjects weir.alerts.critical.>, but must accept weir.alerts.>'),
    });
    expect(sink.status().ready).toBe(false);
    await manager.streams.update('WEIR_ALERTS', { subjects: ['weir.alerts.>'] });
    await sink.open();
    expect(sink.status().ready).toBe(true);
  });

  test('subjects of another existing stream are fatal', async () => {
    const server = await testNats({ binary });
    const manager = await (await clientOf(server.url)).jetstreamManager();
    await manager.streams.add({ name: 'EVERYTHING', subjects: ['weir.>'] });
    await expect(sinkTo(server.url).open()).rejects.toMatchObject({ class: 'fatal', code: '10065' });
  });

  test('a full stream is overload, a too large message is bad-row', async () => {
    const server = await testNats({ binary, config: 'max_payload: 20KB' });
    const manager = await (await clientOf(server.url)).jetstreamManager();
    const sample = { subjects: ['weir.alerts.>'], max_msgs: 1, max_msg_size: 10_000 };
    await manager.streams.add({ name: 'WEIR_ALERTS', ...sample, discard: 'new' as never });
    const sink = sinkTo(server.url);
    await sink.open();
    await expect(sink.publish({ ...alert(1), body: 'x'.repeat(15_000) })).rejects.toMatchObject({
      class: 'bad-row',
      code: '10054',
    });
    await expect(sink.publish({ ...alert(2), body: 'x'.repeat(20_400) })).rejects.toMatchObject({
      class: 'bad-row',
      code: 'MAX_PAYLOAD_EXCEEDED',
    });
    await sink.publish(alert(3));
    await expect(sink.publish(alert(4))).rejects.toMatchObject({ class: 'overload', code: '10077' });
    await manager.streams.purge('WEIR_ALERTS');
    await sink.publish(alert(4));
  });

  test.each([
    ['max_payload of the server', 'max_payload: 8192', undefined],
    ['max_msg_size of the stream', '', { name: 'WEIR_ALERTS', subjects: ['weir.alerts.>'] }],
    ['max_msg_size of the bucket', '', { name: 'KV_weir_alerts_open', subjects: ['$KV.weir_alerts_open.>'] }],
  ])(
    'an event that is above the %s goes out in a shorter form, once, and so does its KV entry',
    async (_, config, own) => {
      const server = await testNats({ binary, config });
      const manager = await (await clientOf(server.url)).jetstreamManager();
      if (own !== undefined) {
        const bucket = own.name.startsWith('KV') && {
          max_msgs_per_subject: 1,
          allow_direct: true,
          allow_rollup_hdrs: true,
        };
        await manager.streams.add({ ...own, ...bucket, max_msg_size: 8192 });
      }
      const delivery = deliveryTo(sinkTo(server.url), () => Promise.reject(new Error('must not become a dead letter')));
      const large = largeAlert();
      delivery.push(large);
      await vi.waitFor(() => expect(delivery.outbox.isConfirmed(1)).toBe(true), DEADLINE);
      const js = (await clientOf(server.url)).jetstream();
      const kv = await js.views.kv('weir_alerts_open', { bindOnly: true });
      const shortened = { id: large.id, data: { rule: 'hot', key: 'press-1', state: 'firing', truncated: true } };
      expect((await kv.get('hot.press-1'))?.json()).toMatchObject(shortened);
      expect(await messagesIn(manager, 'WEIR_ALERTS')).toBe(1);
      const event = await manager.streams.getMessage('WEIR_ALERTS', { seq: 1 });
      if (own?.name.startsWith('KV') !== true) expect(event.json()).toMatchObject(shortened);
    },
  );

  test('an event that is too large in every form becomes a dead letter, and later ones continue', async () => {
    const server = await testNats({ binary });
    const manager = await (await clientOf(server.url)).jetstreamManager();
    await manager.streams.add({ name: 'WEIR_ALERTS', subjects: ['weir.alerts.>'], max_msg_size: 300 });
    const deadLettered: string[] = [];
    const delivery = deliveryTo(sinkTo(server.url), async ({ id }) => void deadLettered.push(id));
    for (const event of [largeAlert(), alert(2, 'resolved'), alert(3)]) delivery.push(event);
    await vi.waitFor(() => expect(delivery.outbox.isConfirmed(3)).toBe(true), DEADLINE);
    expect(deadLettered).toEqual([largeAlert().id]);
    expect(await messagesIn(manager, 'WEIR_ALERTS')).toBe(2);
  });

  test('the longest subjects fit into a line of 512 bytes, far below the limit of servers', async () => {
    const server = await testNats({ binary, config: 'max_control_line: 512' });
    const delivery = deliveryTo(sinkTo(server.url));
    const [rule, key] = ['\u0001'.repeat(128), '\u0001'.repeat(4_000)];
    const token = (text: string) => kvToken(text);
    const event = { ...alert(1), subject: alertSubject('critical', rule, key), id: `j.1.${token(rule)}.${token(key)}` };
    delivery.push({ ...event, kv: { ...event.kv!, key: `${token(rule)}.${token(key)}` } });
    await vi.waitFor(() => expect(delivery.outbox.isConfirmed(1)).toBe(true), DEADLINE);
    expect(await messagesIn(await (await clientOf(server.url)).jetstreamManager(), 'WEIR_ALERTS')).toBe(1);
  });

  test('without JetStream it uses core NATS, and reports what is missing', async () => {
    const server = await testNats({ binary, jetstream: false });
    const nc = await clientOf(server.url);
    const subscription = nc.subscribe('weir.>', { max: 2 });
    await nc.flush();
    const notices: string[] = [];
    const sink = sinkTo(server.url, { onNotice: (text) => notices.push(text) });
    await sink.open();
    await sink.publish(alert(1));
    await sink.publish({ kind: 'event', id: 'j.2', offset: 2, subject: 'weir.deadletters', body: '{}' });
    expect((await all(subscription)).map((message) => message.subject)).toEqual([
      'weir.alerts.critical.hot.press-1',
      'weir.deadletters',
    ]);
    expect(sink.status()).toMatchObject({ ready: true, reason: expect.stringContaining('no JetStream') });
    expect(notices).toEqual([expect.stringContaining('no JetStream')]);
    await server.stop();
    await testNats({ binary, dir: server.dir, port: server.port });
    await vi.waitFor(() => sink.publish(alert(3)), DEADLINE);
    expect(sink.status()).toEqual({ name: 'nats', ready: true });
  });

  test('a wrong password is fatal, at once and after a reconnection', async () => {
    const config = (password: string) => `authorization { user: weir, password: "${password}" }`;
    const server = await testNats({ binary, config: config('right') });
    await expect(sinkTo(server.url, { username: 'weir', password: 'wrong' }).open()).rejects.toMatchObject({
      class: 'fatal',
      code: 'AUTHORIZATION_VIOLATION',
    });
    const sink = sinkTo(server.url, { username: 'weir', password: 'right' });
    await sink.open();
    await server.stop();
    const changed = await testNats({ binary, dir: server.dir, port: server.port, config: config('changed') });
    await vi.waitFor(() => expect(sink.status().reason).toMatch(/refuses this login/), DEADLINE);
    await expect(sink.publish(alert(1))).rejects.toMatchObject({ class: 'fatal' });
    await changed.stop();
    await testNats({ binary, dir: server.dir, port: server.port, config: config('right') });
    await vi.waitFor(() => sink.publish(alert(1)), DEADLINE);
  });

  test('a subject without permission is fatal, with and without JetStream', async () => {
    const config = `authorization { users = [
      { user: weir, password: p, permissions: { publish: { deny: ["weir.alerts.>", "weir.deadletters"] } } }
    ] }`;
    const server = await testNats({ binary, config });
    const sink = sinkTo(server.url, { username: 'weir', password: 'p' });
    await sink.open();
    const denied = { class: 'fatal', code: 'PERMISSIONS_VIOLATION' };
    await expect(sink.publish(alert(1))).rejects.toMatchObject(denied);
    const deadLetter: EventOutput = { kind: 'event', id: 'j.2', offset: 2, subject: 'weir.deadletters', body: '{}' };
    await expect(sink.publish(deadLetter)).rejects.toMatchObject(denied);
  });

  test('ends when the process that started it ends, even if that is killed', async () => {
    const module = new URL('../../connectors/embedded/nats.ts', import.meta.url).href;
    const script = `const { startNats } = await import(${JSON.stringify(module)});
      const server = await startNats(${JSON.stringify({ dir: await temporaryFolder(), binary })});
      console.log(server.pid);`;
    const loader = createRequire(import.meta.url).resolve('tsx');
    const parent = spawn(process.execPath, ['--import', loader, '--input-type=module', '-e', script], {
      stdio: 'pipe',
    });
    onTestFinished(() => void parent.kill('SIGKILL'));
    const pid = await new Promise<number>((done, fail) => {
      parent.stdout.once('data', (text) => done(Number(text)));
      parent.stderr.once('data', (text) => fail(new Error(String(text))));
    });
    expect(process.kill(pid, 0)).toBe(true);
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), DEADLINE);
  });
});

describe('a missing server', () => {
  test('is transient, and is found once it runs', async () => {
    const first = await testNats();
    await first.stop();
    const sink = sinkTo(first.url);
    await expect(sink.open()).rejects.toMatchObject({ class: 'transient', code: 'CONNECTION_REFUSED' });
    expect(sink.status()).toMatchObject({ ready: false, reason: expect.stringContaining(first.url) });
    await expect(sink.publish(alert(1))).rejects.toMatchObject({ class: 'transient' });
    await testNats({ dir: first.dir, port: first.port });
    await sink.open();
    await sink.publish(alert(1));
    await sink.close();
    await expect(sink.publish(alert(2))).rejects.toMatchObject({ class: 'transient' });
  });
});

describe('an embedded server that cannot start reports why', () => {
  test.each([
    [{ config: 'nonsense {' }, /did not start: nats-server: .*Parse error/i],
    [{ binary: '/nowhere/nats-server' }, /did not start: spawn \/nowhere\/nats-server ENOENT/],
  ])('%j', async (options, message) => {
    await expect(startNats({ dir: await temporaryFolder(), ...options })).rejects.toThrow(message);
  });

  test('if its port is in use', async () => {
    const { port } = await testNats();
    await expect(testNats({ port })).rejects.toThrow(/address already in use/);
  });
});
