import { decode } from '@msgpack/msgpack';
import { connect } from 'mqtt';

/**
 * The baseline: a plain mqtt.js subscriber that counts messages and acknowledges them. Arguments: port, messages, and the form of the payloads
 * (see `PayloadForm`), which it parses; `none`: it does not parse them. It sends `ready` to its parent, and at the end the time at which it
 * had received all messages.
 */
const [port = 0, messages = 0] = process.argv.slice(2, 4).map(Number);
const parse = parserOf(process.argv[4] ?? 'none');
const client = connect(`mqtt://127.0.0.1:${port}`, {
  protocolVersion: 5,
  clientId: 'bench-bare',
  clean: true,
  properties: { receiveMaximum: 10_000 },
});
let count = 0;
client.on('message', (_topic, payload) => {
  parse(payload);
  count += 1;
  if (count < messages) return;
  // The connection ends with the process, whose CPU time is read before.
  process.send?.(Date.now());
});
client.on('connect', () => client.subscribe('plant/+/+/data', { qos: 1 }, () => process.send?.('ready')));

function parserOf(form: string): (payload: Buffer) => unknown {
  switch (form) {
    case 'none':
      return () => undefined;
    case 'msgpack':
      return (payload) => decode(payload);
    case 'ndjson':
      return (payload) => {
        const lines = payload.toString().split('\n');
        return lines.map((line) => (line === '' ? undefined : JSON.parse(line)));
      };
    default:
      return (payload) => JSON.parse(payload.toString());
  }
}
