import { connect } from 'mqtt';

/**
 * The baseline: what people wire together first. A stock mqtt.js subscriber that only counts, with its own acknowledgements.
 * Arguments: port, messages. Tells its parent `ready`, and at the end how long the messages took and what they cost.
 */
const [port = 0, messages = 0] = process.argv.slice(2).map(Number);
const client = connect(`mqtt://127.0.0.1:${port}`, {
  protocolVersion: 5,
  clientId: 'bench-bare',
  clean: true,
  properties: { receiveMaximum: 10_000 },
});
let count = 0;
let startedAt = 0;
let cpu = process.cpuUsage();
client.on('message', () => {
  if (count === 0) {
    startedAt = performance.now();
    cpu = process.cpuUsage();
  }
  count += 1;
  if (count < messages) return;
  const ms = performance.now() - startedAt;
  const used = process.cpuUsage(cpu);
  process.send?.({ ms, cpuMs: (used.user + used.system) / 1_000 });
  client.end();
});
client.on('connect', () => client.subscribe('plant/+/+/data', { qos: 1 }, () => process.send?.('ready')));
