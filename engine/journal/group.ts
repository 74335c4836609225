import type { JournalRecord, MessageContent, NewRecord } from '../model/record.ts';
import { decodeSound, encodeMessage, encodeRecord, maxEncodedBytes, maxMessageBytes, readTopic } from './format.ts';

/**
 * Records that become durable together, as bytes only. As objects they would wait for the disk, and the garbage collector would copy each of
 * them twice. The objects are decoded from the bytes after the sync.
 */
export interface Group {
  /** Offset of the first record. */
  readonly firstOffset: number;
  buffer: Buffer;
  /** Bytes of the buffer in use. */
  length: number;
  /** The topic of each message, so that it is not read from its bytes again. Undefined: it must be. */
  topics: (string | undefined)[];
  /** Called once the records are durable. */
  readonly durable: (() => void)[];
}

/** Creates groups, and reuses their buffers. */
export interface GroupPool {
  /** Begins an empty group. */
  begin(firstOffset: number): Group;
  /** Takes back the buffer of a group that nobody uses any more. */
  recycle(group: Group): void;
}

const FIRST_GROUP_BYTES = 64 * 1024;
/** Larger buffers are not kept for reuse. */
const KEPT_GROUP_BYTES = 1024 * 1024;
/** Most records in one array of `recordsOf`. */
const MAX_RECORDS = 256;

export function createGroupPool(): GroupPool {
  const spares: Buffer[] = [];
  return {
    begin: (firstOffset) => ({
      firstOffset,
      buffer: spares.pop() ?? Buffer.allocUnsafeSlow(FIRST_GROUP_BYTES),
      length: 0,
      topics: [],
      durable: [],
    }),
    recycle({ buffer }) {
      if (buffer.length <= KEPT_GROUP_BYTES) spares.push(buffer);
    },
  };
}

/** Encodes a record at the end of a group. */
export function addRecord(group: Group, record: NewRecord, offset: number): void {
  makeRoom(group, maxEncodedBytes(record));
  group.length = encodeRecord(group.buffer, group.length, record, offset);
  // Its text may have characters that UTF-8 does not have. What is folded now must be what recovery reads.
  if (record.kind === 'message') group.topics.push(undefined);
}

/** Encodes a message at the end of a group. Its topic must be a text that was decoded from UTF-8. */
export function addMessage(
  group: Group,
  message: MessageContent,
  connection: number,
  receivedAt: number,
  offset: number,
): void {
  makeRoom(group, maxMessageBytes(message));
  group.length = encodeMessage(group.buffer, group.length, message, connection, receivedAt, offset);
  group.topics.push(message.topic);
}

/** Decodes the records of a group, in order, in arrays of limited length. Payloads are views of the group's buffer. */
export function* recordsOf({ buffer, length, topics }: Group): Generator<readonly JournalRecord[]> {
  let read = 0;
  const topicOf: typeof readTopic = (bytes, from, to) => topics[read++] ?? readTopic(bytes, from, to);
  for (let at = 0; at < length; ) {
    const records: JournalRecord[] = [];
    at = decodeSound(buffer, at, length, MAX_RECORDS, records, topicOf);
    yield records;
  }
}

function makeRoom(group: Group, bytes: number): void {
  if (group.length + bytes <= group.buffer.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(group.buffer.length * 2, group.length + bytes));
  group.buffer.copy(larger, 0, 0, group.length);
  group.buffer = larger;
}
