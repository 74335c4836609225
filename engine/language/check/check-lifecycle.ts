import type { Path } from '../../document/document.ts';
import type { Fault } from '../../document/fault.ts';
import { suggest } from '../../document/suggest.ts';
import { parseDuration } from '../../model/duration.ts';
import { isObject, type JsonObject } from '../../model/json-object.ts';
import { minutesOf } from '../compile/plan-lifecycle.ts';

const SEVERITIES = ['info', 'warning', 'critical'];

/** Checks the keys that say when alerts begin, end and are published. Values with faults of structure are skipped. */
export function checkLifecycle(rule: JsonObject): Fault[] {
  const levels = listOf(rule.levels);
  return [
    ...checkHold(rule.for, ['for']),
    ...levels.flatMap((level, i) => (isObject(level) ? checkHold(level.for, ['levels', i, 'for']) : [])),
    ...checkOrder(levels),
    ...(rule.levels === undefined ? [] : checkLevelsAlone(rule)),
    ...(rule.silence === undefined ? [] : checkSilenceAlone(rule)),
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
  const message = `${matches} matches are not possible in ${of} results.`;
  return [fault('bad-value', [...path, 'matches'], message, `Write at most ${of}, or increase \`of\`.`)];
}

/** Levels must rise: the alert takes the last level whose conditions hold, which must be the most severe. */
function checkOrder(levels: readonly unknown[]): Fault[] {
  const ranks = levels.map((level) => (isObject(level) ? SEVERITIES.indexOf(String(level.severity)) : -1));
  return ranks.flatMap((rank, i) => {
    const before = Math.max(...ranks.slice(0, i));
    if (rank < 0 || before < rank) return [];
    const message =
      before === rank
        ? `Two levels have the severity "${SEVERITIES[rank]}".`
        : `The level "${SEVERITIES[rank]}" comes after the level "${SEVERITIES[before]}".`;
    const remedy = 'Write each level once, in rising order: info, warning, critical.';
    return [fault('bad-order', ['levels', i, 'severity'], message, remedy)];
  });
}

function checkLevelsAlone(rule: JsonObject): Fault[] {
  const faults = ['conditions', 'clear']
    .filter((key) => Object.hasOwn(rule, key))
    .map((key) => {
      const message = `\`${key}\` cannot be combined with \`levels\`: each level has its own.`;
      return fault('exclusive-keys', [key], message, `Move \`${key}\` into the level that it belongs to.`, 'key');
    });
  const params = isObject(rule.event) ? rule.event.params : undefined;
  if (isObject(params) && Object.hasOwn(params, 'severity')) {
    const message = '`severity` cannot be combined with `levels`: each level has its own.';
    faults.push(fault('exclusive-keys', ['event', 'params', 'severity'], message, 'Remove `severity`.', 'key'));
  }
  return faults;
}

function checkSilenceAlone(rule: JsonObject): Fault[] {
  const faults: Fault[] = [];
  if (isObject(rule.for)) {
    const message = '`silence` has no results that could be counted, so `for` cannot be a number of matches.';
    faults.push(fault('exclusive-keys', ['for'], message, 'Write a duration, or remove `for`.'));
  }
  if (Object.hasOwn(rule, 'resolveAfter')) {
    const message = '`resolveAfter` cannot be combined with `silence`: that alert is open because no readings come.';
    faults.push(fault('exclusive-keys', ['resolveAfter'], message, 'Remove `resolveAfter`.', 'key'));
  }
  return faults;
}

/** Warns of a `resolveAfter` that is not longer than the interval of the windows: there is no result in between. */
function checkGap({ resolveAfter, window }: JsonObject): Fault[] {
  if (typeof resolveAfter !== 'string' || !isObject(window)) return [];
  const step = window.every ?? window.tumbling;
  if (typeof step !== 'string') return [];
  const gapMs = parseDuration(resolveAfter);
  const stepMs = parseDuration(step);
  if (gapMs === undefined || stepMs === undefined || gapMs > stepMs) return [];
  const message = `Windows close every ${step}, so with a \`resolveAfter\` of ${resolveAfter} alerts resolve between two windows.`;
  return [{ ...fault('too-short', ['resolveAfter'], message, `Make it longer than ${step}.`), severity: 'warning' }];
}

function checkSpan(span: unknown, path: Path): Fault[] {
  if (!isObject(span)) return [];
  const faults: Fault[] = [];
  const { from = '00:00', to = '24:00', timeZone } = span;
  // A text that is not a time of day is already reported.
  if (typeof from === 'string' && from < '24' && typeof to === 'string' && minutesOf(from) === minutesOf(to)) {
    const message = `The hours begin and end at ${from}, so they are empty.`;
    const at = [...path, Object.hasOwn(span, 'to') ? 'to' : 'from'];
    faults.push(fault('bad-value', at, message, 'Change one of them, or remove `from` and `to` for the whole day.'));
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
    // An unknown time zone throws.
    return false;
  }
}

function fault(code: string, path: Path, message: string, remedy: string, which: 'key' | 'value' = 'value'): Fault {
  return { code, path, which, message, remedy };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
