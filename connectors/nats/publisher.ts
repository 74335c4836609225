import { createInbox, ErrorCode, type Msg, MsgHdrsImpl, type NatsConnection, NatsError } from 'nats';
import { DeliveryError } from '../../engine/ports.ts';
import { readAnswer } from './answer.ts';

/** A message on its way to a stream. It does not change until it is answered. */
export interface Message {
  readonly subject: string;
  readonly body: Uint8Array;
  /** As `headersOf` has made them. */
  readonly headers: Uint8Array | undefined;
  /** When it was published, by `performance.now()`. The publisher sets it. */
  askedAt: number;
  /** Called once the stream has stored the message, or had it already, with its sequence number. May publish another message. */
  stored(sequence: number): void;
  /** Called with the error of the server, with a timeout after 5 s, or with the reason why the connection is lost. */
  failed(error: unknown): void;
}

/** Publishes messages that a JetStream stream stores, many at a time. */
export interface Publisher {
  /** Sends a message, and calls one of its two functions, also if nothing can be sent now. */
  publish(message: Message): void;
  /** Fails all messages without an answer, because the connection is lost. */
  failAll(error: DeliveryError): void;
  /** Fails the messages without an answer to a subject to which the server does not let us publish. */
  failDenied(subject: string): void;
}

const ANSWER_TIMEOUT_MS = 5_000;
const LOOK_EVERY_MS = 500;
/** While answers are awaited, messages are collected for a turn of the loop, or up to this number. */
const COLLECT_MESSAGES = 128;

/**
 * Creates a publisher on a connection. The client's own `publish` of JetStream creates a request, a timer, two promises and an error with a
 * trace for each message. Here all messages share one inbox, one subscription and one timer, and many share one write, because each write
 * wakes the server: a message goes out at once if no answer is awaited, otherwise with the others of this turn of the loop. `outage` says why
 * nothing can be sent now.
 */
export function createPublisher(
  nc: NatsConnection,
  inboxPrefix: string,
  outage: () => DeliveryError | undefined,
): Publisher {
  const inbox = `${createInbox(inboxPrefix)}.`;
  /** By the last token of the inbox; the oldest first. */
  const waiting = new Map<number, Message>();
  const known = new KnownHeaders();
  let count = 0;
  let timer: NodeJS.Timeout | undefined;
  /** Tokens of messages that were not sent yet; they are also in `waiting`. */
  let unsent: number[] = [];
  let collecting: NodeJS.Immediate | undefined;

  const sendCollected = (): void => {
    clearImmediate(collecting);
    collecting = undefined;
    const tokens = unsent;
    unsent = [];
    for (const token of tokens) {
      const message = waiting.get(token);
      if (message !== undefined) send(token, message);
    }
  };
  const send = (token: number, message: Message): void => {
    const { subject, body, headers } = message;
    try {
      if (headers !== undefined) known.bytes = headers;
      const reply = inbox + token;
      nc.publish(subject, body, headers === undefined ? { reply } : { reply, headers: known });
    } catch (error) {
      waiting.delete(token);
      message.failed(error);
    }
  };
  const collect = (token: number): void => {
    unsent.push(token);
    if (unsent.length >= COLLECT_MESSAGES) sendCollected();
    else if (unsent.length > 1) return;
    else if (waiting.size === 1) queueMicrotask(sendCollected);
    else collecting = setImmediate(sendCollected);
  };
  const receive = (answer: Msg): void => {
    const token = Number(answer.subject.slice(inbox.length));
    const message = waiting.get(token);
    if (message === undefined) return;
    waiting.delete(token);
    const result = readAnswer(answer);
    if (typeof result === 'number') message.stored(result);
    else message.failed(result);
  };
  const failAll = (error: unknown): void => {
    const all = [...waiting.values()];
    waiting.clear();
    unsent = [];
    for (const message of all) message.failed(error);
  };
  const failLate = (): void => {
    timer = undefined;
    const now = performance.now();
    for (const [token, message] of waiting) {
      if (now - message.askedAt < ANSWER_TIMEOUT_MS) break;
      waiting.delete(token);
      message.failed(NatsError.errorForCode(ErrorCode.Timeout));
    }
    watchTime();
  };
  const watchTime = (): void => {
    if (timer === undefined && waiting.size > 0) timer = setTimeout(failLate, LOOK_EVERY_MS);
  };
  nc.subscribe(`${inbox}*`, { callback: (error, answer) => (error === null ? receive(answer) : failAll(error)) });

  return {
    publish(message) {
      const lost = outage();
      if (lost !== undefined) {
        message.failed(lost);
        return;
      }
      const token = count++;
      message.askedAt = performance.now();
      waiting.set(token, message);
      collect(token);
      watchTime();
    },
    failAll,
    failDenied(denied) {
      for (const [token, message] of waiting) {
        if (message.subject !== denied) continue;
        waiting.delete(token);
        message.failed(
          new DeliveryError('fatal', `NATS does not let us publish to ${denied}.`, ErrorCode.PermissionsViolation),
        );
      }
    },
  };
}

/** The bytes of a message's headers. Each line is `Name: value`. Throws the client's error for a line break in it. */
export function headersOf(...lines: readonly string[]): Uint8Array {
  for (const line of lines) if (LINE_BREAK.test(line)) throw NatsError.errorForCode(ErrorCode.BadHeader);
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
