import { connect } from 'mqtt';

/**
 * The baseline: what people wire together first. A stock mqtt.js subscriber that only counts, with its own acknowledgements.
 * Arguments: port, messages. Tells its parent `ready`, and at the end the time at which it had them all.
 */
const [port = 0, messages = 0] = process.argv.slice(2).map(Number);
const client = connect(`mqtt://127.0.0.1:${port}`, {
  protocolVersion: 5,
  clientId: 'bench-bare',
  clean: true,
  properties: { receiveMaximum: 10_000 },
});
let count = 0;
client.on('message', () => {
  count += 1;
  if (count < messages) return;
  process.send?.(Date.now());
  client.end();
});
client.on('connect', () => client.subscribe('plant/+/+/data', { qos: 1 }, () => process.send?.('ready')));
