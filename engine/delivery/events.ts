import type { Rejected } from '../model/item/decoded.ts';
import type { DeviceChange, Gap } from '../model/item/devices.ts';
import type { Viewed } from '../model/item/window-result.ts';
import type { EventOutput } from '../model/output.ts';
import type { EventRule } from './alert-data.ts';
import { cloudEvent, formatTime } from './cloud-event.ts';
import { SHOWN_TEXT_BYTES } from './cut-text.ts';
import type { EventContext } from './event-context.ts';
import { eventId } from './event-id.ts';
import { named } from './named.ts';
import { DEADLETTERS_SUBJECT, deviceSubject, factsSubject, gapSubject, kvToken, subjectToken } from './subjects.ts';

/** The part of a stream that the event of a device needs. A `StreamPlan` has all of it. */
export interface EventStream {
  /** Name of the stream and of its table. */
  readonly name: string;
  readonly config: { readonly labels: readonly { readonly name: string }[] };
}

/**
 * The event of a device that went offline or came back, with its entry in the KV bucket of devices.
 * Subject and entry have only the id of the device. So a device in two streams has one entry, of its last change.
 */
export function deviceEvent(change: DeviceChange, stream: EventStream, context: EventContext): EventOutput {
  const state = change.online ? 'online' : 'offline';
  const parts = ['device', subjectToken(stream.name), subjectToken(change.device), state];
  const id = eventId(context.journalId, change.offset, ...parts, String(Math.round(change.at * 1000)));
  const labels = named(
    stream.config.labels.map((label) => label.name),
    change.labels,
  );
  const body = cloudEvent({
    id,
    instance: context.instance,
    type: `weir.device.${state}`,
    subject: change.device,
    time: change.at,
    data: {
      device: change.device,
      stream: stream.name,
      state,
      reason: change.reason,
      labels,
      at: formatTime(change.at),
      lastSeenAt: formatTime(change.lastSeenAt),
    },
  });
  return {
    kind: 'event',
    id,
    offset: change.offset,
    subject: deviceSubject(change.online, change.device),
    body,
    stream: 'WEIR_DEVICES',
    kv: { bucket: 'weir_devices', key: kvToken(change.device), value: body },
  };
}

/** The event of a view's result for a key, with every fact. A fact without a value is null. */
export function factsEvent(
  { id, offset, key, start, end, values }: Viewed,
  rule: Pick<EventRule, 'name' | 'version' | 'units' | 'keying'>,
  names: readonly string[],
  context: EventContext,
): EventOutput {
  const body = cloudEvent({
    id,
    instance: context.instance,
    type: 'weir.facts',
    subject: key.text,
    time: end,
    data: {
      rule: rule.name,
      version: rule.version,
      key: key.text,
      labels: named(rule.keying.per, key.parts),
      start: formatTime(start),
      end: formatTime(end),
      facts: Object.fromEntries(names.map((name, i) => [name, values[i] ?? null])),
      units: rule.units,
    },
  });
  return { kind: 'event', id, offset, subject: factsSubject(rule.name, key.text), body, stream: 'WEIR_FACTS' };
}

/** The event of a gap, in which messages of a broker may be missing. */
export function gapEvent({ offset, broker, reason, from, at }: Gap, context: EventContext): EventOutput {
  const id = eventId(context.journalId, offset, 'gap', subjectToken(broker), reason, String(Math.round(at * 1000)));
  const [start, end] = [formatTime(from), formatTime(at)];
  const body = cloudEvent({
    id,
    instance: context.instance,
    type: 'weir.gap',
    subject: broker,
    time: at,
    data: {
      broker,
      reason,
      from: start,
      to: end,
      message: `The broker ${broker} lost the session of Weir: messages from ${start} to ${end} may be missing`,
    },
  });
  return { kind: 'event', id, offset, subject: gapSubject(broker), body, stream: 'WEIR_GAPS' };
}

/**
 * The event of a message that could not be decoded. Its delivery is best effort, because no JetStream stream stores it. It has the first 4 KiB
 * of the payload, as `text` if they are UTF-8, else as `base64`. `streamName` is undefined if no stream's topic matched.
 */
export function deadLetterEvent(
  rejected: Rejected,
  streamName: string | undefined,
  context: EventContext,
): EventOutput {
  const id = eventId(context.journalId, rejected.offset, 'deadletter', String(rejected.ordinal));
  const body = cloudEvent({
    id,
    instance: context.instance,
    type: 'weir.deadletter',
    subject: rejected.topic,
    time: rejected.at,
    data: {
      topic: rejected.topic,
      stream: streamName ?? null,
      reason: rejected.reason,
      detail: rejected.detail,
      at: formatTime(rejected.at),
      payload: shownPayload(rejected.payload),
    },
  });
  return { kind: 'event', id, offset: rejected.offset, subject: DEADLETTERS_SUBJECT, body };
}

function shownPayload(payload: Uint8Array): Record<string, unknown> {
  const shown = payload.subarray(0, SHOWN_TEXT_BYTES);
  const size = { bytes: payload.length, truncated: shown.length < payload.length };
  try {
    // In stream mode, a character that is cut off at the end is no error.
    return {
      ...size,
      text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(shown, { stream: true }),
    };
  } catch {
    // Not UTF-8.
    return { ...size, base64: Buffer.from(shown.buffer, shown.byteOffset, shown.length).toString('base64') };
  }
}
