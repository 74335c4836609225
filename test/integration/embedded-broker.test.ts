import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connectAsync } from 'mqtt';
import mqttPacket from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type EmbeddedBroker, startBroker } from '../../connectors/embedded/mqtt.ts';

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

let broker: EmbeddedBroker;
beforeAll(async () => {
  broker = await startBroker();
});
afterAll(() => broker.stop());

/** The text that is replaced by an invalid string. */
const MARK = 'MARKMARK';

/** A packet in which the mark is replaced by the same number of bytes. */
function packetWith(bad: Buffer, packet: object): Buffer {
  const bytes = mqttPacket.generate(packet as Parameters<typeof mqttPacket.generate>[0]);
  const at = bytes.indexOf(MARK);
  expect(at).toBeGreaterThan(0);
  const padded = Buffer.concat([bad, Buffer.from(MARK)]).subarray(0, MARK.length);
  padded.copy(bytes, at);
  return bytes;
}

const CONNECT = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 0 } as const;
let clients = 0;

async function open(): Promise<{ socket: Socket; heard(): Buffer; closed: Promise<void> }> {
  const socket = connect(broker.port, '127.0.0.1');
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const chunks: Buffer[] = [];
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => chunks.push(chunk));
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return { socket, heard: () => Buffer.concat(chunks), closed };
}

const PACKETS: readonly [string, object][] = [
  ['the topic of a message', { cmd: 'publish', topic: `t/${MARK}`, payload: 'x', qos: 0 }],
  ['the topic of a message of QoS 1', { cmd: 'publish', topic: `t/${MARK}`, payload: 'x', qos: 1, messageId: 1 }],
  ['a topic filter', { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: `t/${MARK}`, qos: 0 }] }],
  [
    'the second topic filter',
    {
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [
        { topic: 'a', qos: 0 },
        { topic: MARK, qos: 0 },
      ],
    },
  ],
  ['a topic filter to unsubscribe', { cmd: 'unsubscribe', messageId: 1, unsubscriptions: [`t/${MARK}`] }],
  ['the client id', { ...CONNECT, clientId: MARK }],
  ['the user name', { ...CONNECT, clientId: 'u', username: MARK, password: Buffer.from('x') }],
  [
    'the topic of the will',
    { ...CONNECT, clientId: 'w', will: { topic: `t/${MARK}`, payload: Buffer.from('x'), qos: 0 } },
  ],
];
const STRINGS: readonly [string, Buffer][] = [
  ['a byte that UTF-8 has not', Buffer.from([0xff])],
  ['a lonely continuation', Buffer.from([0x80])],
  ['a character cut short', Buffer.from([0xe2, 0x82])],
  ['an overlong slash', Buffer.from([0xc0, 0xaf])],
  ['half a surrogate pair', Buffer.from([0xed, 0xa0, 0x80])],
  ['a code point above Unicode', Buffer.from([0xf4, 0x90, 0x80, 0x80])],
  ['a NUL', Buffer.from([0x00])],
];

describe('the embedded broker closes the connection', () => {
  describe.each(PACKETS)('for %s', (_name, packet) => {
    test.each(STRINGS)('with %s', async (_string, bad) => {
      const watcher = await connectAsync(broker.url);
      onTestFinished(() => watcher.endAsync(true));
      const received: string[] = [];
      watcher.on('message', (topic) => received.push(topic));
      await watcher.subscribeAsync(['t/#', 'ok']);
      const { socket, heard, closed } = await open();
      const isConnect = 'cmd' in packet && packet.cmd === 'connect';
      if (!isConnect) {
        socket.write(mqttPacket.generate({ ...CONNECT, clientId: `c${clients++}` }));
        await vi.waitFor(() => expect(heard()).toEqual(Buffer.from([0x20, 2, 0, 0])), { timeout: 10_000 });
      }
      // The broker must not accept later packets either.
      const next = mqttPacket.generate({
        cmd: 'publish',
        topic: 't/next',
        payload: 'x',
        qos: 0,
        dup: false,
        retain: false,
      });
      socket.write(Buffer.concat([packetWith(bad, packet), next]));
      await closed;
      expect(heard().length).toBe(isConnect ? 0 : 4);
      await watcher.publishAsync('ok', 'x', { qos: 1 });
      await vi.waitFor(() => expect(received).toContain('ok'), { timeout: 10_000 });
      expect(received).toEqual(['ok']);
    });
  });
});

test('the embedded broker accepts every other string', async () => {
  const topics = ['größe/21 °C', '温度', 't/\u{1f600}', 't/\ufffd', 't/\u0001', 't/\ufeff'];
  const client = await connectAsync(broker.url, { clientId: 'größe', username: '温度', password: 'x' });
  onTestFinished(() => client.endAsync(true));
  const received: string[] = [];
  client.on('message', (topic) => received.push(topic));
  await client.subscribeAsync(topics);
  for (const topic of topics) await client.publishAsync(topic, 'x', { qos: 1 });
  await vi.waitFor(() => expect(received).toEqual(topics), { timeout: 10_000 });
});
