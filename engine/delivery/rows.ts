import type { Transition } from '../model/item/alert.ts';
import type { Rejected } from '../model/item/decoded.ts';
import type { DeviceChange, Gap } from '../model/item/devices.ts';
import type { Viewed } from '../model/item/window-result.ts';
import type { EventOutput } from '../model/output.ts';
import type { Plan } from '../model/plan/plan.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import type { JournalRecord } from '../model/record.ts';
import { textsOf } from './change-texts.ts';
import { rowBounds } from './evidence.ts';
import { sourceOf } from './source.ts';

/** The row of the `alerts` table, with values in the order of its columns. */
export function alertRow(transition: Transition, plan: Plan): unknown[] {
  const { rule, stream } = sourceOf(transition, plan);
  const { key } = transition;
  const { message, facts, conditions } = textsOf(transition, rule);
  const evidence = rowBounds(transition.evidence, stream);
  const device = rule.keying.per.indexOf('device');
  return [
    transition.id,
    transition.at,
    rule.name,
    rule.version,
    transition.severity,
    transition.from,
    transition.to,
    stream.name,
    key.text,
    device < 0 ? '' : key.parts[device],
    transition.since,
    message,
    Object.fromEntries(facts),
    conditions,
    evidence.from,
    evidence.to,
    transition.offset,
    transition.previousSeverity ?? '',
    transition.reason ?? '',
    transition.suppressed ?? '',
  ];
}

/** The row of the `facts` table; a fact without a value is in neither of its maps. */
export function factsRow(viewed: Viewed, rule: RulePlan, names: readonly string[]): unknown[] {
  const numbers: [string, number][] = [];
  const texts: [string, string][] = [];
  viewed.values.forEach((value, i) => {
    if (typeof value === 'string') texts.push([names[i]!, value]);
    else if (value !== undefined) numbers.push([names[i]!, Number(value)]);
  });
  const { end, start, key, offset, id } = viewed;
  const labels = Object.fromEntries(rule.keying.per.map((name, i) => [name, key.parts[i] ?? '']));
  const [facts, words] = [Object.fromEntries(numbers), Object.fromEntries(texts)];
  return [end, start, rule.name, rule.version, key.text, labels, facts, words, offset, id];
}

/** The row of the `devices` table. For a device that was never seen before, `last_seen` is the time of the change. */
export function deviceRow(change: DeviceChange, plan: Plan): unknown[] {
  const { at, lastSeenAt } = change;
  return [
    at,
    plan.streams[change.stream]!.name,
    change.device,
    change.online,
    change.reason,
    lastSeenAt < 0 ? at : lastSeenAt,
    change.offset,
  ];
}

/** The row of the `gaps` table. */
export function gapRow({ at, broker, reason, from, offset }: Gap): unknown[] {
  return [at, broker, reason, from, at, offset];
}

/** The row of the `dead_letters` table; its `id` distinguishes several rejections of one message. */
export function deadLetterRow(rejected: Rejected, plan: Plan): unknown[] {
  const stream = rejected.stream < 0 ? '' : plan.streams[rejected.stream]!.name;
  const { at, topic, reason, detail, payload, offset, ordinal } = rejected;
  return [at, at, stream, topic, reason, detail, payload, offset, ordinal, undefined];
}

/** The row of the `dead_letters` table for an event that NATS refuses. The payload is the event. */
export function undeliverableRow({ id, offset, subject, body }: EventOutput, detail: string): unknown[] {
  const at = Date.parse((JSON.parse(body) as { time: string }).time);
  return [at, at, '', subject, 'undeliverable', detail, Buffer.from(body), offset, textHash(id), undefined];
}

/** FNV-1a, 32 bit (Fowler, Noll, Vo). */
function textHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** The row of the `dead_letters` table for a row that ClickHouse refused. `record` is the record that caused the row, if it is known. */
export function refusedRow(table: string, detail: string, record: JournalRecord | undefined): unknown[] {
  const at = record?.at ?? 0;
  const message = record?.kind === 'message' ? record : undefined;
  const payload = message?.payload ?? '';
  return [
    at,
    at,
    table,
    message?.topic ?? '',
    'refused',
    detail,
    payload,
    record?.offset ?? 0,
    textHash(`${table} ${detail}`),
    undefined,
  ];
}
