import { alertMessage } from '../../delivery/change-texts.ts';
import { ATTRIBUTE_PREFIX } from '../../model/attributes.ts';
import type { Transition } from '../../model/item/alert.ts';
import type { Item } from '../../model/item/item.ts';
import type { Closed, Viewed } from '../../model/item/window-result.ts';
import type { EventOutput } from '../../model/output.ts';
import { viewOf, type WindowRule } from '../../model/plan/rule-plan.ts';
import type { CompiledCase } from './compile-case.ts';
import { formatInstant } from './instants.ts';

/** A result of a case, with the keys that an expectation has. Instants are texts. */
export type Entry = Readonly<Record<string, unknown>>;

/** The sections of expectations, and of the outcome. */
export type Section = 'windows' | 'facts' | 'alerts' | 'events' | 'devices' | 'late' | 'rejected';

/** The outcome of a case: its results by section, in order. */
export type CaseOutcome = Readonly<Record<Section, readonly Entry[]>>;

export const SECTIONS: readonly Section[] = ['windows', 'facts', 'alerts', 'events', 'devices', 'late', 'rejected'];

/** Creates an observer, which collects the outcome from the items of the fold. `startAt`: start of the case, milliseconds since the epoch. */
export function createObserver(
  compiled: CompiledCase,
  startAt: number,
): { readonly outcome: CaseOutcome; see(item: Item): void } {
  const outcome: Record<Section, Entry[]> = {
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
    outcome,
    see(item) {
      switch (item.kind) {
        case 'closed':
          outcome.windows.push(windowEntry(item, compiled, show));
          return;
        case 'viewed':
          outcome.facts.push(factsEntry(item, compiled, show));
          return;
        case 'transition':
          outcome.alerts.push(alertEntry(item, compiled, show));
          return;
        case 'event':
          if (item.stream === 'WEIR_ALERTS' && item.quiet !== true) outcome.events.push(eventEntry(item, startAt));
          return;
        case 'device':
          outcome.devices.push({
            at: show(item.at),
            device: item.device,
            to: item.online ? 'online' : 'offline',
            reason: item.reason,
          });
          return;
        case 'reading':
          // Readings of a derived stream are not messages.
          if (item.late && compiled.plan.streams[item.stream]!.origin.kind === 'devices')
            outcome.late.push({ at: show(item.time), device: item.device });
          return;
        case 'rejected':
          outcome.rejected.push({ at: show(item.at), reason: item.reason });
      }
    },
  };
}

function windowEntry(closed: Closed, { plan, rules }: CompiledCase, show: (at: number) => string): Entry {
  const rule = plan.rules[closed.rule] as WindowRule;
  const own = rules.find(({ name }) => name === rule.name)?.facts ?? {};
  const facts = Object.entries(rule.conditions.facts(closed)).filter(
    // Parts of the key, and attributes of the device, are facts for conditions, but not results of a window.
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
  { plan }: CompiledCase,
  show: (at: number) => string,
): Entry {
  const rule = plan.rules[index]!;
  const facts = viewOf(rule).names.map((name, i) => [name, values[i] ?? null] as const);
  return { rule: rule.name, key: key.text, at: show(end), from: show(start), facts: Object.fromEntries(facts) };
}

function alertEntry(transition: Transition, { plan }: CompiledCase, show: (at: number) => string): Entry {
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

/** The entry of an event, read from its text as a receiver would read it. */
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
