import type { SessionPlan } from '../model/plan/window-plan.ts';
import { inOrder } from './in-order.ts';
import { addValues, createPane, factsOf, type Pane } from './panes.ts';

/** The session that is open, from its first reading to its last. */
export interface OpenSession {
  open: Pane | null;
  /** End of the session before it. -1 where there was none. */
  closedUpTo: number;
}

/**
 * Readings with less than the gap between one and the next. A session ends one gap after its last reading, and at its longest length
 * after its first; the next reading opens another. As readings wait for older ones for the lateness, one that stands between two groups of
 * others makes them one session, in whatever order they come. Even later, a reading is taken if its session is still open.
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
    // It opens a session, or lets the open one begin earlier, only where that would not have closed by now.
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
