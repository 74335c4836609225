import type { TumblingPlan } from '../model/plan/window-plan.ts';
import { addToPane, factsOf, type Pane, withoutFirst } from './panes.ts';
import type { WindowKind } from './window-kind.ts';

/** The state of a tumbling window. */
export interface Tumbling {
  /** The open windows, earliest first. */
  panes: Pane[];
  /** Every window that ends at or before this instant has closed. -1 before the first reading. */
  closedUpTo: number;
}

/** Windows of one length, one after the other. They are aligned to the epoch, so the windows of all keys have the same bounds. */
export const tumbling: WindowKind<TumblingPlan, Tumbling> = {
  create: () => ({ panes: [], closedUpTo: -1 }),
  dueAt({ panes }, { sizeMs }) {
    const first = panes[0];
    return first === undefined ? Number.POSITIVE_INFINITY : first.order + sizeMs;
  },
  close(state, plan, eventAt, out) {
    for (let end = tumbling.dueAt(state, plan); end <= eventAt; end = tumbling.dueAt(state, plan)) {
      const facts = factsOf(state.panes[0]!, plan.aggregates);
      state.panes = withoutFirst(state.panes);
      out.closed.push({ start: end - plan.sizeMs, end, inclusive: false, facts });
      state.closedUpTo = end;
    }
  },
  pass(state, { sizeMs }, eventAt) {
    if (eventAt >= state.closedUpTo + sizeMs) state.closedUpTo = Math.floor(eventAt / sizeMs) * sizeMs;
  },
  add(state, { sizeMs, aggregates }, reading) {
    const start = Math.floor(reading.time / sizeMs) * sizeMs;
    if (start + sizeMs <= state.closedUpTo) return false;
    state.panes = addToPane(state.panes, aggregates, start, sizeMs, reading);
    return true;
  },
};
