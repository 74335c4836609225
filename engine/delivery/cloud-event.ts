import { cutText, cutTexts, textLength } from './cut-text.ts';

/** What differs between events; the rest of a CloudEvent is the same for all of ours. */
export interface CloudEvent {
  /** Unique within the source. */
  readonly id: string;
  /** Instance of Weir; becomes the source `weir/<instance>`, percent-encoded. */
  readonly instance: string;
  /** `weir.alert.firing` and the like. */
  readonly type: string;
  /** What the event is about; left out when empty, as the specification wants. */
  readonly subject?: string;
  /** Milliseconds since the epoch, with microseconds as a fraction. */
  readonly time: number;
  readonly data: Readonly<Record<string, unknown>>;
}

const EARLIEST_MS = Date.parse('0000-01-01T00:00:00.000Z');
const LATEST_MS = Date.parse('9999-12-31T23:59:59.999Z');

/**
 * The largest event, in bytes of UTF-8: a server takes it also where its `max_payload` is 64 KiB instead of NATS' default of 1 MiB.
 */
export const MAX_EVENT_BYTES = 60_000;
/** Bytes that each text may take in JSON, step by step, until the event is small enough. */
const TEXT_BYTES = [4_096, 1_024, 256, 64] as const;
/** The same for an event without the lists and objects of its data. */
const OUTLINE_BYTES = [256, 64] as const;

/** The envelope of a CloudEvent, in the order of its attributes. */
interface Envelope {
  readonly subject?: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * A CloudEvent 1.0 in structured JSON (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md).
 * Attributes have a fixed order, so equal events are equal texts. Numbers that JSON lacks become null.
 *
 * One that is larger than `MAX_EVENT_BYTES` has its longest texts cut, each with `…` at its end, and says `"truncated": true` in its data.
 * Where that is not enough (thousands of facts or conditions), lists and objects in its data are left out, and named in `leftOut`.
 */
export function cloudEvent(event: CloudEvent): string {
  const envelope = envelopeOf(event);
  // The texts of some events are longer than a string may be, so these are not stringified whole.
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
 * Shorter forms of an event that `cloudEvent` made, each smaller than the one before, for a server that does not take it whole. The last one,
 * of about 1 KB, still has the id, and of an alert the rule, key, state, severity, times and the beginning of the message.
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
  // No unit of UTF-16 takes more than three bytes.
  return text.length * 3 <= MAX_EVENT_BYTES || Buffer.byteLength(text) <= MAX_EVENT_BYTES;
}

/**
 * RFC 3339 in UTC of milliseconds since the epoch: `2026-01-02T03:04:05.678Z`, with six digits where there are microseconds.
 * RFC 3339 knows the years 0000 to 9999; an instant outside stands as the nearest inside.
 */
export function formatTime(at: number): string {
  const clamped = Math.min(Math.max(at, EARLIEST_MS), LATEST_MS);
  // The rounding of the tables' time columns, so that both show the same microsecond.
  const micros = Math.round(clamped * 1000);
  if (!Number.isSafeInteger(micros)) return new Date(clamped).toISOString();
  const ms = Math.floor(micros / 1000);
  const rest = micros - ms * 1000;
  const text = new Date(ms).toISOString();
  return rest === 0 ? text : `${text.slice(0, -1)}${String(rest).padStart(3, '0')}Z`;
}
