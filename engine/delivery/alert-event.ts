import type { Notice, Overflow, Transition } from '../model/item/alert.ts';
import type { EventOutput } from '../model/output.ts';
import type { RowStream } from '../model/row-stream.ts';
import { alertData, alertText, type EventRule } from './alert-data.ts';
import { cloudEvent, cloudEventOf, formatTime } from './cloud-event.ts';
import type { EventContext } from './event-context.ts';
import { alertSubject, kvToken, limitSubject } from './subjects.ts';

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
  const attributes = {
    id,
    instance: context.instance,
    type: `weir.alert.${eventKind(transition)}`,
    subject: key.text,
    time: at,
  };
  const text = alertText(transition, state, rule, stream, context);
  const body =
    (text && cloudEventOf(attributes, text)) ??
    // It must be made shorter.
    cloudEvent({ ...attributes, data: alertData(transition, state, rule, stream, context) });
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
