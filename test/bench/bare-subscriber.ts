import { connect } from 'mqtt';

/**
 * The baseline: a plain mqtt.js subscriber that only counts messages and acknowledges them. Arguments: port, messages. It sends `ready` to
 * its parent, and at the end the time at which it had received all messages.
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
