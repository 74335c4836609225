import type { CountPlan } from '../model/plan/window-plan.ts';
import { inOrder } from './in-order.ts';
import { addValues, createPane, factsOf, type Pane } from './panes.ts';
import { createTwoStacks, evict, push, sumOf, type TwoStacks } from './two-stacks.ts';

/** The state of a count window. A pane has as many readings as the greatest common divisor of length and hop. */
export interface Count {
  readonly full: TwoStacks;
  filling: Pane | null;
  /** Number of readings in the pane that is filling. */
  filled: number;
  /** Number of panes filled so far. */
  panes: number;
}

/**
 * Windows of a number of readings: the first closes with the reading that fills it, the next after every hop. Time closes no window: the
 * readings of a quiet key stay in the state until more arrive.
 */
export const countWindow = inOrder<CountPlan, Count>({
  create: () => ({ full: createTwoStacks(), filling: null, filled: 0, panes: 0 }),
  restart: () => ({ full: createTwoStacks(), filling: null, filled: 0, panes: 0 }),
  byArrival: (plan) => plan.byArrival,
  take(state, { size, every, paneSize, aggregates }, { time, values }, out) {
    state.filling ??= createPane(aggregates, state.panes, time, time);
    addValues(state.filling, aggregates, time, values);
    state.filled += 1;
    if (state.filled < paneSize) return;
    push(state.full, aggregates, state.filling);
    state.filling = null;
    state.filled = 0;
    state.panes += 1;
    const beyond = state.panes * paneSize - size;
    if (beyond < 0 || beyond % every !== 0) return;
    const sum = sumOf(state.full, aggregates)!;
    out.closed.push({ start: sum.from, end: sum.to, inclusive: true, facts: factsOf(sum, aggregates) });
    evict(state.full, aggregates, (beyond + every) / paneSize - 1);
  },
});
