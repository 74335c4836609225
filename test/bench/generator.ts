import { connect, type Socket } from 'node:net';

/**
 * A publisher with very little CPU use, so that it does not disturb the measurement. It writes QoS 1 packets to a plain socket, with as
 * many in flight as the broker allows, and only counts PUBACKs. Arguments: port, messages, devices, messages in flight, and optionally
 * `alternating`: the temperature of each device is then 120 in every second of its messages.
 * Prints `{"published":n,"startedAt":ms}` when the last one is acknowledged.
 */
const [port = 0, messages = 0, devices = 1, inFlight = 1] = process.argv.slice(2).map(Number);
const alternating = process.argv.includes('alternating');
const CHUNK = 200;

function remainingLength(length: number): number[] {
  const bytes: number[] = [];
  let rest = length;
  do {
    bytes.push((rest % 128) | (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return bytes;
}

function publishPacket(id: number, topic: string, payload: string): Buffer {
  const topicBytes = Buffer.from(topic);
  const body = Buffer.concat([
    Buffer.from([topicBytes.length >> 8, topicBytes.length & 255]),
    topicBytes,
    Buffer.from([id >> 8, id & 255]),
    Buffer.from(payload),
  ]);
  return Buffer.concat([Buffer.from([0x32, ...remainingLength(body.length)]), body]);
}

/** Number of digits of a timestamp that change from message to message; the digits before them are constant. */
const STAMP_DIGITS = 8;
const startAt = Math.floor(Date.now() / 10 ** STAMP_DIGITS) * 10 ** STAMP_DIGITS;

/** A packet whose timestamp and packet id are filled in when it is sent. */
interface Template {
  readonly bytes: Buffer;
  readonly idAt: number;
  /** Position of the last digit. */
  readonly stampAt: number;
}

function template(index: number): Template {
  const device = `dev-${String(index % devices).padStart(5, '0')}`;
  const topic = `plant/site-${index % 4}/${device}/data`;
  const isHot = alternating && Math.floor(index / devices) % 2 === 1;
  const temp = isHot ? 120 : (20 + ((index * 7) % 2000) / 100).toFixed(2);
  const payload = `{"device_id":"${device}","temp":${temp},"humidity":${40 + (index % 20)},"battery":87.5,"ts":${startAt}}`;
  const bytes = publishPacket(1, topic, payload);
  return { bytes, idAt: bytes.indexOf(topic) + topic.length, stampAt: bytes.length - 2 };
}

const rounds = Math.ceil(CHUNK / devices) * (alternating ? 2 : 1);
const templates = Array.from({ length: devices * rounds }, (_, index) => template(index));

/** The bytes of the message. They are valid until the template is used again. */
function message(index: number): Buffer {
  const { bytes, idAt, stampAt } = templates[index % templates.length] as Template;
  bytes.writeUInt16BE((index % 65_535) + 1, idAt);
  let rest = index;
  for (let i = 0; i < STAMP_DIGITS; i++, rest = Math.floor(rest / 10)) bytes[stampAt - i] = 48 + (rest % 10);
  return bytes;
}

function run(socket: Socket): void {
  const startedAt = Date.now();
  let sent = 0;
  let acknowledged = 0;
  let carried = 0;
  const pump = () => {
    while (sent < messages && sent - acknowledged + CHUNK <= inFlight) {
      const packets: Buffer[] = [];
      for (let i = 0; i < CHUNK && sent < messages; i++) packets.push(message(sent++));
      if (!socket.write(Buffer.concat(packets))) return;
    }
  };
  socket.on('data', (bytes) => {
    // The broker sends CONNACK first, then only PUBACKs of four bytes each (MQTT 3.1.1).
    carried += bytes.length;
    acknowledged = Math.floor(carried / 4) - 1;
    if (acknowledged < messages) return pump();
    process.stdout.write(`${JSON.stringify({ published: acknowledged, startedAt })}\n`);
    socket.end();
  });
  socket.on('drain', pump);
  const id = Buffer.from(`bench-generator-${process.pid}`);
  const connectBody = Buffer.concat([Buffer.from([0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, id.length]), id]);
  socket.write(Buffer.concat([Buffer.from([0x10, ...remainingLength(connectBody.length)]), connectBody]));
}

const socket = connect(port, '127.0.0.1', () => run(socket));
