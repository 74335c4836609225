import { createInbox, ErrorCode, type Msg, MsgHdrsImpl, type NatsConnection, NatsError } from 'nats';
import { DeliveryError } from '../../engine/ports.ts';

/** Publishes messages that a JetStream stream stores, many at a time. */
export interface Publisher {
  /**
   * Sends a message, with the headers that `headersOf` has made. Resolves with its sequence number once the stream has stored it, or had it already. Rejects with the error of the
   * server, with a timeout after 5 s, or with `outage` if the connection is lost.
   */
  publish(subject: string, body: Uint8Array, headers?: Uint8Array): Promise<number>;
  /** Rejects all messages without an answer, because the connection is lost. */
  rejectAll(error: DeliveryError): void;
  /** Rejects the messages without an answer to a subject to which the server does not let us publish. */
  rejectDenied(subject: string): void;
}

const ANSWER_TIMEOUT_MS = 5_000;
const LOOK_EVERY_MS = 500;
/** While answers are awaited, messages are collected for so long, or up to this number, because each write wakes the server. */
const COLLECT_MS = 1;
const COLLECT_MESSAGES = 128;

interface Waiting {
  readonly subject: string;
  readonly body: Uint8Array;
  readonly headers: Uint8Array | undefined;
  /** By `performance.now()`. */
  readonly askedAt: number;
  readonly resolve: (sequence: number) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Creates a publisher on a connection. The client's own `publish` of JetStream creates a request, a timer, two promises and an error with a
 * trace for each message. Here all messages share one inbox, one subscription and one timer, and many share one write: a message goes out at
 * once if no answer is awaited; otherwise, as in Nagle's algorithm, a few are collected. `outage` says why nothing can be sent now.
 */
export function createPublisher(
  nc: NatsConnection,
  inboxPrefix: string,
  outage: () => DeliveryError | undefined,
): Publisher {
  const inbox = `${createInbox(inboxPrefix)}.`;
  /** By the last token of the inbox; the oldest first. */
  const waiting = new Map<string, Waiting>();
  const known = new KnownHeaders();
  let count = 0;
  let timer: NodeJS.Timeout | undefined;
  /** Tokens of messages that were not sent yet; they are also in `waiting`. */
  let unsent: string[] = [];
  let collecting: NodeJS.Timeout | undefined;

  const sendCollected = (): void => {
    clearTimeout(collecting);
    collecting = undefined;
    const tokens = unsent;
    unsent = [];
    for (const token of tokens) {
      const message = waiting.get(token);
      if (message !== undefined) send(token, message);
    }
  };
  const send = (token: string, { subject, body, headers, reject }: Waiting): void => {
    try {
      if (headers !== undefined) known.bytes = headers;
      const reply = inbox + token;
      nc.publish(subject, body, headers === undefined ? { reply } : { reply, headers: known });
    } catch (error) {
      waiting.delete(token);
      reject(error);
    }
  };
  const collect = (token: string): void => {
    unsent.push(token);
    if (unsent.length >= COLLECT_MESSAGES) sendCollected();
    else if (unsent.length > 1) return;
    else if (waiting.size === 1) queueMicrotask(sendCollected);
    else collecting = setTimeout(sendCollected, COLLECT_MS);
  };
  const receive = (message: Msg): void => {
    const token = message.subject.slice(inbox.length);
    const sent = waiting.get(token);
    if (sent === undefined) return;
    waiting.delete(token);
    const answer = readAnswer(message);
    if (typeof answer === 'number') sent.resolve(answer);
    else sent.reject(answer);
  };
  const rejectAll = (error: unknown): void => {
    const all = [...waiting.values()];
    waiting.clear();
    unsent = [];
    for (const { reject } of all) reject(error);
  };
  const rejectLate = (): void => {
    timer = undefined;
    const now = performance.now();
    for (const [token, { askedAt, reject }] of waiting) {
      if (now - askedAt < ANSWER_TIMEOUT_MS) break;
      waiting.delete(token);
      reject(NatsError.errorForCode(ErrorCode.Timeout));
    }
    watchTime();
  };
  const watchTime = (): void => {
    if (timer === undefined && waiting.size > 0) timer = setTimeout(rejectLate, LOOK_EVERY_MS);
  };
  nc.subscribe(`${inbox}*`, { callback: (error, message) => (error === null ? receive(message) : rejectAll(error)) });

  return {
    publish: (subject, body, headers) =>
      new Promise((resolve, reject) => {
        const lost = outage();
        if (lost !== undefined) throw lost;
        const token = (count++).toString(36);
        waiting.set(token, { subject, body, headers, askedAt: performance.now(), resolve, reject });
        collect(token);
        watchTime();
      }),
    rejectAll,
    rejectDenied(denied) {
      for (const [token, { subject, reject }] of waiting) {
        if (subject !== denied) continue;
        waiting.delete(token);
        reject(
          new DeliveryError('fatal', `NATS does not let us publish to ${denied}.`, ErrorCode.PermissionsViolation),
        );
      }
    },
  };
}

/** The answer of JetStream: the sequence number of the message, or an error in the form in which the client would report it. */
function readAnswer(message: Msg): number | NatsError {
  const { data } = message;
  // Without a body, the server itself answers: nobody stores this subject.
  if (data.length === 0) return new NatsError(message.headers?.description ?? '', String(message.headers?.code ?? ''));
  const answer = parseAnswer(Buffer.from(data.buffer, data.byteOffset, data.length).toString());
  if (answer?.error !== undefined) {
    const error = new NatsError(answer.error.description, String(answer.error.code));
    error.api_error = answer.error;
    return error;
  }
  if (answer?.stream) return answer.seq;
  return NatsError.errorForCode(ErrorCode.JetStreamInvalidAck);
}

interface Answer {
  readonly stream?: string;
  readonly seq: number;
  readonly error?: NonNullable<NatsError['api_error']>;
}

function parseAnswer(text: string): Answer | undefined {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    return undefined;
  }
}

/**
 * The bytes of a message's headers. Each line is `Name: value`. Throws the client's error for a line break in it.
 */
export function headersOf(...lines: readonly string[]): Uint8Array {
  if (lines.some((line) => LINE_BREAK.test(line))) throw NatsError.errorForCode(ErrorCode.BadHeader);
  return Buffer.from(`NATS/1.0\r\n${lines.join('\r\n')}\r\n\r\n`);
}

const LINE_BREAK = /[\r\n]/;

/** Headers as the client takes them. It encodes them at once, so one object serves all messages; a new one would have a map of its own. */
class KnownHeaders extends MsgHdrsImpl {
  bytes: Uint8Array = new Uint8Array(0);

  override encode(): Uint8Array {
    return this.bytes;
  }
}
