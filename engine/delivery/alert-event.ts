import type { FieldValue } from '../model/field.ts';
import type { AlertState, Notice, Overflow, Transition } from '../model/item/alert.ts';
import type { EventOutput } from '../model/output.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import type { RowStream } from '../model/row-stream.ts';
import { cloudEvent, formatTime } from './cloud-event.ts';
import { cutText, SHOWN_TEXT_BYTES } from './cut-text.ts';
import type { EventContext } from './event-context.ts';
import { evidenceOf } from './evidence.ts';
import { named } from './named.ts';
import { alertSubject, kvToken, limitSubject } from './subjects.ts';

/** The part of a rule that the event of an alert needs. A `RulePlan` has all of it. */
export type EventRule = Pick<RulePlan, 'name' | 'version' | 'type' | 'severity' | 'params' | 'message' | 'units'> & {
  readonly keying: Pick<RulePlan['keying'], 'per'>;
};

/**
 * The event of an alert that began to fire, changed its severity, resolved, re-notifies or is stable after flapping, with its entry in the KV
 * bucket of open alerts.
 * Undefined for every other change of state, and for changes of an alert that flaps, which are only in the `alerts` table.
 * A change that the rule's limit suppresses only changes the KV entry.
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
      // While it flaps its changes are not published, so its entry stays open until it is stable.
      value: state === 'firing' || transition.flapping ? body : null,
    },
  };
}

function eventKind(change: Transition | Notice): string {
  if (change.kind === 'notice') return change.notice === 'repeat' ? 'repeat' : change.to;
  return change.flapping ? 'flapping' : change.to;
}

/** The event that summarizes the alerts of a rule that its limit suppressed in a period. */
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
      message: `${rule.name}: ${told} alerts published, ${heldBack} more suppressed by the limit`,
    },
  });
  return { kind: 'event', id, offset, subject: limitSubject(severity, rule.name), body, stream: 'WEIR_ALERTS' };
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

function reasonOf(change: Transition | Notice): string | undefined {
  return change.reason ?? (change.kind === 'notice' && change.notice === 'stable' ? 'stable' : undefined);
}

/**
 * The message of the alert at this change: the rule's message with the facts, the parts of the key and the severity filled in. A long text is
 * cut, because a message may contain it a hundred times.
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
