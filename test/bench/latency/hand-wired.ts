import { connect as connectMqtt } from 'mqtt';
import { connect as connectNats } from 'nats';
import type { LoadRequest, Measured } from './load.ts';

/**
 * The baseline: what somebody writes in a few lines without an engine. It subscribes with mqtt.js, parses the JSON, compares, and publishes
 * with core NATS. Nothing is durable. Arguments: URL of the broker, URL of NATS. It sends `ready` to its parent, and answers each
 * `LoadRequest`.
 */
const [broker = '', servers = ''] = process.argv.slice(2);
const LIMIT = 90;
const nc = await connectNats({ servers });
const hot = new Set<string>();
const client = connectMqtt(broker, { protocolVersion: 5, clientId: 'bench-hand-wired', clean: true });
client.on('message', (topic, payload) => {
  const { n, temp } = JSON.parse(payload.toString()) as { n: number; temp: number };
  const isHot = temp > LIMIT;
  if (isHot === hot.has(topic)) return;
  if (isHot) hot.add(topic);
  else hot.delete(topic);
  nc.publish('weir.alerts.warning.hot', JSON.stringify({ topic, temp, n, state: isHot ? 'firing' : 'resolved' }));
});
client.on('connect', () => client.subscribe('plant/+/+/data', { qos: 1 }, () => process.send?.('ready')));
let before = process.cpuUsage();
process.on('message', (request: LoadRequest) => {
  const { user, system } = process.cpuUsage(before);
  before = process.cpuUsage();
  const measured: Measured = { cpuUs: user + system };
  process.send?.(request === 'take' ? measured : 'begun');
});
process.on('disconnect', () => process.exit());
