import type { EventOutput } from '../../engine/model/output.ts';
import type { Positions } from './positions.ts';
import type { PublishedIds } from './published.ts';
import { headersOf, type Message, type Publisher } from './publisher.ts';
import type { StreamName } from './streams.ts';

/** An event that a stream stores. */
export type StoredEvent = EventOutput & { readonly stream: StreamName };

/** What all publications of a connection share. */
export interface PublicationContext {
  readonly publisher: Publisher;
  /** Events that the streams have already. */
  readonly published: PublishedIds;
  readonly positions: Positions;
  /** Makes the error with which a publication rejects. */
  readonly toError: (error: unknown, event: EventOutput) => unknown;
}

const DELETES = headersOf('KV-Operation: DEL');
const NOTHING = new Uint8Array(0);

/**
 * Publishes an event to its stream, then its KV entry. Resolves once the server has both; rejects with what `toError` makes of an error. An event
 * that is quiet, or that the stream has already, is not published; its entry is.
 */
export function publishStored(event: StoredEvent, context: PublicationContext): Promise<void> {
  return new Promise((resolve, reject) => new Publication(event, context, resolve, reject).start());
}

/** An event on its way, then its KV entry. It is one object, because there are many at a time, and each object is copied by the collector. */
class Publication implements Message {
  subject: string;
  body: Uint8Array;
  headers: Uint8Array | undefined;
  askedAt = 0;
  private isEntry = false;
  private readonly event: StoredEvent;
  private readonly context: PublicationContext;
  private readonly resolve: () => void;
  private readonly reject: (error: unknown) => void;

  constructor(event: StoredEvent, context: PublicationContext, resolve: () => void, reject: (error: unknown) => void) {
    this.event = event;
    this.context = context;
    this.resolve = resolve;
    this.reject = reject;
    this.subject = event.subject;
    this.body = NOTHING;
    this.headers = undefined;
  }

  start(): void {
    const { event, context } = this;
    const { id, stream, body } = event;
    if (event.quiet === true || context.published.get(stream)?.has(id) === true) {
      this.publishEntry();
      return;
    }
    try {
      this.body = Buffer.from(body);
      this.headers = headersOf(`Nats-Msg-Id: ${id}`, `Nats-Expected-Stream: ${stream}`);
    } catch (error) {
      this.failed(error);
      return;
    }
    context.publisher.publish(this);
  }

  stored(sequence: number): void {
    if (this.isEntry) {
      this.finish();
      return;
    }
    this.context.positions.advance(this.event.stream, sequence);
    this.publishEntry();
  }

  failed(error: unknown): void {
    this.reject(this.context.toError(error, this.event));
  }

  private publishEntry(): void {
    const { kv, body } = this.event;
    if (kv === undefined) {
      this.finish();
      return;
    }
    this.isEntry = true;
    this.subject = `$KV.${kv.bucket}.${kv.key}`;
    this.headers = kv.value === null ? DELETES : undefined;
    if (kv.value === null) this.body = NOTHING;
    // Mostly the entry is the event itself, whose bytes are already there.
    else if (kv.value !== body || this.body === NOTHING) this.body = Buffer.from(kv.value);
    this.context.publisher.publish(this);
  }

  private finish(): void {
    this.context.published.get(this.event.stream)?.delete(this.event.id);
    this.resolve();
  }
}
