import { cutText, cutTexts, textLength } from './cut-text.ts';

/** The attributes of a CloudEvent that differ between events. */
export interface CloudEvent {
  /** Unique within the source. */
  readonly id: string;
  /** Name of the Weir instance. The source is `weir/<instance>`, percent-encoded. */
  readonly instance: string;
  /** Type of the event, as in `weir.alert.firing`. */
  readonly type: string;
  /** What the event is about. Left out if it is empty, as the specification requires. */
  readonly subject?: string;
  /** Milliseconds since the epoch, with microseconds as a fraction. */
  readonly time: number;
  readonly data: Readonly<Record<string, unknown>>;
}

const EARLIEST_MS = Date.parse('0000-01-01T00:00:00.000Z');
const LATEST_MS = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * The largest event, in bytes of UTF-8. A server also accepts it if its `max_payload` is 64 KiB instead of NATS' default of 1 MiB.
 */
export const MAX_EVENT_BYTES = 60_000;
/** The largest size of each text in JSON, in bytes. The next value is used if the event is still too large. */
const TEXT_BYTES = [4_096, 1_024, 256, 64] as const;
/** The same for an event from whose data lists and objects were left out. */
const OUTLINE_BYTES = [256, 64] as const;

/** The attributes of a CloudEvent, in a fixed order. Only those named here are ever changed. */
interface Envelope {
  readonly subject?: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * Makes a CloudEvent 1.0 in structured JSON (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md).
 * Attributes have a fixed order, so equal events are equal texts. NaN and the infinities become null.
 *
 * If an event is larger than `MAX_EVENT_BYTES`, its longest texts are cut, each with `…` at its end, and its data has `"truncated": true`.
 * If that is not enough (thousands of facts or conditions), lists and objects are left out of its data, and `leftOut` names them.
 */
export function cloudEvent(event: CloudEvent): string {
  const envelope = envelopeOf(event);
  // If the texts together are longer than the longest possible string, stringifying the whole event would throw.
  const whole = textLength(envelope) > MAX_EVENT_BYTES ? undefined : JSON.stringify(envelope);
  if (whole !== undefined && isSmall(whole)) return whole;
  let shorter = '';
  for (const form of shorterForms(envelope)) {
    shorter = JSON.stringify(form);
    if (isSmall(shorter)) return shorter;
  }
  return shorter;
}

/**
 * Shorter forms of an event that `cloudEvent` made, each smaller than the one before, for a server that refuses the whole event. The last one
 * has about 1 KB. It still has the id and, for an alert, the rule, key, state, severity, times and the beginning of the message.
 */
export function* shorterEvents(body: string): Generator<string> {
  let bytes = Buffer.byteLength(body);
  for (const form of shorterForms(JSON.parse(body) as Envelope)) {
    const shorter = JSON.stringify(form);
    if (Buffer.byteLength(shorter) >= bytes) continue;
    bytes = Buffer.byteLength(shorter);
    yield shorter;
  }
}

function envelopeOf(event: CloudEvent): Envelope {
  return {
    specversion: '1.0',
    id: event.id,
    source: `weir/${encodeURIComponent(event.instance.replace(/\p{Surrogate}/gu, '\uFFFD'))}`,
    type: event.type,
    subject: event.subject === '' ? undefined : event.subject,
    time: formatTime(event.time),
    datacontenttype: 'application/json',
    data: event.data,
  } as Envelope;
}

function* shorterForms(envelope: Envelope): Generator<Envelope> {
  for (const bytes of TEXT_BYTES) {
    const data = cutTexts({ ...envelope.data, truncated: true }, bytes) as Envelope['data'];
    yield withShorter(envelope, data, bytes);
  }
  for (const bytes of OUTLINE_BYTES) yield withShorter(envelope, outline(envelope.data, bytes), bytes);
}

function withShorter(envelope: Envelope, data: Envelope['data'], bytes: number): Envelope {
  const { subject } = envelope;
  return { ...envelope, ...(subject !== undefined && { subject: cutText(subject, bytes) }), data };
}

function outline(data: Envelope['data'], bytes: number): Envelope['data'] {
  const shorter: Record<string, unknown> = { truncated: true };
  const leftOut = new Set(Array.isArray(data.leftOut) ? (data.leftOut as readonly string[]) : []);
  for (const [name, value] of Object.entries(data)) {
    if (typeof value !== 'object' || value === null) shorter[name] = cutTexts(value, bytes);
    else if (name !== 'leftOut') leftOut.add(name);
  }
  return { ...shorter, leftOut: [...leftOut] };
}

function isSmall(text: string): boolean {
  // A unit of UTF-16 takes at most three bytes in UTF-8.
  return text.length * 3 <= MAX_EVENT_BYTES || Buffer.byteLength(text) <= MAX_EVENT_BYTES;
}

/**
 * Formats milliseconds since the epoch as RFC 3339 in UTC: `2026-01-02T03:04:05.678Z`, with six digits if there are microseconds.
 * RFC 3339 has the years 0000 to 9999; an instant outside is shown as the nearest one inside.
 */
export function formatTime(at: number): string {
  const clamped = Math.min(Math.max(at, EARLIEST_MS), LATEST_MS);
  // The same rounding as in the tables' time columns, so that both show the same microsecond.
  const micros = Math.round(clamped * 1000);
  if (!Number.isSafeInteger(micros)) return new Date(clamped).toISOString();
  const ms = Math.floor(micros / 1000);
  const rest = micros - ms * 1000;
  const text = new Date(ms).toISOString();
  return rest === 0 ? text : `${text.slice(0, -1)}${String(rest).padStart(3, '0')}Z`;
}
