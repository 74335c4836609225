/**
 * The process that is the embedded MQTT broker: `mqtt-child PORT`. Sends `{ port }` over IPC once it listens on
 * 127.0.0.1, or `{ error }`, and ends with the IPC channel.
 */
import { type AddressInfo, createServer } from 'node:net';
import { refuseBadStrings } from './mqtt-strings.ts';

/** What the child tells its parent, once. */
export type BrokerMessage = { readonly port: number } | { readonly error: string };

const tell = (message: BrokerMessage) => process.send?.(message);

// A signal to the whole process group, such as Ctrl-C, is for the parent to act on.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());

try {
  const { Aedes } = await import('aedes');
  // A subscriber that stops reading for a while is held, not thrown out.
  const broker = await Aedes.createBroker({ drainTimeout: 0 });
  const server = createServer({ noDelay: true }, (socket) => refuseBadStrings(broker.handle(socket)));
  server.on('error', (error) => tell({ error: error.message }));
  server.listen(Number(process.argv[2]), '127.0.0.1', () => tell({ port: (server.address() as AddressInfo).port }));
} catch (error) {
  tell({ error: (error as Error).message });
}
