import { isUtf8 } from 'node:buffer';
import type { Client } from 'aedes';

/** The private part of mqtt-packet's parser that reads one string of a packet, from `_pos` on; null is a packet that cannot be parsed. */
interface StringParser {
  _pos: number;
  readonly _list: { slice(start: number, end: number): Buffer };
  _parseString(): string | null;
  _emitError(error: Error): void;
}

const LENGTH_BYTES = 2;

/**
 * Has the connection of a client closed at the first string (topic, filter, will, client id, user name) that is not UTF-8 or has a NUL in
 * it, as MQTT-1.5.4-1 and -2 demand. aedes replaces such bytes by U+FFFD, so that different topics become one. Throws where the
 * client's parser is not as this expects.
 */
export function refuseBadStrings(client: Client): void {
  const { _parser: parser } = client as Client & { readonly _parser?: StringParser };
  if (typeof parser?._parseString !== 'function' || typeof parser._emitError !== 'function') {
    throw new Error('the parser of aedes is not the one that this was made for');
  }
  const parse = parser._parseString;
  parser._parseString = () => {
    const start = parser._pos + LENGTH_BYTES;
    const text = parse.call(parser);
    if (text === null) return null;
    const bytes = parser._list.slice(start, parser._pos);
    if (isUtf8(bytes) && !bytes.includes(0)) return text;
    parser._emitError(new Error('a string of the packet is not UTF-8, or has a NUL in it'));
    return null;
  };
}
