import type { Fault } from '../../document/fault.ts';
import type { JsonObject } from '../../model/json-object.ts';

/** By which a rule says when to raise its alert. */
const JUDGES = ['conditions', 'levels', 'silence', 'sequence'];

/** What is said of an alert, and so means nothing where there is none. */
const OF_ALERTS = ['for', 'clear', 'keepFiring', 'resolveAfter', 'repeat', 'flapping', 'limit', 'active'];

/**
 * What is wrong with a rule in respect of its `event`: it has one and says when, or has none, and is a view of facts alone. `meant` tells
 * that a mistyped key stands for one; what such a rule lacks is not certain.
 */
export function checkEvent(rule: JsonObject, meant: (key: string) => boolean): Fault[] {
  const has = (key: string) => Object.hasOwn(rule, key) || meant(key);
  const judges = JUDGES.some(has);
  if (has('event')) return judges ? [] : [neither()];
  if (judges) return [noEvent()];
  const faults = OF_ALERTS.filter((key) => Object.hasOwn(rule, key)).map(alertless);
  // Of a window without facts that is told already.
  if (!has('facts') && !has('window')) faults.push(nothing());
  return faults;
}

function neither(): Fault {
  const message = 'The rule says neither `conditions` nor `silence`.';
  const remedy =
    'Add "conditions": {"all": [ … ]}, or "silence": "60s"; or drop `event` to make it a view of its facts.';
  return { code: 'missing-key', path: ['conditions'], which: 'key', message, remedy };
}

function noEvent(): Fault {
  const message = 'The file has no `event`.';
  const remedy = 'Add "event": {"type": "overheating", "params": {"severity": "critical"}}. What the alert says.';
  return { code: 'missing-key', path: ['event'], which: 'key', message, remedy };
}

function nothing(): Fault {
  const message = 'The file has neither an `event` nor `facts`.';
  const remedy = 'Add "event" and "conditions" for an alert, or "facts" for a view: {"meanTemp": {"mean": "temp"}}.';
  return { code: 'missing-key', path: ['facts'], which: 'key', message, remedy };
}

function alertless(key: string): Fault {
  const message = `\`${key}\` cannot stand in a view: a rule without \`event\` has no alerts.`;
  return {
    code: 'exclusive-keys',
    path: [key],
    which: 'key',
    message,
    remedy: `Remove \`${key}\`, or add \`event\` and \`conditions\`.`,
  };
}
