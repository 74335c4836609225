import type { StreamConfig } from '../model/config.ts';
import type { Item } from '../model/item/item.ts';
import type { Reading } from '../model/reading.ts';
import type { MessageRecord } from '../model/record.ts';
import type { Counters } from '../telemetry.ts';
import { compileStream, type StreamDecoder } from './compile-stream.ts';
import { tooManyReadings } from './formats.ts';
import { hashBytes } from './identity.ts';
import { resolve } from './paths.ts';
import { createReadingReader, type MessageContext, type ReadingReader } from './read.ts';
import { describeValue, quote, Rejection } from './rejection.ts';
import { createRoutes, type DataRoute } from './routes.ts';
import { readStatus } from './status.ts';

export interface DecoderOptions {
  /** Checked, with defaults filled in; a stream's index is its position here. */
  readonly streams: readonly StreamConfig[];
  /** Names of the brokers, by the `connection` of messages. */
  readonly brokers: readonly string[];
  /** A stamp further ahead of the receive time than this is set back to it. */
  readonly maxAheadMs: number;
  readonly counters: Counters;
}

/**
 * Makes the step from messages to readings: appends to `out` what a message says, in its order, and never throws.
 *
 * A topic that is some stream's status topic says a `Status` for each such stream; otherwise the first stream, in the order of the
 * config, whose broker and topic fit takes the message; where none does it is rejected as `no-stream`. What is wrong with a whole
 * message rejects it; what is wrong with one element of `each` or one line of `ndjson` rejects that one alone, and its neighbours
 * go on. A retained message of a stream without a time of its own says nothing about now: it is ignored and counted. An empty array
 * is a message of no readings. The outcome depends on the record alone, on `isKnown`, which is asked of each retained message that is
 * no status: one that is known is counted and says nothing, and of a redriven message on `nowAt`, by which readings may have expired.
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
      const broker = quote(brokers[record.connection] ?? `number ${record.connection}`);
      const detail = `no stream takes the topic ${quote(record.topic)} of the broker ${broker}; add one, or subscribe to less`;
      reject(new Rejection('no-stream', detail), record, -1, out);
    }
  };
}

const EMPTY = new Uint8Array();

type ReadMessage = (record: MessageRecord, route: DataRoute, nowAt: number, out: Item[]) => void;

/** Makes what takes a stream's messages apart into elements. */
function createMessageReader(
  stream: StreamDecoder,
  reader: ReadingReader,
  counters: Counters,
  reject: Reject,
): ReadMessage {
  const { config, each, parse, parseExactly } = stream;
  const hash = { high: 0, low: 0 };
  let context: MessageContext | undefined;
  /** What `parseExactly` made of the message at hand; undefined until somebody asks. */
  let exactly: ((line: number) => unknown) | undefined;

  function settle(made: Reading | Rejection, index: number, single: boolean, record: MessageRecord, out: Item[]): void {
    if (made instanceof Rejection) {
      const place = single ? '' : `reading ${index} of the message, counted from 0: `;
      reject(new Rejection(made.reason, place + made.detail), record, stream.index, out);
    } else {
      counters.readings++;
      out.push(made);
    }
  }

  /** The root value of a line of `ndjson`, or of the message, with all digits. */
  function exactRoot(line: number, record: MessageRecord): unknown {
    exactly ??= parseExactly?.(record.payload);
    return exactly?.(line);
  }

  /** Reads an element, or the root where there is no `each`, with all digits. */
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

  function takeElements(
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
      settle(made, from + i, false, context.record, out);
    }
  }

  /** Takes one root value, that of a line of `ndjson` or of the message; returns the index behind its last reading. */
  function takeRoot(root: unknown, line: number, from: number, context: MessageContext, out: Item[]): number {
    let made: Reading | Rejection;
    if (root instanceof Rejection) made = root;
    else if (each === undefined) {
      made = reader.read(root, from, context);
      if (isDoubtful(made, context)) made = readExactly(line, 0, from, context);
    } else {
      const elements = elementsOf(root, each, config, from);
      if (!(elements instanceof Rejection)) {
        takeElements(root, elements, line, from, context, out);
        return from + elements.length;
      }
      made = elements;
    }
    settle(made, from, config.format !== 'ndjson', context.record, out);
    return from + 1;
  }

  return (record, route, nowAt, out) => {
    const parsed = parse(record.payload);
    if (parsed instanceof Rejection) return reject(parsed, record, stream.index, out);
    context ??= { record, nowAt, topic: route.topic, hash, exact: parseExactly === undefined };
    exactly = undefined;
    context.record = record;
    context.nowAt = nowAt;
    context.topic = route.topic;
    if (config.sequence === undefined) hashBytes(route.topic.seed, record.payload, hash);
    if (config.format === 'plain') return settle(reader.readPlain(parsed as string, context), 0, true, record, out);
    const roots = config.format === 'ndjson' ? (parsed as readonly unknown[]) : [parsed];
    let index = 0;
    for (let line = 0; line < roots.length; line++) index = takeRoot(roots[line], line, index, context, out);
  };
}

/** Whether digits may have been lost when the text was parsed, so that it must be read again with all of them. */
function isDoubtful(made: Reading | Rejection, { exact }: MessageContext): boolean {
  return made instanceof Rejection && made.reason === 'unsafe-integer' && !exact;
}

/** The readings that `each` points at, or a `Rejection`; `before` counts those of the message that came earlier. */
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
      `${place} holds ${describeValue(elements)}, where "each" needs an array; send one or correct "each"`,
    );
  }
  const { readings } = config.limits;
  return before + elements.length > readings ? tooManyReadings(before + elements.length, readings) : elements;
}

type Reject = (fault: Rejection, record: MessageRecord, stream: number, out: Item[]) => void;

/** Only the first rejection of a message carries the payload: a thousand bad elements must not make a thousand copies of it. */
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
