import { durationOf } from '../../model/duration.ts';
import type { LevelPlan, Lifecycle, ScheduleSpan } from '../../model/plan/lifecycle-plan.ts';
import { type ActiveSpec, type HoldSpec, type RuleFile, WEEKDAYS } from '../../model/rule.ts';

/** Plans how the results of a rule without faults become alerts. A silence rule has no `for`: its `for` makes the silence longer. */
export function planLifecycle(rule: RuleFile): Lifecycle {
  const { silence, keepFiring, resolveAfter, repeat, flapping, limit, active = [] } = rule;
  const severity = rule.event?.params?.severity ?? 'warning';
  const levels = rule.levels?.map((level): LevelPlan => {
    return { severity: level.severity, hold: planHold(level.for ?? rule.for) };
  });
  return {
    levels: levels ?? [{ severity, hold: planHold(silence === undefined ? rule.for : undefined) }],
    keepFiringMs: durationOrZero(keepFiring),
    resolveAfterMs: durationOrZero(resolveAfter),
    repeatMs: durationOrZero(repeat),
    flapping: flapping && { changes: flapping.changes, withinMs: durationOf(flapping.within) },
    limit: limit && { alerts: limit.alerts, perMs: durationOf(limit.per) },
    active: (isList(active) ? active : [active]).map(planSpan),
  };
}

/** How long a device must be silent to raise the alert of a silence rule, in milliseconds. */
export function planSilence({ silence, for: hold }: RuleFile): number {
  return durationOrZero(silence) + durationOrZero(typeof hold === 'string' ? hold : undefined);
}

/** Converts `HH:MM` to minutes since midnight. */
export function minutesOf(clock: string): number {
  const [hours, minutes] = clock.split(':');
  return Number(hours) * 60 + Number(minutes);
}

function planHold(hold: HoldSpec | undefined): LevelPlan['hold'] {
  return typeof hold === 'object' ? hold : { forMs: durationOrZero(hold) };
}

function planSpan({ days = WEEKDAYS, from = '00:00', to = '24:00', timeZone }: ActiveSpec): ScheduleSpan {
  return { days: WEEKDAYS.map((day) => days.includes(day)), from: minutesOf(from), to: minutesOf(to), timeZone };
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

/** Milliseconds of a duration; 0 if there is none. */
function durationOrZero(text: string | undefined): number {
  return text === undefined ? 0 : durationOf(text);
}
