import { alertMessage } from '../../delivery/alert-event.ts';
import { ATTRIBUTE_PREFIX } from '../../model/attributes.ts';
import type { Transition } from '../../model/item/alert.ts';
import type { Item } from '../../model/item/item.ts';
import type { Closed, Viewed } from '../../model/item/window-result.ts';
import type { EventOutput } from '../../model/output.ts';
import { viewOf, type WindowRule } from '../../model/plan/rule-plan.ts';
import { formatInstant } from './instants.ts';
import type { Stage } from './stage.ts';

/** Something that happened, by the keys under which a case expects it; instants as texts. */
export type Entry = Readonly<Record<string, unknown>>;

export type Section = 'windows' | 'facts' | 'alerts' | 'events' | 'devices' | 'late' | 'rejected';

/** Everything that a case may expect, as it happened. */
export type CaseOutcome = Readonly<Record<Section, readonly Entry[]>>;

export const SECTIONS: readonly Section[] = ['windows', 'facts', 'alerts', 'events', 'devices', 'late', 'rejected'];

/** Makes what takes down what happens; `startAt` is milliseconds since the epoch. */
export function createObserver(stage: Stage, startAt: number): { readonly course: CaseOutcome; see(item: Item): void } {
  const course: Record<Section, Entry[]> = {
    windows: [],
    facts: [],
    alerts: [],
    events: [],
    devices: [],
    late: [],
    rejected: [],
  };
  const show = (at: number) => formatInstant(at - startAt);
  return {
    course,
    see(item) {
      switch (item.kind) {
        case 'closed':
          course.windows.push(windowEntry(item, stage, show));
          return;
        case 'viewed':
          course.facts.push(factsEntry(item, stage, show));
          return;
        case 'transition':
          course.alerts.push(alertEntry(item, stage, show));
          return;
        case 'event':
          if (item.stream === 'WEIR_ALERTS' && item.quiet !== true) course.events.push(eventEntry(item, startAt));
          return;
        case 'device':
          course.devices.push({
            at: show(item.at),
            device: item.device,
            to: item.online ? 'online' : 'offline',
            reason: item.reason,
          });
          return;
        case 'reading':
          // Of a derived stream, readings are no messages.
          if (item.late && stage.plan.streams[item.stream]!.origin.kind === 'devices')
            course.late.push({ at: show(item.time), device: item.device });
          return;
        case 'rejected':
          course.rejected.push({ at: show(item.at), reason: item.reason });
      }
    },
  };
}

function windowEntry(closed: Closed, { plan, rules }: Stage, show: (at: number) => string): Entry {
  const rule = plan.rules[closed.rule] as WindowRule;
  const own = rules.find(({ name }) => name === rule.name)?.facts ?? {};
  const facts = Object.entries(rule.conditions.facts(closed)).filter(
    // The parts of the key and attributes of the device are facts of conditions, but no news of a window.
    ([name]) => Object.hasOwn(own, name) || !(rule.keying.per.includes(name) || name.startsWith(ATTRIBUTE_PREFIX)),
  );
  return {
    rule: rule.name,
    key: closed.key.text,
    from: show(closed.start),
    to: show(closed.end),
    closed: show(closed.receivedAt),
    facts: Object.fromEntries(facts),
  };
}

function factsEntry(
  { rule: index, key, start, end, values }: Viewed,
  { plan }: Stage,
  show: (at: number) => string,
): Entry {
  const rule = plan.rules[index]!;
  const facts = viewOf(rule).names.map((name, i) => [name, values[i] ?? null] as const);
  return { rule: rule.name, key: key.text, at: show(end), from: show(start), facts: Object.fromEntries(facts) };
}

function alertEntry(transition: Transition, { plan }: Stage, show: (at: number) => string): Entry {
  const { key, from, to, severity, previousSeverity, at, since, recordedAt, facts, evidence, reason, suppressed } =
    transition;
  const rule = plan.rules[transition.rule]!;
  return {
    rule: rule.name,
    key: key.text,
    at: show(at),
    from,
    to,
    severity,
    ...(previousSeverity !== undefined && { previousSeverity }),
    since: show(since),
    recorded: show(recordedAt),
    message: alertMessage(transition, rule),
    ...(reason !== undefined && { reason }),
    ...(suppressed !== undefined && { suppressed }),
    facts,
    evidence: { from: show(evidence.from), to: show(evidence.to) },
  };
}

const TYPE = 'weir.alert.';

/** Milliseconds of an RFC 3339 text in UTC, with its microseconds. */
function instantOf(time: string): number {
  const [, micros = '0'] = /\.\d{3}(\d{3})Z$/.exec(time) ?? [];
  return Date.parse(time) + Number(micros) / 1000;
}

/** From its text, as whoever receives it. */
function eventEntry({ body }: EventOutput, startAt: number): Entry {
  const { type, time, data } = JSON.parse(body) as { type: string; time: string; data: Record<string, unknown> };
  const { rule, key, severity, message, reason, told, heldBack, keys } = data;
  return {
    rule,
    key: key ?? '',
    at: formatInstant(instantOf(time) - startAt),
    type: type.slice(TYPE.length),
    severity,
    message,
    ...(reason !== undefined && { reason }),
    ...(told !== undefined && { told, heldBack, keys }),
  };
}
