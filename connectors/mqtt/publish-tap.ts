import { createShortTexts } from '../../engine/model/short-texts.ts';
import type { Inbound } from '../../engine/ports.ts';

/** A received PUBLISH. Its payload is a view of the chunk that was read, or a copy if it came in several chunks. */
export interface Publish extends Inbound {
  /** True if the packet exceeds the size limit; its payload was skipped and is empty. */
  readonly oversize: boolean;
}

/** The packets of one chunk of the inbound byte stream; each list is in the order of arrival. */
export interface Tapped {
  readonly publishes: Publish[];
  /** Packet ids of PUBRELs. */
  readonly releases: number[];
  /** The answer to CONNECT. The packet is also in `others`. */
  connack: { readonly sessionPresent: boolean; readonly code: number } | undefined;
  /** Copies of all other packets, complete and unchanged. */
  readonly others: Buffer[];
  /** Why the stream cannot be read any further; the packets before the fault are valid. */
  fault: string | undefined;
}

export interface PublishTapOptions {
  readonly version: 4 | 5;
  /** The payload of a PUBLISH larger than this, header included, is skipped; any other packet larger than this is a fault. */
  readonly maxPacketBytes: number;
}

/** Cuts the byte stream of one MQTT connection into packets. */
export interface PublishTap {
  /** Reads the next chunk, whose memory may be used again afterwards. After a fault it returns no packets. */
  read(chunk: Buffer): Tapped;
}

interface TapState extends PublishTapOptions {
  /** The received pieces of a packet that is not complete yet. */
  parts: Buffer[];
  partBytes: number;
  /** Bytes of that packet needed before the next decision about it. */
  wantedBytes: number;
  /** Bytes of payload still to be skipped. */
  skipBytes: number;
  /** The message whose payload is being skipped. */
  skipped: Publish | undefined;
  connackSeen: boolean;
  failed: boolean;
}

/** Topics come again and again. No result depends on which of them are known. */
const topics = createShortTexts();
const MIN_PACKET_BYTES = 2;
const INCOMPLETE = 0;
const MALFORMED = -1;
const CONNACK = 2;
const PUBLISH = 3;
/** A packet of enhanced authentication, which may come before CONNACK. */
const AUTH = 15;

/** Creates the parser of a new connection. It is pure; chunks may be cut anywhere. */
export function createPublishTap(options: PublishTapOptions): PublishTap {
  const state: TapState = {
    version: options.version,
    maxPacketBytes: options.maxPacketBytes,
    parts: [],
    partBytes: 0,
    wantedBytes: 0,
    skipBytes: 0,
    skipped: undefined,
    connackSeen: false,
    failed: false,
  };
  return { read: (chunk) => readChunk(state, chunk) };
}

function readChunk(state: TapState, chunk: Buffer): Tapped {
  const out: Tapped = { publishes: [], releases: [], connack: undefined, others: [], fault: undefined };
  let at = 0;
  while (at < chunk.length && !state.failed) {
    if (state.skipBytes > 0) at = skipPayload(state, chunk, at, out);
    else if (state.partBytes > 0) at = growPart(state, chunk, at, out);
    else at = takeWhole(state, chunk, at, out);
    state.failed = out.fault !== undefined;
  }
  return out;
}

/** The common case: the whole packet is in the chunk. */
function takeWhole(state: TapState, chunk: Buffer, at: number, out: Tapped): number {
  const type = chunk[at]! >> 4;
  if (!state.connackSeen && type !== CONNACK && type !== AUTH) {
    out.fault = 'the first packet is not a CONNACK';
    return chunk.length;
  }
  const size = packetSize(chunk, at, chunk.length);
  if (size > 0 && size <= state.maxPacketBytes && at + size <= chunk.length) {
    takePacket(state, chunk, at, at + size, out);
    return at + size;
  }
  state.wantedBytes = MIN_PACKET_BYTES;
  return growPart(state, chunk, at, out);
}

/** Adds to an incomplete packet only the bytes that the next decision needs, so that a large packet is joined once, not at every chunk. */
function growPart(state: TapState, chunk: Buffer, at: number, out: Tapped): number {
  const end = Math.min(chunk.length, at + state.wantedBytes - state.partBytes);
  state.parts.push(Buffer.from(chunk.subarray(at, end)));
  state.partBytes += end - at;
  if (state.partBytes < state.wantedBytes) return end;
  const part = state.parts.length === 1 ? (state.parts[0] as Buffer) : Buffer.concat(state.parts, state.partBytes);
  state.parts = [part];
  const size = packetSize(part, 0, part.length);
  if (size === MALFORMED) out.fault = 'a packet length has more than four bytes';
  else if (size === INCOMPLETE) state.wantedBytes = part.length + 1;
  else if (size > state.maxPacketBytes) beginSkip(state, part, size, out);
  else if (part.length < size) state.wantedBytes = size;
  else {
    dropPart(state);
    takePacket(state, part, 0, size, out);
  }
  return end;
}

function dropPart(state: TapState): void {
  state.parts = [];
  state.partBytes = 0;
}

/** Keeps the topic and packet id of a PUBLISH that is too large, so that it can be logged and acknowledged. */
function beginSkip(state: TapState, part: Buffer, size: number, out: Tapped): void {
  const first = part[0]!;
  if (first >> 4 !== PUBLISH) {
    out.fault = `a packet of type ${first >> 4} has ${size} bytes`;
    return;
  }
  const body = bodyStart(part, 0);
  const known = part.length < body + 2 ? body + 2 : body + 2 + uint16(part, body) + ((first & 6) === 0 ? 0 : 2);
  if (known > size) out.fault = 'a PUBLISH is shorter than its topic';
  else if (part.length < known) state.wantedBytes = known;
  else {
    // The properties of MQTT 5 are skipped with the payload.
    const publish = decodePublish(part, 0, known, 4, true);
    if (typeof publish === 'string') out.fault = publish;
    else state.skipped = publish;
    state.skipBytes = size - part.length;
    dropPart(state);
    if (state.skipBytes === 0) finishSkip(state, out);
  }
}

function skipPayload(state: TapState, chunk: Buffer, at: number, out: Tapped): number {
  const end = Math.min(chunk.length, at + state.skipBytes);
  state.skipBytes -= end - at;
  if (state.skipBytes === 0) finishSkip(state, out);
  return end;
}

/** Reports a skipped message at its end: a message must not be acknowledged before it has arrived completely. */
function finishSkip(state: TapState, out: Tapped): void {
  if (state.skipped !== undefined) out.publishes.push(state.skipped);
  state.skipped = undefined;
}

function takePacket(state: TapState, buf: Buffer, start: number, end: number, out: Tapped): void {
  const type = buf[start]! >> 4;
  if (type === PUBLISH) {
    const publish = decodePublish(buf, start, end, state.version, false);
    if (typeof publish === 'string') out.fault = publish;
    else out.publishes.push(publish);
  } else takeControl(state, type, buf, start, end, out);
}

function takeControl(state: TapState, type: number, buf: Buffer, start: number, end: number, out: Tapped): void {
  const body = bodyStart(buf, start);
  switch (type) {
    case 6: // PUBREL
      if (end < body + 2 || (buf[start]! & 15) !== 2) out.fault = 'a PUBREL is malformed';
      else out.releases.push(uint16(buf, body));
      return;
    case CONNACK:
      state.connackSeen = true;
      if (end < body + 2 || buf[body]! > 1) out.fault = 'the CONNACK is malformed';
      else out.connack = { sessionPresent: buf[body] === 1, code: buf[body + 1]! };
      break;
    case 0: // CONNECT, SUBSCRIBE, UNSUBSCRIBE and PINGREQ are sent by clients only.
    case 1:
    case 8:
    case 10:
    case 12:
      out.fault = `a server does not send packets of type ${type}`;
      break;
  }
  if (out.fault === undefined) out.others.push(Buffer.from(buf.subarray(start, end)));
}

/** Decodes a PUBLISH (section 3.3 of MQTT 3.1.1 and of MQTT 5). Returns a text with the reason if it is malformed. */
function decodePublish(buf: Buffer, start: number, end: number, version: 4 | 5, oversize: boolean): Publish | string {
  const flags = buf[start]! & 15;
  const qos = (flags >> 1) & 3;
  if (qos === 3) return 'a PUBLISH has QoS 3';
  let at = bodyStart(buf, start);
  if (at + 2 > end) return 'a PUBLISH has no topic';
  const topicEnd = at + 2 + uint16(buf, at);
  const idEnd = qos === 0 ? topicEnd : topicEnd + 2;
  if (idEnd > end) return 'a PUBLISH is shorter than its topic';
  if (topicEnd === at + 2) return 'a PUBLISH has an empty topic, and no topic alias was offered';
  const topic = topics.utf8(buf, at + 2, topicEnd);
  const packetId = qos === 0 ? 0 : uint16(buf, topicEnd);
  if (qos > 0 && packetId === 0) return 'a PUBLISH has packet id 0';
  at = idEnd;
  if (version === 5) {
    const properties = varint(buf, at, end);
    if (properties < 0) return 'a PUBLISH has malformed properties';
    at = bodyStart(buf, at - 1) + properties;
    if (at > end) return 'a PUBLISH is shorter than its properties';
  }
  const payload = buf.subarray(at, end);
  return { topic, payload, qos: qos as 0 | 1 | 2, retain: (flags & 1) === 1, dup: flags >= 8, packetId, oversize };
}

/** Size of the packet at `at` in bytes, header included; INCOMPLETE or MALFORMED if the size is not known. */
function packetSize(buf: Buffer, at: number, end: number): number {
  const length = varint(buf, at + 1, end);
  if (length < 0) return end - at - 1 >= 4 ? MALFORMED : INCOMPLETE;
  return bodyStart(buf, at) - at + length;
}

/** The variable byte integer at `at`; -1 if it does not end before `end` or within four bytes. */
function varint(buf: Buffer, at: number, end: number): number {
  let value = 0;
  for (let i = 0; i < 4 && at + i < end; i++) {
    const byte = buf[at + i]!;
    value |= (byte & 127) << (7 * i);
    if (byte < 128) return value;
  }
  return -1;
}

/** The first byte after a packet's fixed header, whose length field must be complete. */
function bodyStart(buf: Buffer, start: number): number {
  let at = start + 1;
  while (buf[at]! >= 128) at++;
  return at + 1;
}

function uint16(buf: Buffer, at: number): number {
  return (buf[at]! << 8) | buf[at + 1]!;
}
