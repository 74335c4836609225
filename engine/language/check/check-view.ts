import type { Fault } from '../../document/fault.ts';
import type { JsonObject } from '../../model/json-object.ts';

/** Keys that say when a rule raises its alert. */
const TRIGGERS = ['conditions', 'levels', 'silence', 'sequence'];

/** Keys about alerts, which have no meaning in a view. */
const ALERT_KEYS = ['for', 'clear', 'keepFiring', 'resolveAfter', 'repeat', 'flapping', 'limit', 'active'];

/**
 * Checks that a rule either has an `event` and says when to raise it, or has no `event` and is a view with nothing but facts. `meant` says
 * whether a mistyped key of the rule most likely means the given key, which then counts as present.
 */
export function checkEvent(rule: JsonObject, meant: (key: string) => boolean): Fault[] {
  const has = (key: string) => Object.hasOwn(rule, key) || meant(key);
  const hasTrigger = TRIGGERS.some(has);
  if (has('event')) return hasTrigger ? [] : [missingTrigger()];
  if (hasTrigger) return [missingEvent()];
  const faults = ALERT_KEYS.filter((key) => Object.hasOwn(rule, key)).map(alertKeyInView);
  // A window without facts is already reported.
  if (!has('facts') && !has('window')) faults.push(emptyRule());
  return faults;
}

function missingTrigger(): Fault {
  const message = 'The rule has an `event`, but does not say when to raise it.';
  const remedy =
    'Add "conditions": {"all": [ … ]}, or "silence": "60s". Or remove `event` to make the rule a view of its facts.';
  return { code: 'missing-key', path: ['conditions'], which: 'key', message, remedy };
}

function missingEvent(): Fault {
  const message = 'The file has no `event`.';
  const remedy = 'Add "event": {"type": "overheating", "params": {"severity": "critical"}}. What the alert says.';
  return { code: 'missing-key', path: ['event'], which: 'key', message, remedy };
}

function emptyRule(): Fault {
  const message = 'The file has neither an `event` nor `facts`.';
  const remedy = 'Add "event" and "conditions" for an alert, or "facts" for a view: {"meanTemp": {"mean": "temp"}}.';
  return { code: 'missing-key', path: ['facts'], which: 'key', message, remedy };
}

function alertKeyInView(key: string): Fault {
  const message = `\`${key}\` is not allowed in a view: a rule without \`event\` has no alerts.`;
  return {
    code: 'exclusive-keys',
    path: [key],
    which: 'key',
    message,
    remedy: `Remove \`${key}\`, or add \`event\` and \`conditions\`.`,
  };
}
