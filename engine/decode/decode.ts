import type { StreamConfig } from '../model/config.ts';
import type { Item } from '../model/item/item.ts';
import type { Reading } from '../model/reading.ts';
import type { MessageRecord } from '../model/record.ts';
import type { Counters } from '../telemetry.ts';
import { compileStream, type StreamDecoder } from './compile-stream.ts';
import { tooManyReadings } from './formats.ts';
import { hashBytes } from './identity.ts';
import { createJsonScanner, type JsonScanner } from './json-scan.ts';
import { resolve } from './paths.ts';
import { createReadingReader, type MessageContext, type ReadingReader } from './read.ts';
import { describeValue, quoteText, Rejection } from './rejection.ts';
import { createRoutes, type DataRoute } from './routes.ts';
import { readStatus } from './status.ts';

/** What a decoder needs. */
export interface DecoderOptions {
  /** The checked configs, with defaults filled in. A stream's index is its position here. */
  readonly streams: readonly StreamConfig[];
  /** Names of the brokers, by the `connection` of messages. */
  readonly brokers: readonly string[];
  /** A stamp that is further ahead of the receive time than this is set to the receive time. */
  readonly maxAheadMs: number;
  readonly counters: Counters;
}

/**
 * Makes the function that decodes messages. It appends the items of a message to `out`, in order, and never throws.
 *
 * Routing: a message on a status topic becomes a `Status` for each stream with that status topic. Any other message goes to the first
 * stream, in the order of the config, whose broker and topic match. If none matches, the message is rejected as `no-stream`. Faults: a fault
 * of the whole message rejects the message. A fault of one element of `each`, or of one line of `ndjson`, rejects only that one. An empty
 * array is a message without readings. Retained messages: in a stream without `time`, a retained message does not say when it was measured,
 * so it is ignored and counted. `isKnown` is called for every other retained message except a status; if it returns true, the message is
 * counted and ignored. The outcome depends only on the record, on `isKnown`, and (for a redriven message) on `nowAt`, the time at which
 * readings may have expired.
 */
export function createDecoder(
  options: DecoderOptions,
): (record: MessageRecord, out: Item[], isKnown?: (record: MessageRecord) => boolean, nowAt?: number) => void {
  const { brokers, maxAheadMs, counters } = options;
  const reject = createReject(counters);
  const streams = options.streams.map(compileStream);
  const sinks = streams.map((stream) =>
    createMessageReader(stream, createReadingReader(stream, maxAheadMs, counters), counters, reject),
  );
  const routeOf = createRoutes(streams, brokers);
  return (record, out, isKnown, nowAt = record.at) => {
    const route = routeOf(record.connection, record.topic);
    if (record.retain && route.kind !== 'status') {
      if (route.kind === 'data' && streams[route.stream]!.config.time === undefined) {
        counters.retained_ignored++;
        return;
      }
      if (isKnown?.(record)) {
        counters.retained_repeated++;
        return;
      }
    }
    if (route.kind === 'data') sinks[route.stream]!(record, route, nowAt, out);
    else if (route.kind === 'status') {
      for (const target of route.targets) {
        const status = readStatus(record, target);
        if (status instanceof Rejection) reject(status, record, target.stream.index, out);
        else if (status !== undefined) out.push(status);
      }
    } else {
      const broker = quoteText(brokers[record.connection] ?? `number ${record.connection}`);
      const detail = `no stream matches the topic ${quoteText(record.topic)} of the broker ${broker}; add a stream, or subscribe to fewer topics`;
      reject(new Rejection('no-stream', detail), record, -1, out);
    }
  };
}

const EMPTY = new Uint8Array();

type ReadMessage = (record: MessageRecord, route: DataRoute, nowAt: number, out: Item[]) => void;

/** Makes the function that splits a stream's messages into elements and reads them. */
function createMessageReader(
  stream: StreamDecoder,
  reader: ReadingReader,
  counters: Counters,
  reject: Reject,
): ReadMessage {
  const { config, each, parse, parseExactly } = stream;
  const hash = { high: 0, low: 0 };
  const scanner = createJsonScanner(stream);
  let context: MessageContext | undefined;
  /** The result of `parseExactly` for the current message; undefined until it is needed. */
  let exactly: ((line: number) => unknown) | undefined;

  function emit(made: Reading | Rejection, index: number, single: boolean, record: MessageRecord, out: Item[]): void {
    if (made instanceof Rejection) {
      const place = single ? '' : `reading ${index} of the message, counted from 0: `;
      reject(new Rejection(made.reason, place + made.detail), record, stream.index, out);
    } else {
      counters.readings++;
      out.push(made);
    }
  }

  /** The root value, with all digits, of a line of `ndjson` or of the message. */
  function exactRoot(line: number, record: MessageRecord): unknown {
    exactly ??= parseExactly?.(record.payload);
    return exactly?.(line);
  }

  /** Reads an element (or the root, if there is no `each`) with all digits. */
  function readExactly(line: number, element: number, index: number, context: MessageContext): Reading | Rejection {
    const root = exactRoot(line, context.record);
    context.exact = true;
    if (each !== undefined) reader.begin(root);
    const made = reader.read(
      each === undefined ? root : (resolve(root, each) as readonly unknown[])[element],
      index,
      context,
    );
    context.exact = false;
    return made;
  }

  function readElements(
    root: unknown,
    elements: readonly unknown[],
    line: number,
    from: number,
    context: MessageContext,
    out: Item[],
  ): void {
    reader.begin(root);
    for (let i = 0; i < elements.length; i++) {
      let made = reader.read(elements[i], from + i, context);
      if (isDoubtful(made, context)) {
        made = readExactly(line, i, from + i, context);
        reader.begin(root);
      }
      emit(made, from + i, false, context.record, out);
    }
  }

  /** Reads one root value, of a line of `ndjson` or of the message. Returns the index after its last reading. */
  function readRoot(root: unknown, line: number, from: number, context: MessageContext, out: Item[]): number {
    let made: Reading | Rejection;
    if (root instanceof Rejection) made = root;
    else if (each === undefined) {
      made = reader.read(root, from, context);
      if (isDoubtful(made, context)) made = readExactly(line, 0, from, context);
    } else {
      const elements = elementsOf(root, each, config, from);
      if (!(elements instanceof Rejection)) {
        readElements(root, elements, line, from, context, out);
        return from + elements.length;
      }
      made = elements;
    }
    emit(made, from, config.format !== 'ndjson', context.record, out);
    return from + 1;
  }

  /** Emits the readings that the scanner has read. */
  function readScanned({ readings }: JsonScanner, count: number, context: MessageContext, out: Item[]): void {
    const single = each === undefined && config.format === 'json';
    for (let i = 0; i < count; i++) {
      let made = reader.readScanned(readings, i, context);
      if (isDoubtful(made, context)) {
        made = config.format === 'ndjson' ? readExactly(i, 0, i, context) : readExactly(0, i, i, context);
      }
      emit(made, i, single, context.record, out);
    }
  }

  return (record, route, nowAt, out) => {
    const scanned = scanner === undefined ? -1 : scanner.scan(record.payload);
    const parsed = scanned < 0 ? parse(record.payload) : undefined;
    if (parsed instanceof Rejection) return reject(parsed, record, stream.index, out);
    context ??= { record, nowAt, topic: route.topic, hash, exact: parseExactly === undefined };
    exactly = undefined;
    context.record = record;
    context.nowAt = nowAt;
    context.topic = route.topic;
    if (config.sequence === undefined) hashBytes(route.topic.seed, record.payload, hash);
    if (scanner !== undefined && scanned >= 0) return readScanned(scanner, scanned, context, out);
    if (config.format === 'plain') return emit(reader.readPlain(parsed as string, context), 0, true, record, out);
    const roots = config.format === 'ndjson' ? (parsed as readonly unknown[]) : [parsed];
    let index = 0;
    for (let line = 0; line < roots.length; line++) index = readRoot(roots[line], line, index, context, out);
  };
}

/** Whether digits may have been lost when the text was parsed. The reading is then read again with all digits. */
function isDoubtful(made: Reading | Rejection, { exact }: MessageContext): boolean {
  return made instanceof Rejection && made.reason === 'unsafe-integer' && !exact;
}

/** The readings that `each` points to, or a `Rejection`. `before` is the number of readings in earlier lines of the message. */
function elementsOf(
  root: unknown,
  each: readonly string[],
  config: StreamConfig,
  before: number,
): readonly unknown[] | Rejection {
  const elements = resolve(root, each);
  if (!Array.isArray(elements)) {
    const place = each.length === 0 ? 'the payload' : `the payload at "${config.each}"`;
    return new Rejection(
      'wrong-type',
      `${place} is ${describeValue(elements)}, but "each" needs an array; send an array or correct "each"`,
    );
  }
  const { readings } = config.limits;
  return before + elements.length > readings ? tooManyReadings(before + elements.length, readings) : elements;
}

type Reject = (fault: Rejection, record: MessageRecord, stream: number, out: Item[]) => void;

/** Only the first rejection of a message has the payload: a thousand bad elements must not make a thousand copies of it. */
function createReject(counters: Counters): Reject {
  let offset = -1;
  let ordinal = 0;
  return (fault, record, stream, out) => {
    counters.rejected++;
    ordinal = record.offset === offset ? ordinal + 1 : 0;
    offset = record.offset;
    const { at, topic, payload } = record;
    const { reason, detail } = fault;
    const shown = ordinal === 0 ? payload : EMPTY;
    out.push({ kind: 'rejected', offset, ordinal, at, stream, topic, reason, detail, payload: shown });
  };
}
