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
 * A CloudEvent 1.0 in structured JSON (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md).
 * Attributes stand in a fixed order, so equal events are equal texts. Numbers that JSON lacks become null.
 */
export function cloudEvent(event: CloudEvent): string {
  return JSON.stringify({
    specversion: '1.0',
    id: event.id,
    source: `weir/${encodeURIComponent(event.instance.replace(/\p{Surrogate}/gu, '\uFFFD'))}`,
    type: event.type,
    subject: event.subject === '' ? undefined : event.subject,
    time: formatTime(event.time),
    datacontenttype: 'application/json',
    data: event.data,
  });
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
