import { alertEvent, overflowEvent } from '../delivery/alert-event.ts';
import type { EventContext } from '../delivery/event-context.ts';
import { deadLetterEvent, deviceEvent, factsEvent, gapEvent } from '../delivery/events.ts';
import { sourceOf } from '../delivery/source.ts';
import type { Plan } from '../model/plan/plan.ts';
import { viewOf } from '../model/plan/rule-plan.ts';
import { lift } from './lift.ts';

/** Adds the event of each item that has one: a change of an alert or device, a result of a view, an overflow, a gap, or a dead letter. */
export const publish = (plan: Plan, context: EventContext) =>
  lift((item, out) => {
    out.push(item);
    if (item.kind === 'transition' || item.kind === 'notice') {
      const { rule, stream } = sourceOf(item, plan);
      const event = alertEvent(item, rule, stream, context);
      if (event !== undefined) out.push(event);
    } else if (item.kind === 'viewed') {
      const rule = plan.rules[item.rule]!;
      out.push(factsEvent(item, rule, viewOf(rule).names, context));
    } else if (item.kind === 'overflow') {
      out.push(overflowEvent(item, plan.rules[item.rule]!, context));
    } else if (item.kind === 'device') {
      out.push(deviceEvent(item, plan.streams[item.stream]!, context));
    } else if (item.kind === 'gap') {
      out.push(gapEvent(item, context));
    } else if (item.kind === 'rejected') {
      out.push(deadLetterEvent(item, plan.streams[item.stream]?.name, context));
    }
  });
