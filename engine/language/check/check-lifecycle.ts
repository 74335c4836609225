import type { Path } from '../../document/document.ts';
import type { Fault } from '../../document/fault.ts';
import { suggest } from '../../document/suggest.ts';
import { parseDuration } from '../../model/duration.ts';
import { isObject, type JsonObject } from '../../model/json-object.ts';
import { minutesOf } from '../compile/plan-lifecycle.ts';

const SEVERITIES = ['info', 'warning', 'critical'];

/** What is wrong with how a rule's alerts begin, end and are told. Parts that are faulty in themselves are passed over. */
export function checkLifecycle(rule: JsonObject): Fault[] {
  const levels = listOf(rule.levels);
  return [
    ...checkHold(rule.for, ['for']),
    ...levels.flatMap((level, i) => (isObject(level) ? checkHold(level.for, ['levels', i, 'for']) : [])),
    ...checkOrder(levels),
    ...(rule.levels === undefined ? [] : checkBesideLevels(rule)),
    ...(rule.silence === undefined ? [] : checkBesideSilence(rule)),
    ...checkGap(rule),
    ...(Array.isArray(rule.active)
      ? rule.active.flatMap((span, i) => checkSpan(span, ['active', i]))
      : checkSpan(rule.active, ['active'])),
  ];
}

function checkHold(hold: unknown, path: Path): Fault[] {
  if (!isObject(hold)) return [];
  const { matches, of } = hold;
  if (typeof matches !== 'number' || typeof of !== 'number' || matches <= of) return [];
  const message = `${matches} matches cannot be had of ${of} outcomes.`;
  return [fault('bad-value', [...path, 'matches'], message, `Write ${of} at most, or raise \`of\`.`)];
}

/** Levels rise, so that "the highest whose conditions hold" means the worst. */
function checkOrder(levels: readonly unknown[]): Fault[] {
  const ranks = levels.map((level) => (isObject(level) ? SEVERITIES.indexOf(String(level.severity)) : -1));
  return ranks.flatMap((rank, i) => {
    const before = Math.max(...ranks.slice(0, i));
    if (rank < 0 || before < rank) return [];
    const message =
      before === rank
        ? `Two levels are "${SEVERITIES[rank]}".`
        : `"${SEVERITIES[rank]}" comes after "${SEVERITIES[before]}".`;
    const remedy = 'Let each level be worse than the one before it: info, warning, critical.';
    return [fault('bad-order', ['levels', i, 'severity'], message, remedy)];
  });
}

function checkBesideLevels(rule: JsonObject): Fault[] {
  const faults = ['conditions', 'clear']
    .filter((key) => Object.hasOwn(rule, key))
    .map((key) => {
      const message = `\`${key}\` cannot stand beside \`levels\`: each level has its own.`;
      return fault('exclusive-keys', [key], message, `Move \`${key}\` into the level that it belongs to.`, 'key');
    });
  const params = isObject(rule.event) ? rule.event.params : undefined;
  if (isObject(params) && Object.hasOwn(params, 'severity')) {
    const message = '`severity` cannot stand beside `levels`: each level has its own.';
    faults.push(fault('exclusive-keys', ['event', 'params', 'severity'], message, 'Remove `severity`.', 'key'));
  }
  return faults;
}

function checkBesideSilence(rule: JsonObject): Fault[] {
  const faults: Fault[] = [];
  if (isObject(rule.for)) {
    const message = 'A silence is one outcome, which is there or not: there are no matches to count.';
    faults.push(fault('exclusive-keys', ['for'], message, 'Write a duration, or remove `for`.'));
  }
  if (Object.hasOwn(rule, 'resolveAfter')) {
    const message = '`resolveAfter` cannot stand beside `silence`: the gap is what the alert is about.';
    faults.push(fault('exclusive-keys', ['resolveAfter'], message, 'Remove `resolveAfter`.', 'key'));
  }
  return faults;
}

/** A window has one outcome each time it closes, so a shorter gap is no gap. */
function checkGap({ resolveAfter, window }: JsonObject): Fault[] {
  if (typeof resolveAfter !== 'string' || !isObject(window)) return [];
  const step = window.every ?? window.tumbling;
  if (typeof step !== 'string') return [];
  const gapMs = parseDuration(resolveAfter);
  const stepMs = parseDuration(step);
  if (gapMs === undefined || stepMs === undefined || gapMs > stepMs) return [];
  const message = `Windows close every ${step}: after ${resolveAfter} without an outcome, alerts resolve between two of them.`;
  return [{ ...fault('too-short', ['resolveAfter'], message, `Make it longer than ${step}.`), severity: 'warning' }];
}

function checkSpan(span: unknown, path: Path): Fault[] {
  if (!isObject(span)) return [];
  const faults: Fault[] = [];
  const { from = '00:00', to = '24:00', timeZone } = span;
  // One that is no time of day has its fault already.
  if (typeof from === 'string' && from < '24' && typeof to === 'string' && minutesOf(from) === minutesOf(to)) {
    const message = `Hours that begin and end at ${from} are none.`;
    const at = [...path, Object.hasOwn(span, 'to') ? 'to' : 'from'];
    faults.push(fault('bad-value', at, message, 'Leave out `from` and `to` for the whole day.'));
  }
  if (typeof timeZone === 'string' && /^[A-Za-z]/.test(timeZone) && !isTimeZone(timeZone)) {
    const near = suggest(timeZone, ['UTC', ...Intl.supportedValuesOf('timeZone')]);
    const message = `There is no time zone "${timeZone.slice(0, 64)}".`;
    const remedy =
      near === undefined
        ? 'Write its name in the IANA time zone database, like "Europe/Berlin" or "UTC".'
        : `Did you mean "${near}"?`;
    faults.push(fault('unknown-time-zone', [...path, 'timeZone'], message, remedy));
  }
  return faults;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    // That it throws is how it says no.
    return false;
  }
}

function fault(code: string, path: Path, message: string, remedy: string, which: 'key' | 'value' = 'value'): Fault {
  return { code, path, which, message, remedy };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
