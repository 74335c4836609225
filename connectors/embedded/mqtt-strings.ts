import { isUtf8 } from 'node:buffer';
import type { Client } from 'aedes';

/** The private part of mqtt-packet's parser that reads one string of a packet at `_pos`; null means that the packet cannot be parsed. */
interface StringParser {
  _pos: number;
  readonly _list: { slice(start: number, end: number): Buffer };
  _parseString(): string | null;
  _emitError(error: Error): void;
}

const LENGTH_BYTES = 2;

/**
 * Closes a client's connection at the first string (topic, filter, will, client id, user name) that is not UTF-8 or contains NUL, as
 * MQTT-1.5.4-1 and -2 require. aedes would replace such bytes by U+FFFD, so that different topics become equal. Throws if the client's
 * parser does not have the expected functions.
 */
export function refuseBadStrings(client: Client): void {
  const { _parser: parser } = client as Client & { readonly _parser?: StringParser };
  if (typeof parser?._parseString !== 'function' || typeof parser._emitError !== 'function') {
    throw new Error('this version of aedes is not supported: its parser has changed');
  }
  const parse = parser._parseString;
  parser._parseString = () => {
    const start = parser._pos + LENGTH_BYTES;
    const text = parse.call(parser);
    if (text === null) return null;
    const bytes = parser._list.slice(start, parser._pos);
    if (isUtf8(bytes) && !bytes.includes(0)) return text;
    parser._emitError(new Error('a string of the packet is not UTF-8, or contains NUL'));
    return null;
  };
}
