// Longer than most: writing and reading a format belong together.
import { crc32 } from 'node:zlib';
import type { JournalRecord, MarkName, MarkRecord, MessageContent, NewRecord } from '../model/record.ts';
import { createShortTexts } from '../model/short-texts.ts';

/**
 * The journal's bytes.
 *
 * Segment: header of 32 bytes (`WEIRJNL` and a version byte; first offset as float64; journal id, 16 ASCII characters), then records.
 * Record: length of the body (u32), CRC-32 of the body (u32), body. Body: kind (u8), receive time (float64), offset (float64), then
 * for a message: broker (u8), flags (u8: QoS, 4 retain, 8 dup, 16 redriven), length of the topic (u16), packet id (u16), topic, payload;
 * for a mark: name (u8), broker + 1 (u8), and if one of them is not 0, `steppedMs` (float64) and `aheadMs` (float64);
 * for attributes: length of the device's id (u16), device, JSON text (empty if the device has no attributes any more).
 * Little endian throughout.
 */
const FORMAT_VERSION = 1;
export const HEADER_BYTES = 32;
const MAGIC = 'WEIRJNL';
const FRAME_BYTES = 8;
const BODY_BYTES = 17;
const MESSAGE_BYTES = 6;
const ATTRIBUTES_BYTES = 2;
/** The largest record; a greater length is damage. */
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;

const KIND = { message: 1, tick: 2, mark: 3, attributes: 4 } as const;
const REDRIVEN = 16;
/** Add new names at the end: the journal stores the index of a name. */
const MARKS: readonly MarkName[] = ['started', 'connected', 'disconnected', 'session-lost', 'cut', 'clock-stepped'];
const MARK_BYTES = 2;
const SHORT_TOPIC = 64;
const MARK_CLOCK_BYTES = 16;
/** Topics come again and again. No record depends on which of them are known. */
const topics = createShortTexts();

export interface SegmentHeader {
  readonly journalId: string;
  readonly firstOffset: number;
}

export function encodeHeader(header: SegmentHeader): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write(MAGIC, 0, 'latin1');
  bytes[7] = FORMAT_VERSION;
  bytes.writeDoubleLE(header.firstOffset, 8);
  bytes.write(header.journalId, 16, 16, 'latin1');
  return bytes;
}

/** Decodes a header; undefined if the bytes are no header of this version of the format. */
export function decodeHeader(bytes: Buffer): SegmentHeader | undefined {
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, 7) !== MAGIC || bytes[7] !== FORMAT_VERSION)
    return undefined;
  return { firstOffset: bytes.readDoubleLE(8), journalId: bytes.toString('latin1', 16, 32) };
}

/** Upper bound of a record's size in the journal. A UTF-16 unit takes at most three bytes of UTF-8. */
export function maxEncodedBytes(record: NewRecord): number {
  return FRAME_BYTES + BODY_BYTES + maxExtraBytes(record);
}

function maxExtraBytes(record: NewRecord): number {
  if (record.kind === 'message') return maxContentBytes(record);
  if (record.kind !== 'attributes') return MARK_BYTES + MARK_CLOCK_BYTES;
  return ATTRIBUTES_BYTES + (record.device.length + (record.text?.length ?? 0)) * 3;
}

function maxContentBytes({ topic, payload }: MessageContent): number {
  return MESSAGE_BYTES + topic.length * 3 + payload.length;
}

/** As `maxEncodedBytes`, for `encodeMessage`. */
export function maxMessageBytes(message: MessageContent): number {
  return FRAME_BYTES + BODY_BYTES + maxContentBytes(message);
}

/** Encodes the record with its offset at position `at`. Returns the position after it. The buffer must have room for `maxEncodedBytes`. */
export function encodeRecord(buffer: Buffer, at: number, record: NewRecord, offset: number): number {
  let end = beginBody(buffer, at, KIND[record.kind], record.at, offset);
  if (record.kind === 'message')
    end = encodeContent(buffer, end, record.connection, record, record.redriven ? REDRIVEN : 0);
  else if (record.kind === 'mark') {
    buffer[end] = MARKS.indexOf(record.mark);
    buffer[end + 1] = record.connection + 1;
    end = encodeMarkClock(buffer, end + MARK_BYTES, record);
  } else if (record.kind === 'attributes') {
    const deviceBytes = buffer.write(record.device, end + ATTRIBUTES_BYTES, 'utf8');
    buffer.writeUInt16LE(deviceBytes, end);
    end += ATTRIBUTES_BYTES + deviceBytes;
    end += buffer.write(record.text ?? '', end, 'utf8');
  }
  return closeBody(buffer, at, end);
}

/** As `encodeRecord`, for a message that was received at `receivedAt`. The buffer must have room for `maxMessageBytes`. */
export function encodeMessage(
  buffer: Buffer,
  at: number,
  message: MessageContent,
  connection: number,
  receivedAt: number,
  offset: number,
): number {
  const content = beginBody(buffer, at, KIND.message, receivedAt, offset);
  return closeBody(buffer, at, encodeContent(buffer, content, connection, message, 0));
}

function beginBody(buffer: Buffer, at: number, kind: number, receivedAt: number, offset: number): number {
  const body = at + FRAME_BYTES;
  buffer[body] = kind;
  buffer.writeDoubleLE(receivedAt, body + 1);
  buffer.writeDoubleLE(offset, body + 9);
  return body + BODY_BYTES;
}

function closeBody(buffer: Buffer, at: number, end: number): number {
  const body = at + FRAME_BYTES;
  buffer.writeUInt32LE(end - body, at);
  buffer.writeUInt32LE(crc32(buffer.subarray(body, end)), at + 4);
  return end;
}

function encodeContent(buffer: Buffer, at: number, connection: number, message: MessageContent, flags: number): number {
  const { topic, payload, qos, retain, dup, packetId } = message;
  buffer[at] = connection;
  buffer[at + 1] = flags | qos | (retain ? 4 : 0) | (dup ? 8 : 0);
  const topicBytes = writeTopic(buffer, at + MESSAGE_BYTES, topic);
  buffer.writeUInt16LE(topicBytes, at + 2);
  buffer.writeUInt16LE(packetId, at + 4);
  const end = at + MESSAGE_BYTES + topicBytes;
  buffer.set(payload, end);
  return end + payload.length;
}

/** Writes the topic in UTF-8, and returns its number of bytes. For short ASCII, a loop is faster than a call to native code. */
function writeTopic(buffer: Buffer, at: number, topic: string): number {
  const { length } = topic;
  if (length > SHORT_TOPIC) return buffer.write(topic, at, 'utf8');
  for (let i = 0; i < length; i++) {
    const code = topic.charCodeAt(i);
    if (code >= 0x80) return buffer.write(topic, at, 'utf8');
    buffer[at + i] = code;
  }
  return length;
}

function encodeMarkClock(buffer: Buffer, at: number, { steppedMs = 0, aheadMs = 0 }: Partial<MarkRecord>): number {
  if (steppedMs === 0 && aheadMs === 0) return at;
  return buffer.writeDoubleLE(aheadMs, buffer.writeDoubleLE(steppedMs, at));
}

/** Marks of older versions have no clock; the result is empty then. */
function decodeMarkClock(buffer: Buffer, at: number, end: number): Pick<MarkRecord, 'steppedMs' | 'aheadMs'> {
  if (end - at < MARK_CLOCK_BYTES) return {};
  const steppedMs = buffer.readDoubleLE(at);
  const aheadMs = buffer.readDoubleLE(at + 8);
  return { ...(steppedMs !== 0 && { steppedMs }), ...(aheadMs !== 0 && { aheadMs }) };
}

/** The bytes at a position: a record and the position after it, too few bytes for a record, or bytes that are no record. */
export type Decoded =
  | { readonly kind: 'record'; readonly record: JournalRecord; readonly end: number }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'damaged' };

/** Decodes the record at position `at`. The payload is a view of `buffer`, not a copy. */
export function decodeRecord(buffer: Buffer, at: number): Decoded {
  if (buffer.length - at < FRAME_BYTES) return { kind: 'incomplete' };
  const length = buffer.readUInt32LE(at);
  if (length < BODY_BYTES || length > MAX_RECORD_BYTES) return { kind: 'damaged' };
  const body = at + FRAME_BYTES;
  const end = body + length;
  if (end > buffer.length) return { kind: 'incomplete' };
  if (crc32(buffer.subarray(body, end)) !== buffer.readUInt32LE(at + 4)) return { kind: 'damaged' };
  const record = decodeBody(buffer, body, end, readTopic);
  return record === undefined ? { kind: 'damaged' } : { kind: 'record', record, end };
}

/** The topic of a message that is decoded, whose UTF-8 is at these positions. */
export type ReadTopic = (buffer: Buffer, from: number, to: number) => string;

/** Reads a topic from its bytes. */
export const readTopic: ReadTopic = (buffer, from, to) => topics.utf8(buffer, from, to);

/**
 * Decodes records from position `at` on into `out`, at most `limit` of them and not beyond `end`. Returns the position after the last one. Only
 * for bytes that `encodeRecord` has just written: it does not verify checksums. Payloads are views of `buffer`. `topicOf` is called once for each
 * message, in order.
 */
export function decodeSound(
  buffer: Buffer,
  at: number,
  end: number,
  limit: number,
  out: JournalRecord[],
  topicOf = readTopic,
): number {
  let next = at;
  for (let i = 0; i < limit && next < end; i++) {
    const body = next + FRAME_BYTES;
    next = body + buffer.readUInt32LE(next);
    out.push(decodeBody(buffer, body, next, topicOf)!);
  }
  return next;
}

/** The offset of a possible record at position `at`, without a check of its checksum; NaN if no record can begin there. */
export function peekOffset(buffer: Buffer, at: number): number {
  const body = at + FRAME_BYTES;
  if (body + BODY_BYTES > buffer.length) return Number.NaN;
  const kind = buffer[body]!;
  if (kind < KIND.message || kind > KIND.attributes) return Number.NaN;
  const offset = buffer.readDoubleLE(body + 9);
  return Number.isInteger(offset) ? offset : Number.NaN;
}

function decodeBody(buffer: Buffer, body: number, end: number, topicOf: ReadTopic): JournalRecord | undefined {
  const at = buffer.readDoubleLE(body + 1);
  const offset = buffer.readDoubleLE(body + 9);
  const rest = body + BODY_BYTES;
  switch (buffer[body]) {
    case KIND.message: {
      const flags = buffer[rest + 1]!;
      const topicEnd = rest + MESSAGE_BYTES + buffer.readUInt16LE(rest + 2);
      const message: JournalRecord = {
        kind: 'message',
        offset,
        at,
        connection: buffer[rest]!,
        topic: topicOf(buffer, rest + MESSAGE_BYTES, topicEnd),
        payload: buffer.subarray(topicEnd, end),
        qos: (flags & 3) as 0 | 1 | 2,
        retain: (flags & 4) !== 0,
        dup: (flags & 8) !== 0,
        packetId: buffer.readUInt16LE(rest + 4),
      };
      return (flags & REDRIVEN) === 0 ? message : { ...message, redriven: true };
    }
    case KIND.tick:
      return { kind: 'tick', offset, at };
    case KIND.mark: {
      const mark = MARKS[buffer[rest]!];
      if (mark === undefined) return undefined;
      const clock = decodeMarkClock(buffer, rest + MARK_BYTES, end);
      return { kind: 'mark', offset, at, mark, connection: buffer[rest + 1]! - 1, ...clock };
    }
    case KIND.attributes: {
      const deviceEnd = rest + ATTRIBUTES_BYTES + buffer.readUInt16LE(rest);
      const device = buffer.toString('utf8', rest + ATTRIBUTES_BYTES, deviceEnd);
      const text = deviceEnd === end ? undefined : buffer.toString('utf8', deviceEnd, end);
      return { kind: 'attributes', offset, at, device, text };
    }
    default:
      return undefined;
  }
}
