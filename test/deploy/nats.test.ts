import { connect, ErrorCode, type NatsConnection } from 'nats';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createNatsSink } from '../../connectors/nats/nats.ts';
import type { EventOutput } from '../../engine/model/output.ts';
import { PASSWORDS, replaced, serviceOf } from './files.ts';
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

describe.each(natsServers)('nats.conf with the $name server', ({ binary }) => {
  it('lets Weir do all it does, and a consumer read it live, from the stream and from the bucket', async () => {
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
    // After so long an outage it reads back what the streams have.
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

  it('lets nobody in without a password', async () => {
    const { port } = await startNats(binary);
    const refused = { code: ErrorCode.AuthorizationViolation };
    await expect(connect({ servers: urlOf(port), reconnect: false })).rejects.toMatchObject(refused);
    await expect(clientOf(port, 'weir', 'guessed')).rejects.toMatchObject(refused);
  });

  it('says that it is healthy where compose asks, on the loopback', async () => {
    const { monitorPort } = await startNats(binary);
    const [url = ''] = serviceOf('nats').healthcheck.test.slice(-1);
    const answer = await fetch(replaced(url, [['127.0.0.1:8222', `127.0.0.1:${monitorPort}`]]));
    expect(answer.status).toBe(200);
  });
});
