import type { AlertState, Notice, Transition } from '../model/item/alert.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import type { RowStream } from '../model/row-stream.ts';
import { textsOf } from './change-texts.ts';
import { formatTime, MAX_EVENT_BYTES } from './cloud-event.ts';
import type { EventContext } from './event-context.ts';
import { evidenceOf } from './evidence.ts';
import { jsonText, jsonValue } from './json-text.ts';
import { named } from './named.ts';

/** The part of a rule that the event of an alert needs. A `RulePlan` has all of it. */
export type EventRule = Pick<RulePlan, 'name' | 'version' | 'type' | 'severity' | 'params' | 'message' | 'units'> & {
  readonly keying: Pick<RulePlan['keying'], 'per'>;
};

/** The data of the event of an alert. `alertText` makes the same as text, for all but very large ones. */
export function alertData(
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
    message: textsOf(transition, rule).message,
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

/**
 * The text of `alertData` as JSON, byte by byte, without an object for each part: that takes a fraction of the time. Undefined if the facts are
 * too large for an event.
 */
export function alertText(
  change: Transition | Notice,
  state: AlertState,
  rule: EventRule,
  stream: RowStream,
  context: EventContext,
): string | undefined {
  const { key, at, since, from, severity, previousSeverity, flapping, suppressed } = change;
  const { message, facts, conditions } = textsOf(change, rule);
  if (conditions.length + factsLength(facts) > MAX_EVENT_BYTES) return undefined;
  const fixed = fixedTextsOf(rule);
  const reason = reasonOf(change);
  const sinceText = formatTime(since);
  const atText = at === since ? sinceText : formatTime(at);
  const evidence = evidenceOf(change, rule.keying.per, stream, context.database);
  let text = `${fixed.head}"${severity}"`;
  if (previousSeverity !== undefined) text += `,"previousSeverity":"${previousSeverity}"`;
  text += `,"state":"${state}","from":"${from}"`;
  if (reason !== undefined) text += `,"reason":"${reason}"`;
  if (flapping) text += ',"flapping":true';
  if (suppressed !== undefined) text += `,"suppressed":"${suppressed}"`;
  text += `,"key":${jsonText(key.text)},"keyParts":${keyPartsText(rule, key.parts)}`;
  text += `,"since":"${sinceText}","at":"${atText}"`;
  if (state === 'resolved') text += `,"durationMs":${jsonValue(Math.round((at - since) * 1000) / 1000)}`;
  text += `,"message":${jsonText(message)},"facts":${factsText(facts)},"units":${fixed.units}`;
  text += `,"conditions":${conditions},"params":${fixed.params},"evidence":{"sql":${jsonText(evidence.sql)}`;
  if (evidence.with !== undefined) text += `,"with":${jsonText(evidence.with)}`;
  return `${text},"from":"${formatTime(evidence.from)}","to":"${formatTime(evidence.to)}"}}`;
}

/** Texts of a rule that all its events share. */
interface FixedTexts {
  /** The beginning, up to the severity. */
  readonly head: string;
  readonly units: string;
  readonly params: string;
}

const fixedTexts = new WeakMap<EventRule, FixedTexts>();

function fixedTextsOf(rule: EventRule): FixedTexts {
  const known = fixedTexts.get(rule);
  if (known !== undefined) return known;
  const { severity: _severity, message: _message, ...params } = rule.params;
  const { name, version, type } = rule;
  const texts = {
    head: `{"rule":${jsonText(name)},"version":${jsonText(version)},"type":${jsonText(type)},"severity":`,
    units: JSON.stringify(rule.units),
    params: JSON.stringify(params),
  };
  fixedTexts.set(rule, texts);
  return texts;
}

function keyPartsText({ keying: { per } }: EventRule, parts: readonly string[]): string {
  // Of several names, JSON has those that are numbers first, and the last of equal ones.
  if (per.length !== 1) return JSON.stringify(named(per, parts));
  return `{${jsonText(per[0]!)}:${jsonText(parts[0] ?? '')}}`;
}

type FactTexts = ReturnType<typeof textsOf>['facts'];

function factsLength(facts: FactTexts): number {
  let length = 0;
  for (const [name, value] of facts) length += name.length + value.length;
  return length;
}

function factsText(facts: FactTexts): string {
  let text = '';
  for (const [name, value] of facts) text += `${text === '' ? '' : ','}${jsonText(name)}:${value}`;
  return `{${text}}`;
}

function reasonOf(change: Transition | Notice): string | undefined {
  return change.reason ?? (change.kind === 'notice' && change.notice === 'stable' ? 'stable' : undefined);
}
