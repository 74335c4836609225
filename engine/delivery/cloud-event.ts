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
 * The largest event, in bytes of UTF-8: what any server takes, also one that is told to take far less than NATS' default of 1 MiB. An event
 * that no server takes would be tried again for ever.
 */
export const MAX_EVENT_BYTES = 60_000;
/** Bytes that each text may take in JSON, by and by, until the event is small enough. */
const TEXT_BYTES = [4_096, 1_024, 256, 64] as const;
/** Ends a text that was cut. */
const CUT = '…';

/**
 * A CloudEvent 1.0 in structured JSON (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md).
 * Attributes stand in a fixed order, so equal events are equal texts. Numbers that JSON lacks become null.
 *
 * One that is larger than `MAX_EVENT_BYTES` has its longest texts cut, each with `…` at its end, and says `"truncated": true` in its data.
 * Where that is not enough (thousands of facts or conditions), lists and objects in its data are left out, and named in `leftOut`.
 */
export function cloudEvent(event: CloudEvent): string {
  const whole = JSON.stringify(envelope(event, event.data));
  if (isSmall(whole)) return whole;
  for (const bytes of TEXT_BYTES) {
    const data = cutTexts({ ...event.data, truncated: true }, bytes) as CloudEvent['data'];
    const subject = event.subject === undefined ? undefined : cutText(event.subject, bytes);
    const shorter = JSON.stringify(envelope({ ...event, ...(subject !== undefined && { subject }) }, data));
    if (isSmall(shorter)) return shorter;
  }
  return JSON.stringify(outline(event));
}

function envelope(event: CloudEvent, data: CloudEvent['data']): object {
  return {
    specversion: '1.0',
    id: event.id,
    source: `weir/${encodeURIComponent(event.instance.replace(/\p{Surrogate}/gu, '\uFFFD'))}`,
    type: event.type,
    subject: event.subject === '' ? undefined : event.subject,
    time: formatTime(event.time),
    datacontenttype: 'application/json',
    data,
  };
}

function outline({ subject = '', ...event }: CloudEvent): object {
  const data: Record<string, unknown> = { truncated: true };
  const leftOut: string[] = [];
  for (const [name, value] of Object.entries(event.data)) {
    if (typeof value === 'object' && value !== null) leftOut.push(name);
    else data[name] = typeof value === 'string' ? cutText(value, TEXT_BYTES[2]) : value;
  }
  return envelope({ ...event, subject: cutText(subject, TEXT_BYTES[2]) }, { ...data, leftOut });
}

function isSmall(text: string): boolean {
  // No UTF-16 unit takes more than three bytes.
  return text.length * 3 <= MAX_EVENT_BYTES || Buffer.byteLength(text) <= MAX_EVENT_BYTES;
}

function cutTexts(value: unknown, bytes: number): unknown {
  if (typeof value === 'string') return cutText(value, bytes);
  if (Array.isArray(value)) return value.map((each) => cutTexts(each, bytes));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, cutTexts(each, bytes)]));
}

/** As much of a text as takes no more than these bytes in JSON; a pair of surrogates stays together. */
function cutText(text: string, bytes: number): string {
  if (text.length * 6 <= bytes || jsonBytes(text) <= bytes) return text;
  let kept = '';
  let size = jsonBytes(CUT);
  for (const character of text) {
    size += jsonBytes(character);
    if (size > bytes) break;
    kept += character;
  }
  return kept + CUT;
}

/** Without the quotes. */
function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
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
