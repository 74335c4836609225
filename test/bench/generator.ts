import { connect, type Socket } from 'node:net';
import { encode } from '@msgpack/msgpack';
import type { PayloadForm } from './flow.ts';

/**
 * A publisher with very little CPU use, so that it does not disturb the measurement. It writes QoS 1 packets to a plain socket, with as
 * many in flight as the broker allows, and only counts PUBACKs. Arguments: port, messages, devices, messages in flight, form of the payloads
 * (see `PayloadForm`), readings per message. Prints `{"published":n,"startedAt":ms}` when the last one is acknowledged.
 */
const [port = 0, messages = 0, devices = 1, inFlight = 1] = process.argv.slice(2, 6).map(Number);
const form = process.argv[6] as PayloadForm;
const readings = Number(process.argv[7]);
/** A temperature that rules find too high. */
const HOT = 120;
/** Messages per write. */
const CHUNK = Math.ceil(200 / readings);

function remainingLength(length: number): number[] {
  const bytes: number[] = [];
  let rest = length;
  do {
    bytes.push((rest % 128) | (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return bytes;
}

function publishPacket(id: number, topic: string, payload: Uint8Array): Buffer {
  const topicBytes = Buffer.from(topic);
  const body = Buffer.concat([
    Buffer.from([topicBytes.length >> 8, topicBytes.length & 255]),
    topicBytes,
    Buffer.from([id >> 8, id & 255]),
    payload,
  ]);
  return Buffer.concat([Buffer.from([0x32, ...remainingLength(body.length)]), body]);
}

/** Number of digits of a timestamp that change from message to message; the digits before them are constant. */
const STAMP_DIGITS = 8;
const startAt = Math.floor(Date.now() / 10 ** STAMP_DIGITS) * 10 ** STAMP_DIGITS;
/** What precedes a timestamp in a payload. */
const STAMP_KEY = form === 'msgpack' ? Buffer.from([0xa2, 0x74, 0x73, 0xcf]) : Buffer.from('"ts":');
const STAMP_BYTES = form === 'msgpack' ? 8 : String(startAt).length;

/** A packet whose timestamps and packet id are filled in when it is sent. */
interface Template {
  readonly bytes: Buffer;
  readonly idAt: number;
  /** Positions after the timestamps. */
  readonly stampEnds: readonly number[];
}

/** Whether it is the second of two readings of its device. */
function isOdd(index: number): boolean {
  return Math.floor(index / devices) % 2 === 1;
}

function reading(index: number): object {
  return {
    device_id: `dev-${String(index % devices).padStart(5, '0')}`,
    temp: form === 'alternating' && isOdd(index) ? HOT : 20 + ((index * 7) % 2000) / 100,
    humidity: 40 + (index % 20),
    battery: 87.5,
    ts: startAt,
  };
}

function payloadOf(index: number): Uint8Array {
  const all = Array.from({ length: readings }, (_, i) => reading(index * readings + i));
  if (form === 'msgpack') return encode(all);
  if (form === 'ndjson') return Buffer.from(all.map((each) => `${JSON.stringify(each)}\n`).join(''));
  return Buffer.from(JSON.stringify(form === 'json' ? all : all[0]));
}

function template(index: number): Template {
  const topic = `plant/site-${index % 4}/source-${String(index).padStart(5, '0')}/data`;
  const bytes = publishPacket(1, topic, payloadOf(index));
  const stampEnds: number[] = [];
  for (let at = bytes.indexOf(STAMP_KEY); at >= 0; at = bytes.indexOf(STAMP_KEY, at + 1))
    stampEnds.push(at + STAMP_KEY.length + STAMP_BYTES);
  return { bytes, idAt: bytes.indexOf(topic) + topic.length, stampEnds };
}

const sources = Math.max(1, devices / readings);
const rounds = Math.ceil(CHUNK / sources) * (form === 'alternating' ? 2 : 1);
const templates = Array.from({ length: sources * rounds }, (_, index) => template(index));

/** The bytes of the message. They are valid until the template is used again. */
function message(index: number): Buffer {
  const { bytes, idAt, stampEnds } = templates[index % templates.length] as Template;
  bytes.writeUInt16BE((index % 65_535) + 1, idAt);
  for (const end of stampEnds) writeStamp(bytes, end, index);
  return bytes;
}

function writeStamp(bytes: Buffer, end: number, index: number): void {
  if (form === 'msgpack') {
    bytes.writeUIntBE(startAt + index, end - 6, 6);
    return;
  }
  let rest = index;
  for (let i = 1; i <= STAMP_DIGITS; i++, rest = Math.floor(rest / 10)) bytes[end - i] = 48 + (rest % 10);
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
