import { Buffer, isUtf8 } from 'node:buffer';
import type { PayloadFormat } from '../model/config.ts';
import { parseCbor } from './cbor.ts';
import { parseExactly } from './exact-json.ts';
import { parseJson } from './json.ts';
import { parseMsgpack } from './msgpack.ts';
import { Rejection } from './rejection.ts';

/** Limits that bound the cost of parsing a payload. */
export interface PayloadLimits {
  readonly bytes: number;
  /** Levels of objects and arrays; a flat object has one. A larger value than 512 counts as 512. */
  readonly depth: number;
  /** Readings per message. */
  readonly readings: number;
}

/** Deeper values would exhaust the stack of code that walks or prints them. */
const DEEPEST = 512;

/**
 * Makes the parser of a payload format: it returns a plain value or a `Rejection`. For `ndjson` it returns an array with one of these for each
 * line that is not blank. It never throws, and checks size, UTF-8 and depth before it builds anything.
 *
 * All formats: a payload above the size limit is `too-large`; an empty one is `malformed`; one deeper than the limit is `too-deep`; text that
 * is not UTF-8 is `invalid-utf8`; a key `__proto__`, or a `constructor` with a `prototype`, at any depth and with any escapes, is
 * `forbidden-key`. A byte order mark at the beginning of a text is dropped. Of equal keys in one JSON, MessagePack or CBOR object the last one
 * counts. The literals NaN and Infinity are not JSON, so they are `malformed`. `1e999`, and the NaN of binary formats, are accepted here and
 * refused later (`not-finite`) if a field needs a number. The value of `plain` is the whole text without the white space around it.
 */
export function createParser(format: PayloadFormat, limits: PayloadLimits): (payload: Uint8Array) => unknown {
  const depth = Math.min(limits.depth, DEEPEST);
  const parse = parserOf(format, depth, limits.readings);
  return (payload) => {
    if (payload.length > limits.bytes) {
      return new Rejection(
        'too-large',
        `the payload has ${payload.length} bytes, but the stream allows ${limits.bytes}; send smaller messages or raise limits.bytes`,
      );
    }
    if (payload.length === 0) return new Rejection('malformed', `the payload is empty; send ${format}`);
    return parse(payload);
  };
}

/**
 * Makes the function that parses again a line that the format's parser has accepted, with integers whose digits a double cannot hold as
 * bigint. Undefined for formats whose parser does this itself. Only `ndjson` has more lines than line 0.
 */
export function createExactParser(
  format: PayloadFormat,
): ((payload: Uint8Array) => (line: number) => unknown) | undefined {
  if (format !== 'json' && format !== 'ndjson') return undefined;
  return (payload) => {
    const text = decodeText(payload) as string;
    const lines = format === 'json' ? [text] : linesOf(text);
    // Other lines may be invalid, or nested so deep that a parser must not read them. So only requested lines are parsed.
    const roots = new Map<number, unknown>();
    return (line) => {
      if (!roots.has(line)) roots.set(line, parseExactly(lines[line]!));
      return roots.get(line);
    };
  };
}

function parserOf(format: PayloadFormat, depth: number, readings: number): (payload: Uint8Array) => unknown {
  switch (format) {
    case 'json':
      return (payload) => {
        const text = decodeText(payload);
        return text instanceof Rejection ? text : parseJson(text, depth);
      };
    case 'ndjson':
      return (payload) => {
        const text = decodeText(payload);
        return text instanceof Rejection ? text : parseLines(text, depth, readings);
      };
    case 'plain':
      return (payload) => {
        const text = decodeText(payload);
        if (text instanceof Rejection) return text;
        const trimmed = text.trim();
        return trimmed === '' ? new Rejection('malformed', 'the payload is blank; send one value as text') : trimmed;
      };
    case 'msgpack':
      return (payload) => parseMsgpack(payload, depth);
    case 'cbor':
      return (payload) => parseCbor(payload, depth);
  }
}

/** The text of UTF-8 bytes without a byte order mark, or a `Rejection`. */
export function decodeText(payload: Uint8Array): string | Rejection {
  const buffer = Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const text = buffer.toString('utf8');
  // The decoder replaces invalid bytes by U+FFFD. But a sender may also have sent that character, in valid bytes.
  if (text.includes('\ufffd') && !isUtf8(buffer)) {
    return new Rejection('invalid-utf8', 'the payload is not UTF-8; encode its text as UTF-8');
  }
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

function parseLines(text: string, depth: number, readings: number): readonly unknown[] | Rejection {
  const lines = linesOf(text, readings + 1);
  if (lines.length > readings) return tooManyReadings(`more than ${readings}`, readings);
  if (lines.length === 0) return new Rejection('malformed', 'the payload is blank; send one JSON object per line');
  return lines.map((line) => parseJson(line, depth));
}

/** The lines that are not blank, at most `most` of them. */
function linesOf(text: string, most = Number.POSITIVE_INFINITY): string[] {
  const lines: string[] = [];
  for (let start = 0; start <= text.length && lines.length < most; ) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(start, end).trim();
    if (line !== '') lines.push(line);
    start = end + 1;
  }
  return lines;
}

/** The rejection of a message with more readings than its stream allows. */
export function tooManyReadings(found: number | string, allowed: number): Rejection {
  return new Rejection(
    'too-large',
    `the message has ${found} readings, but the stream allows ${allowed}; send fewer in one message or raise limits.readings`,
  );
}
