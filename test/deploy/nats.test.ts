// Longer than most: the tests share the users and servers of one configuration.
import { AckPolicy, connect, ErrorCode, type NatsConnection } from 'nats';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createNatsSink } from '../../connectors/nats/nats.ts';
import { readPublished, type UncertainRange } from '../../connectors/nats/published.ts';
import type { EventOutput } from '../../engine/model/output.ts';
import { deployed, PASSWORDS, replaced, serviceOf } from './files.ts';
import { natsServers, startNats } from './servers.ts';

vi.setConfig({ testTimeout: 40_000 });
if (natsServers.length === 0) console.warn('nats.conf is not tested: there is no nats-server on the PATH.');

const alert: EventOutput = {
  kind: 'event',
  id: 'journal.1.hot.press-1.firing',
  offset: 1,
  subject: 'weir.alerts.critical.hot.press-1',
  body: '{"state":"firing"}',
  stream: 'WEIR_ALERTS',
  kv: { bucket: 'weir_alerts_open', key: 'hot.press-1', value: '{"state":"firing"}' },
};
const facts: EventOutput = {
  kind: 'event',
  id: 'journal.2',
  offset: 2,
  subject: 'weir.facts.mean.press-1',
  body: '{}',
  stream: 'WEIR_FACTS',
};

const gap: EventOutput = {
  kind: 'event',
  id: 'journal.3',
  offset: 3,
  subject: 'weir.gaps.hall-1',
  body: '{}',
  stream: 'WEIR_GAPS',
};

const urlOf = (port: number) => `nats://127.0.0.1:${port}`;

async function clientOf(port: number, user: string, pass: string): Promise<NatsConnection> {
  const nc = await connect({ servers: urlOf(port), user, pass, reconnect: false });
  onTestFinished(() => nc.close());
  return nc;
}

/** The opened sink of Weir, and its notices. */
async function openSink(port: number, repeatsFrom?: number) {
  const notices: string[] = [];
  const sink = createNatsSink({
    config: { servers: [urlOf(port)] },
    username: 'weir',
    password: PASSWORDS.WEIR_NATS_PASSWORD,
    onNotice: (text) => notices.push(text),
  });
  onTestFinished(() => sink.close());
  await sink.open(repeatsFrom);
  return { sink, notices };
}

const VIOLATION = /Permissions Violation|Publish Violation|Subscription Violation/;

describe.each(natsServers)('nats.conf with the $name server', ({ binary }) => {
  it('gives Weir its permissions, and lets a consumer read live, from the stream and from the bucket', async () => {
    const { port, log } = await startNats(binary);
    const consumer = await clientOf(port, 'consumer', PASSWORDS.WEIR_CONSUMER_PASSWORD);
    const live: string[] = [];
    consumer.subscribe('weir.>', { callback: (_, { subject }) => live.push(subject) });
    await consumer.flush();

    const notices: string[] = [];
    const sink = createNatsSink({
      config: { servers: [urlOf(port)] },
      username: 'weir',
      password: PASSWORDS.WEIR_NATS_PASSWORD,
      onNotice: (text) => notices.push(text),
    });
    onTestFinished(() => sink.close());
    await sink.open();
    await sink.publish(alert);
    await sink.publish(facts);
    await sink.publish(gap);
    // After a long outage it reads back what the streams have.
    await sink.close();
    await sink.open(0);
    await sink.publish(alert);
    expect(sink.status()).toEqual({ name: 'nats', ready: true });
    expect(notices).toEqual([]);

    await vi.waitFor(() => expect(live).toEqual([alert.subject, facts.subject, gap.subject]));
    const js = consumer.jetstream();
    const kept = await (await js.consumers.get('WEIR_ALERTS')).next({ expires: 5_000 });
    expect(kept?.subject).toBe(alert.subject);
    kept?.ack();
    expect((await (await js.consumers.get('WEIR_FACTS')).next({ expires: 5_000 }))?.subject).toBe(facts.subject);
    expect((await (await js.consumers.get('WEIR_GAPS')).next({ expires: 5_000 }))?.subject).toBe(gap.subject);
    const open = await js.views.kv('weir_alerts_open', { bindOnly: true });
    expect((await open.get('hot.press-1'))?.string()).toBe(alert.kv?.value);
    expect(log()).not.toContain('Permissions Violation');
  });

  it('lets a consumer write nothing', async () => {
    const { port, log } = await startNats(binary);
    const consumer = await clientOf(port, 'consumer', PASSWORDS.WEIR_CONSUMER_PASSWORD);
    consumer.publish('weir.alerts.critical.hot.press-1', 'made up');
    consumer.publish('$KV.weir_alerts_open.hot', 'made up');
    consumer.publish('$JS.API.STREAM.DELETE.WEIR_ALERTS', '');
    await consumer.flush();
    await vi.waitFor(() => expect(log().match(/Permissions Violation|Publish Violation/g)).toHaveLength(3));
  });

  it('lets a consumer read with every method of the clients', async () => {
    const { port, log } = await startNats(binary);
    const { sink } = await openSink(port);
    await sink.publish(alert);
    const nc = await clientOf(port, 'consumer', PASSWORDS.WEIR_CONSUMER_PASSWORD);
    const js = nc.jetstream();
    const manager = await nc.jetstreamManager();

    await manager.consumers.add('WEIR_ALERTS', { durable_name: 'consumer', ack_policy: AckPolicy.Explicit });
    const durable = await js.consumers.get('WEIR_ALERTS', 'consumer');
    const message = await durable.next({ expires: 5_000 });
    expect(message?.subject).toBe(alert.subject);
    await message?.ackAck();
    expect((await durable.info()).num_ack_pending).toBe(0);
    expect(await durable.delete()).toBe(true);

    const ordered = await js.consumers.get('WEIR_ALERTS', { filterSubjects: 'weir.alerts.critical.>' });
    const stream = await ordered.consume();
    for await (const each of stream) {
      expect(each.subject).toBe(alert.subject);
      break;
    }
    await stream.close();

    const open = await js.views.kv('weir_alerts_open', { bindOnly: true });
    const keys: string[] = [];
    for await (const key of await open.keys()) keys.push(key);
    expect(keys).toEqual(['hot.press-1']);
    const watch = await open.watch();
    for await (const entry of watch) {
      expect(entry.key).toBe('hot.press-1');
      break;
    }
    await nc.flush();
    const denied = log()
      .split('\n')
      .filter((line) => VIOLATION.test(line));
    // Clients try to delete their temporary consumers, which the server also deletes by itself.
    expect(denied.filter((line) => !line.includes('CONSUMER.DELETE'))).toEqual([]);
  });

  it('does not let a consumer see or delete the durable consumers of others', async () => {
    const { port } = await startNats(binary);
    await openSink(port);
    const weir = await clientOf(port, 'weir', PASSWORDS.WEIR_NATS_PASSWORD);
    const theirs = await weir.jetstreamManager({ checkAPI: false, timeout: 2_000 });
    await theirs.consumers.add('WEIR_ALERTS', { durable_name: 'billing', ack_policy: AckPolicy.Explicit });
    const nc = await clientOf(port, 'consumer', PASSWORDS.WEIR_CONSUMER_PASSWORD);
    const manager = await nc.jetstreamManager({ timeout: 1_000 });
    await expect(manager.consumers.delete('WEIR_ALERTS', 'billing')).rejects.toThrow();
    await expect(manager.consumers.list('WEIR_ALERTS').next()).rejects.toThrow();
    expect((await theirs.consumers.info('WEIR_ALERTS', 'billing')).name).toBe('billing');
  });

  it('can protect the durable consumers of a user from another, as its comment says', async () => {
    const deny = /#\s+(deny: \[.*\])/.exec(deployed('nats.conf'))?.[1]?.replaceAll('OTHER', 'billing');
    const { port } = await startNats(binary, [
      [
        'publish: {\n          allow: [\n            "$JS.API.INFO"',
        `publish: {\n          ${deny}\n          allow: [\n            "$JS.API.INFO"`,
      ],
    ]);
    await openSink(port);
    const weir = await clientOf(port, 'weir', PASSWORDS.WEIR_NATS_PASSWORD);
    const theirs = await weir.jetstreamManager({ checkAPI: false });
    const config = { durable_name: 'billing', ack_policy: AckPolicy.Explicit };
    await theirs.consumers.add('WEIR_ALERTS', config);
    const nc = await clientOf(port, 'consumer', PASSWORDS.WEIR_CONSUMER_PASSWORD);
    const manager = await nc.jetstreamManager({ timeout: 500 });
    const denied: string[] = [];
    void (async () => {
      for await (const { permissionContext } of nc.status())
        if (permissionContext) denied.push(permissionContext.subject);
    })();
    const other = { ...config, filter_subject: 'weir.alerts.info.>' };
    for (const change of [config, other]) await expect(manager.consumers.add('WEIR_ALERTS', change)).rejects.toThrow();
    await expect(manager.consumers.info('WEIR_ALERTS', 'billing')).rejects.toThrow();
    nc.publish('$JS.API.CONSUMER.DURABLE.CREATE.WEIR_ALERTS.billing');
    nc.publish('$JS.API.CONSUMER.MSG.NEXT.WEIR_ALERTS.billing');
    nc.publish('$JS.ACK.WEIR_ALERTS.billing.1.1.1.1.0');
    await vi.waitFor(() => expect(denied).toHaveLength(6));
    await manager.consumers.add('WEIR_ALERTS', { ...config, durable_name: 'consumer' });
  });

  it('limits the consumers of a stream, and Weir can still read back what it has published', async () => {
    const { port } = await startNats(binary);
    const { sink } = await openSink(port);
    for (let offset = 0; offset < 300; offset++) await sink.publish({ ...alert, id: `journal.${offset}`, offset });
    await sink.close();
    const nc = await clientOf(port, 'consumer', PASSWORDS.WEIR_CONSUMER_PASSWORD);
    const manager = await nc.jetstreamManager();
    const make = (name: string, stream: string) =>
      manager.consumers.add(stream, { durable_name: name, ack_policy: AckPolicy.Explicit });
    for (const stream of ['WEIR_ALERTS', 'KV_weir_alerts_open']) {
      for (let i = 0; i < 256; i++) await make(`c${i}`, stream);
      await expect(make('one-more', stream)).rejects.toThrow('maximum consumers limit reached');
    }
    const { sink: again, notices } = await openSink(port, 0);
    await again.publish({ ...alert, id: 'journal.299', offset: 299 });
    expect(notices).toEqual([]);
    expect((await manager.streams.info('WEIR_ALERTS')).state.messages).toBe(300);
    const weir = await clientOf(port, 'weir', PASSWORDS.WEIR_NATS_PASSWORD);
    const weirs = await weir.jetstreamManager({ checkAPI: false });
    const idsFrom = async (uncertain: UncertainRange) => [
      ...((await readPublished(weirs, uncertain, () => undefined)).get('WEIR_ALERTS') ?? []),
    ];
    const idsOf = (from: number) => Array.from({ length: 300 - from }, (_, i) => `journal.${from + i}`).sort();
    expect((await idsFrom({ since: 0 })).sort()).toEqual(idsOf(0));
    const behind = again.positions!();
    expect(await idsFrom({ since: 0, after: behind })).toEqual([]);
    const before = { WEIR_ALERTS: { ...behind.WEIR_ALERTS!, sequence: 20 } };
    expect((await idsFrom({ since: 0, after: before })).sort()).toEqual(idsOf(20));
  });

  it('hides the answers to Weir from a consumer that subscribes to all inboxes', async () => {
    const { port } = await startNats(binary);
    const nc = await clientOf(port, 'consumer', PASSWORDS.WEIR_CONSUMER_PASSWORD);
    const subjects: string[] = [];
    nc.subscribe('_INBOX.>', { callback: (_, { subject }) => subjects.push(subject) });
    await nc.flush();
    const { sink } = await openSink(port);
    await sink.publish(alert);
    await nc.flush();
    expect(subjects).toEqual([]);
  });

  it('refuses connections without a password', async () => {
    const { port } = await startNats(binary);
    const refused = { code: ErrorCode.AuthorizationViolation };
    await expect(connect({ servers: urlOf(port), reconnect: false })).rejects.toMatchObject(refused);
    await expect(clientOf(port, 'weir', 'guessed')).rejects.toMatchObject(refused);
  });

  it('is healthy at the address of the compose file, on the loopback', async () => {
    const { monitorPort } = await startNats(binary);
    const [url = ''] = serviceOf('nats').healthcheck.test.slice(-1);
    const answer = await fetch(replaced(url, [['127.0.0.1:8222', `127.0.0.1:${monitorPort}`]]));
    expect(answer.status).toBe(200);
  });
});
