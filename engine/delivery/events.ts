import type { FieldValue } from '../model/field.ts';
import type { AlertState, Notice, Overflow, Transition } from '../model/item/alert.ts';
import type { Rejected } from '../model/item/decoded.ts';
import type { DeviceChange, Gap } from '../model/item/devices.ts';
import type { Viewed } from '../model/item/window-result.ts';
import type { EventOutput } from '../model/output.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import type { RowStream } from '../model/row-stream.ts';
import { cloudEvent, formatTime } from './cloud-event.ts';
import { cutText, SHOWN_TEXT_BYTES } from './cut-text.ts';
import { evidenceOf } from './evidence.ts';
import {
  alertSubject,
  DEADLETTERS_SUBJECT,
  deviceSubject,
  factsSubject,
  gapSubject,
  kvToken,
  LIMIT_TOKEN,
  limitSubject,
  subjectToken,
} from './subjects.ts';

/** What an event says of where it comes from. */
export interface EventContext {
  /** Identity of the journal whose record caused the event. */
  readonly journalId: string;
  /** Name of this Weir, in the event's source. */
  readonly instance: string;
  /** ClickHouse database that holds the streams' tables. */
  readonly database: string;
}

/** What an alert's event takes from its rule; a `RulePlan` has it all. */
export type EventRule = Pick<RulePlan, 'name' | 'version' | 'type' | 'severity' | 'params' | 'message' | 'units'> & {
  readonly keying: Pick<RulePlan['keying'], 'per'>;
};

/** What a device's event takes from its stream; a `StreamPlan` has it all. */
export interface EventStream {
  /** Also the name of its table. */
  readonly name: string;
  readonly config: { readonly labels: readonly { readonly name: string }[] };
}

/**
 * The event of an alert that began to fire, changed its severity, was resolved or is told without a change, with its entry in the KV of
 * open alerts; undefined for every other change of state, and for those of an alert that flaps, which are for the `alerts` table alone.
 * What the rule's limit holds back changes the KV quietly.
 */
export function alertEvent(
  transition: Transition | Notice,
  rule: EventRule,
  stream: RowStream,
  context: EventContext,
): EventOutput | undefined {
  const { id, to: state, key, offset, at, suppressed } = transition;
  if ((state !== 'firing' && state !== 'resolved') || suppressed === 'flapping') return undefined;
  const body = cloudEvent({
    id,
    instance: context.instance,
    type: `weir.alert.${eventKind(transition)}`,
    subject: key.text,
    time: at,
    data: alertData(transition, state, rule, stream, context),
  });
  return {
    kind: 'event',
    id,
    offset,
    subject: alertSubject(transition.severity, rule.name, key.text),
    body,
    stream: 'WEIR_ALERTS',
    ...(suppressed === 'limit' && { quiet: true }),
    kv: {
      bucket: 'weir_alerts_open',
      key: `${kvToken(rule.name)}.${kvToken(key.text)}`,
      // While it flaps nobody is told of its changes, so it stays open until it is stable.
      value: state === 'firing' || transition.flapping ? body : null,
    },
  };
}

function eventKind(told: Transition | Notice): string {
  if (told.kind === 'notice') return told.notice === 'repeat' ? 'repeat' : told.to;
  return told.flapping ? 'flapping' : told.to;
}

/** The event that sums up the alerts of a rule that its limit held back in a period. */
export function overflowEvent(
  overflow: Overflow,
  rule: Pick<EventRule, 'name' | 'version' | 'type'>,
  context: EventContext,
): EventOutput {
  const { id, offset, at, since, severity, told, heldBack, keys } = overflow;
  const body = cloudEvent({
    id,
    instance: context.instance,
    type: 'weir.alert.limited',
    subject: rule.name,
    time: at,
    data: {
      rule: rule.name,
      version: rule.version,
      type: rule.type,
      severity,
      state: 'limited',
      since: formatTime(since),
      at: formatTime(at),
      told,
      heldBack,
      keys,
      message: `${rule.name}: ${told} told, ${heldBack} more held back by the limit`,
    },
  });
  return { kind: 'event', id, offset, subject: limitSubject(severity, rule.name), body, stream: 'WEIR_ALERTS' };
}

/**
 * The event of a device that went offline or came back, with its entry in the KV of devices.
 * Subject and entry know a device by its id alone: one that speaks in two streams has one entry, of its last change.
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

/** The event of what a view says of a key, with every fact: null where it has no value. */
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

/** The event of a span in which messages of a broker may be missing. */
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
      message: `The broker ${broker} had forgotten our session: messages from ${start} to ${end} may be missing`,
    },
  });
  return { kind: 'event', id, offset, subject: gapSubject(broker), body, stream: 'WEIR_GAPS' };
}

/**
 * The event of a message that could not be decoded: best effort, since no stream keeps it. Carries the first 4 KiB of the payload,
 * as `text` where they are UTF-8, else as `base64`. `streamName` is undefined where no stream's topic matched.
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

function alertData(
  transition: Transition | Notice,
  state: AlertState,
  rule: EventRule,
  stream: RowStream,
  context: EventContext,
): Record<string, unknown> {
  const { key, at, since, from, facts, conditions, previousSeverity, flapping, suppressed } = transition;
  const { per } = rule.keying;
  const keyParts = named(per, key.parts);
  const { severity: _severity, message: _message, ...params } = rule.params;
  const evidence = evidenceOf(transition, per, stream, context.database);
  return {
    rule: rule.name,
    version: rule.version,
    type: rule.type,
    severity: transition.severity,
    ...(previousSeverity !== undefined && { previousSeverity }),
    state,
    from,
    ...(reasonOf(transition) !== undefined && { reason: reasonOf(transition) }),
    ...(flapping && { flapping }),
    ...(suppressed !== undefined && { suppressed }),
    key: key.text,
    keyParts,
    since: formatTime(since),
    at: formatTime(at),
    ...(state === 'resolved' && { durationMs: Math.round((at - since) * 1000) / 1000 }),
    message: alertMessage(transition, rule),
    facts,
    units: rule.units,
    conditions,
    params,
    evidence: {
      sql: evidence.sql,
      ...(evidence.with !== undefined && { with: evidence.with }),
      from: formatTime(evidence.from),
      to: formatTime(evidence.to),
    },
  };
}

function reasonOf(told: Transition | Notice): string | undefined {
  return told.reason ?? (told.kind === 'notice' && told.notice === 'stable' ? 'stable' : undefined);
}

/**
 * What the alert says at this change: the rule's message with the facts, the parts of the key and the severity filled in. A long text is cut:
 * a message may have it a hundred times.
 */
export function alertMessage({ key, facts, severity }: Transition | Notice, rule: EventRule): string {
  const keyParts = named(rule.keying.per, key.parts);
  return rule.message(
    (name) => lookUp(name, facts, keyParts, key.text) ?? (name === 'severity' ? severity : undefined),
  );
}

function lookUp(
  name: string,
  facts: Transition['facts'],
  keyParts: Readonly<Record<string, string>>,
  key: string,
): FieldValue | undefined {
  if (Object.hasOwn(facts, name)) {
    const value = facts[name] ?? undefined;
    return typeof value === 'string' ? cutText(value, SHOWN_TEXT_BYTES) : value;
  }
  if (Object.hasOwn(keyParts, name)) return keyParts[name];
  return name === 'key' ? key : undefined;
}

/** Built from entries, so that a label called `__proto__` is a label like any other. */
function named(names: readonly string[], values: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name, i) => [name, values[i] ?? '']));
}

/**
 * The id of a change of state, of which no two changes of one alert in a journal are alike:
 * `<journalId>.<offset>.<rule>.<key>.<state>.<at in µs>`, each part a subject token. For what is told without a change, `repeat` or
 * `stable` stands in place of the state.
 */
export function transitionId(
  journalId: string,
  offset: number,
  rule: string,
  key: string,
  state: AlertState | Notice['notice'],
  at: number,
): string {
  return eventId(journalId, offset, subjectToken(rule), subjectToken(key), state, String(Math.round(at * 1000)));
}

/** The id of what sums up a rule's limit at a tick; no key makes a token like `~limit`. */
export function overflowId(journalId: string, offset: number, rule: string, at: number): string {
  return eventId(journalId, offset, subjectToken(rule), LIMIT_TOKEN, 'limited', String(Math.round(at * 1000)));
}

/** The id of a result of a view; what brings about several that are alike in all of this must tell them apart. */
export function factsId(journalId: string, offset: number, rule: string, key: string, end: number): string {
  return eventId(journalId, offset, subjectToken(rule), subjectToken(key), 'facts', String(Math.round(end * 1000)));
}

function eventId(journalId: string, offset: number, ...parts: readonly string[]): string {
  return [subjectToken(journalId), String(offset), ...parts].join('.');
}

function shownPayload(payload: Uint8Array): Record<string, unknown> {
  const shown = payload.subarray(0, SHOWN_TEXT_BYTES);
  const size = { bytes: payload.length, truncated: shown.length < payload.length };
  try {
    // As a stream, for which a character cut in half at the end is no error.
    return {
      ...size,
      text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(shown, { stream: true }),
    };
  } catch {
    // Not UTF-8.
    return { ...size, base64: Buffer.from(shown.buffer, shown.byteOffset, shown.length).toString('base64') };
  }
}
