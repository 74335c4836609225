import type { SessionPlan } from '../model/plan/window-plan.ts';
import { inOrder } from './in-order.ts';
import { addValues, createPane, factsOf, type Pane } from './panes.ts';

/** The state of a session window: the open session, from its first reading to its last. */
export interface OpenSession {
  open: Pane | null;
  /** End of the previous session; -1: there was none. */
  closedUpTo: number;
}

/**
 * Readings with less than the gap between each and the next. A session ends one gap after its last reading, and at the latest `maxMs` after its
 * first. The next reading opens another session. Readings wait for older ones during the lateness, so a reading between two groups of readings
 * joins them into one session, in any order of arrival. A reading that comes even later is added if its session is still open.
 */
export const session = inOrder<SessionPlan, OpenSession>({
  create: () => ({ open: null, closedUpTo: -1 }),
  take(state, { aggregates }, { time, values }) {
    state.open ??= createPane(aggregates, 0, time, time);
    addValues(state.open, aggregates, time, values);
  },
  takeLate(state, plan, entry, passedAt) {
    const { time, values } = entry;
    const { open } = state;
    if (time < state.closedUpTo || (open !== null && time + plan.gapMs <= open.from)) return false;
    // It opens a session, or makes the open one begin earlier, only if that session would not have closed by now.
    const from = Math.min(time, open?.from ?? time);
    if (endOf({ from, to: Math.max(time, open?.to ?? time) }, plan) <= passedAt) return false;
    state.open ??= createPane(plan.aggregates, 0, time, time);
    addValues(state.open, plan.aggregates, time, values);
    return true;
  },
  dueAt: ({ open }, plan) => (open === null ? Number.POSITIVE_INFINITY : endOf(open, plan)),
  closeDue(state, plan, out) {
    const open = state.open!;
    const end = endOf(open, plan);
    out.closed.push({ start: open.from, end, inclusive: false, facts: factsOf(open, plan.aggregates) });
    state.closedUpTo = end;
    state.open = null;
  },
});

function endOf({ from, to }: Pick<Pane, 'from' | 'to'>, { gapMs, maxMs }: SessionPlan): number {
  return Math.min(to + gapMs, from + maxMs);
}
