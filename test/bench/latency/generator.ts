import { connect, type Socket } from 'node:net';
import { sharedNow } from './clock.ts';
import { alertOf, alertsOf, type Instants, type Load, type LoadRequest } from './load.ts';

/**
 * Publishes readings at a fixed rate with QoS 1, over a plain socket so that it uses little CPU. Arguments: port, number of devices. It sends
 * `ready` to its parent. It answers each load, when the broker has acknowledged all of it, with when each of its alerts was written to the
 * socket.
 */
const [port = 0, devices = 1] = process.argv.slice(2).map(Number);
/** Devices whose alerts change: a device fires, and resolves when it is its turn again. They come after the known devices. */
const ALERTING = 1_000;
const TICK_MS = 1;
const HOT = 95;
const NORMAL = 20;

let alertCount = 0;
let unacknowledged = 0;
let onAcknowledged: () => void = () => undefined;

function packet(type: number, body: Buffer): Buffer {
  const length: number[] = [];
  let rest = body.length;
  do {
    length.push((rest % 128) | (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Buffer.from([type, ...length]), body]);
}

function reading(n: number, device: number, temp: number): Buffer {
  const topic = `plant/site-${device % 4}/dev-${device}/data`;
  const payload = `{"n":${n},"temp":${temp},"humidity":${40 + (n % 20)},"ts":${Date.now()}}`;
  const body = Buffer.allocUnsafe(4 + topic.length + payload.length);
  body.writeUInt16BE(topic.length, 0);
  body.write(topic, 2, 'latin1');
  body.writeUInt16BE((n % 65_535) + 1, 2 + topic.length);
  body.write(payload, 4 + topic.length, 'latin1');
  return packet(0x32, body);
}

function alerting(n: number): Buffer {
  const turn = Math.floor(alertCount / ALERTING);
  const device = devices + (alertCount % ALERTING);
  alertCount += 1;
  return reading(n, device, turn % 2 === 0 ? HOT : NORMAL);
}

/** The message is written at the instant it is due, or at the next turn of the event loop. */
async function publish(socket: Socket, load: Load): Promise<Instants> {
  const { first, count, perSecond } = load;
  const sentAt: Instants = new Float64Array(alertsOf(load));
  const startedAt = sharedNow();
  for (let sent = 0; sent < count; ) {
    const at = sharedNow();
    const due = Math.min(count, Math.floor(((at - startedAt) * perSecond) / 1_000));
    const packets: Buffer[] = [];
    for (; sent < due; sent++) {
      const alert = alertOf(load, first + sent);
      if (alert !== undefined) sentAt[alert] = at;
      packets.push(alert === undefined ? reading(first + sent, sent % devices, NORMAL) : alerting(first + sent));
    }
    unacknowledged += packets.length;
    if (packets.length > 0) socket.write(Buffer.concat(packets));
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  await new Promise<void>((resolve) => {
    onAcknowledged = resolve;
    if (unacknowledged === 0) resolve();
  });
  return sentAt;
}

const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => {
  const id = Buffer.from(`bench-generator-${process.pid}`);
  socket.write(packet(0x10, Buffer.concat([Buffer.from([0, 4, 77, 81, 84, 84, 4, 2, 0, 0, 0, id.length]), id])));
});
/** Bytes of answers: CONNACK and each PUBACK have four. */
let answered = 0;
socket.on('data', (bytes) => {
  const before = Math.floor(answered / 4);
  answered += bytes.length;
  const packets = Math.floor(answered / 4) - before;
  if (before === 0 && packets > 0) {
    unacknowledged = 1;
    process.send?.('ready');
  }
  unacknowledged -= packets;
  if (unacknowledged === 0) onAcknowledged();
});
process.on('message', (request: LoadRequest) => {
  if (request !== 'take') publish(socket, request.begin).then((sentAt) => process.send?.(sentAt));
});
process.on('disconnect', () => process.exit());
