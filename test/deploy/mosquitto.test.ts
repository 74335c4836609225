import { connect, connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { subscriptionsOf } from '../../engine/config/subscriptions.ts';
import { covers } from '../../engine/model/topic.ts';
import { deployed, PASSWORDS, sampleConfig } from './files.ts';
import { checkMosquitto, hasMosquitto, startMosquitto, temporaryFolder } from './servers.ts';

vi.setConfig({ testTimeout: 40_000 });
if (!hasMosquitto) console.warn('mosquitto.conf is not tested: there is no mosquitto on the PATH.');

const broker = sampleConfig().mqtt[0]!;
const settings = new Map(
  deployed('mosquitto.conf')
    .split('\n')
    .filter((line) => /^[a-z]/.test(line))
    .map((line) => [line.split(' ')[0] ?? '', line.slice(line.indexOf(' ') + 1)]),
);
const LOGINS = {
  weir: { username: 'weir', password: PASSWORDS.WEIR_MQTT_PASSWORD },
  devices: { username: 'devices', password: PASSWORDS.WEIR_DEVICES_PASSWORD },
};

async function client(port: number, options: IClientOptions): Promise<MqttClient> {
  const connected = await connectAsync(`mqtt://127.0.0.1:${port}`, {
    protocolVersion: 5,
    reconnectPeriod: 0,
    ...options,
  });
  onTestFinished(() => connected.endAsync(true));
  return connected;
}

describe('mosquitto.conf beside weir.json', () => {
  it('allows as many messages in flight as Weir requests', () => {
    expect(Number(settings.get('max_inflight_messages'))).toBeGreaterThanOrEqual(broker.receiveMaximum);
  });

  it('accepts no message that Weir would drop because of its size', () => {
    expect(Number(settings.get('max_packet_size'))).toBeLessThanOrEqual(1_048_576);
  });

  it('keeps a session longer than Weir requests', () => {
    const [, days] = /^(\d+)d$/.exec(settings.get('persistent_client_expiration') ?? '') ?? [];
    expect(Number(days) * 86_400).toBeGreaterThan(broker.sessionExpiry);
  });

  it('lets Weir read what its streams need, and write its status', () => {
    const [section = ''] = /^user weir\n((?:.*\n)*?)user /m.exec(deployed('mosquitto.acl')) ?? [];
    const granted = (mode: RegExp) => [...section.matchAll(mode)].map(([, filter]) => filter ?? '');
    const readable = granted(/^topic (?:read|readwrite) (.+)$/gm);
    const needed = subscriptionsOf(sampleConfig(), broker);
    expect(needed.length).toBeGreaterThan(1);
    for (const { filter } of needed) expect(readable.some((one) => covers(one, filter))).toBe(true);
    expect(granted(/^topic (?:write|readwrite) (.+)$/gm).some((one) => covers(one, broker.statusTopic))).toBe(true);
  });
});

describe.skipIf(!hasMosquitto)('a Mosquitto started as compose starts it', () => {
  it('is healthy with the right password', async () => {
    const { port } = await startMosquitto();
    expect(checkMosquitto(port, PASSWORDS.WEIR_MQTT_PASSWORD)).toBe(true);
    expect(checkMosquitto(port, 'guessed')).toBe(false);
  });

  it('refuses connections without a password', async () => {
    const { port } = await startMosquitto();
    await expect(client(port, {})).rejects.toThrow('Not authorized');
    await expect(client(port, { ...LOGINS.devices, password: 'guessed' })).rejects.toThrow('Not authorized');
  });

  it('lets devices publish, but not read other devices or publish as Weir', async () => {
    const { port } = await startMosquitto();
    const [weir, device] = [await client(port, LOGINS.weir), await client(port, LOGINS.devices)];
    const ofWeir: string[] = [];
    const ofDevice: string[] = [];
    weir.on('message', (topic) => ofWeir.push(topic));
    device.on('message', (topic) => ofDevice.push(topic));
    await weir.subscribeAsync('plant/#', { qos: 1 });
    await device.subscribeAsync('#', { qos: 1 });
    await device.publishAsync('plant/hall/press/data', '{}', { qos: 1 });
    await expect(device.publishAsync('weir/weir/status', 'offline', { qos: 1 })).rejects.toThrow('Not authorized');
    await weir.publishAsync('weir/weir/status', 'online', { qos: 1 });
    await vi.waitFor(() => expect(ofWeir).toEqual(['plant/hall/press/data']));
    // The broker answers in order, so everything for the device has arrived before this.
    await device.unsubscribeAsync('#');
    expect(ofDevice).toEqual([]);
  });

  it('queues messages for Weir while it is away, many times the default, also across a restart', async () => {
    const messages = 5_000;
    const dir = await temporaryFolder();
    const first = await startMosquitto({ dir });
    const session: IClientOptions = { ...LOGINS.weir, clientId: 'weir', clean: false, properties: WEEK };
    const weir = await client(first.port, session);
    await weir.subscribeAsync('plant/#', { qos: 1 });
    await weir.endAsync();
    const device = await client(first.port, LOGINS.devices);
    const sent = Array.from({ length: messages }, (_, i) =>
      device.publishAsync('plant/hall/press/data', String(i), { qos: 1 }),
    );
    await Promise.all(sent);
    await device.endAsync();
    await first.halt();

    const second = await startMosquitto({ dir });
    const received = new Set<string>();
    // `connectAsync` is not used, because the first messages arrive before it resolves.
    const again = connect(`mqtt://127.0.0.1:${second.port}`, { ...session, protocolVersion: 5, reconnectPeriod: 0 });
    onTestFinished(() => again.endAsync(true));
    again.on('message', (_, payload) => received.add(payload.toString()));
    await vi.waitFor(() => expect(received.size).toBe(messages), { timeout: 15_000 });
  });

  it('disconnects a client that sends a larger message than Weir accepts', async () => {
    const { port } = await startMosquitto();
    // MQTT 3.1.1 does not announce the limit to the client.
    const device = await client(port, { ...LOGINS.devices, protocolVersion: 4 });
    const closed = new Promise((resolve) => device.once('close', () => resolve('closed')));
    device.publish('plant/hall/press/data', Buffer.alloc(1_048_576), { qos: 1 });
    await expect(closed).resolves.toBe('closed');
  });
});

const WEEK = { sessionExpiryInterval: 604_800 };
