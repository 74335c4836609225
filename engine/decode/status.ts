import type { Status } from '../model/item/decoded.ts';
import type { MessageRecord } from '../model/record.ts';
import { decodeText } from './formats.ts';
import { quoteText, Rejection } from './rejection.ts';
import type { StatusTarget } from './routes.ts';

/**
 * Reads a message on a status topic. Its text, without the white space around it, must be exactly one of the stream's `online` or `offline`
 * words. An empty payload deletes a retained status and has no meaning here: undefined. Labels that the status topic does not name are empty.
 */
export function readStatus(record: MessageRecord, target: StatusTarget): Status | Rejection | undefined {
  if (record.payload.length === 0) return undefined;
  if (target.device instanceof Rejection) return target.device;
  const { stream, status } = target;
  const { bytes } = stream.config.limits;
  if (record.payload.length > bytes) {
    return new Rejection(
      'too-large',
      `the status has ${record.payload.length} bytes, but the stream allows ${bytes}; send one word`,
    );
  }
  const text = decodeText(record.payload);
  if (text instanceof Rejection) return text;
  const word = text.trim();
  const online = status.online.has(word);
  if (!online && !status.offline.has(word)) {
    const words = [...status.online, ...status.offline].map(quoteText).join(', ');
    return new Rejection(
      'malformed',
      `the status is ${quoteText(word)}; send one of ${words}, or add it to the stream's status`,
    );
  }
  return {
    kind: 'status',
    offset: record.offset,
    at: record.at,
    connection: record.connection,
    stream: stream.index,
    device: target.device,
    labels: target.labels,
    online,
    retained: record.retain,
    liveMs: 0,
  };
}
