import { cutText, cutTexts, textLength } from './cut-text.ts';
import { jsonText } from './json-text.ts';

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

/**
 * The same text as `cloudEvent` makes, of data that are already the text of a JSON object. Undefined if it would be larger than
 * `MAX_EVENT_BYTES`.
 */
export function cloudEventOf(
  { id, instance, type, subject, time }: Omit<CloudEvent, 'data'>,
  data: string,
): string | undefined {
  const about = subject ? `"subject":${jsonText(subject)},` : '';
  const body = `{"specversion":"1.0","id":${jsonText(id)},"source":${jsonText(sourceOf(instance))},"type":${jsonText(type)},${about}"time":"${formatTime(time)}","datacontenttype":"application/json","data":${data}}`;
  return isSmall(body) ? body : undefined;
}

let lastInstance = '';
let lastSource = 'weir/';

/** The source of an instance. A process has one instance, so the last one is kept. */
function sourceOf(instance: string): string {
  if (instance !== lastInstance) {
    lastSource = `weir/${encodeURIComponent(instance.replace(/\p{Surrogate}/gu, '\uFFFD'))}`;
    lastInstance = instance;
  }
  return lastSource;
}

function envelopeOf(event: CloudEvent): Envelope {
  return {
    specversion: '1.0',
    id: event.id,
    source: sourceOf(event.instance),
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
  // This also joins the parts of the text in memory: as parts they would take several times as much while the event waits.
  return Buffer.byteLength(text) <= MAX_EVENT_BYTES;
}

const DAY_MS = 86_400_000;
const TWO_DIGITS = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'));
const THREE_DIGITS = Array.from({ length: 1_000 }, (_, n) => String(n).padStart(3, '0'));
/** The last day that was formatted, as `2026-01-02T`: most instants are of the same day. */
let lastDay = 0;
let lastDate = '1970-01-01T';

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
  const day = Math.floor(ms / DAY_MS);
  if (day !== lastDay) {
    lastDate = new Date(ms).toISOString().slice(0, 11);
    lastDay = day;
  }
  const time = ms - day * DAY_MS;
  const seconds = Math.floor(time / 1_000);
  const minutes = Math.floor(seconds / 60);
  const clock = `${TWO_DIGITS[Math.floor(minutes / 60)]}:${TWO_DIGITS[minutes % 60]}:${TWO_DIGITS[seconds % 60]}`;
  return `${lastDate}${clock}.${THREE_DIGITS[time % 1_000]}${rest === 0 ? '' : THREE_DIGITS[rest]}Z`;
}
