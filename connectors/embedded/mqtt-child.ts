/**
 * The process of the embedded MQTT broker: `mqtt-child PORT`. It sends `{ port }` over IPC once it listens on 127.0.0.1, or `{ error }`.
 * It exits when the IPC channel closes.
 */
import { type AddressInfo, createServer } from 'node:net';
import { refuseBadStrings } from './mqtt-strings.ts';

/** The single message from the child to its parent. */
export type BrokerMessage = { readonly port: number } | { readonly error: string };

const send = (message: BrokerMessage) => process.send?.(message);

// Only the parent reacts to a signal to the whole process group, such as Ctrl-C.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit());

try {
  const { Aedes } = await import('aedes');
  // A subscriber that stops reading for a while is not disconnected.
  const broker = await Aedes.createBroker({ drainTimeout: 0 });
  const server = createServer({ noDelay: true }, (socket) => refuseBadStrings(broker.handle(socket)));
  server.on('error', (error) => send({ error: error.message }));
  server.listen(Number(process.argv[2]), '127.0.0.1', () => send({ port: (server.address() as AddressInfo).port }));
} catch (error) {
  send({ error: (error as Error).message });
}
