import type { CountPlan } from '../model/plan/window-plan.ts';
import { inOrder } from './in-order.ts';
import { addValues, createPane, factsOf, type Pane } from './panes.ts';
import { createTwoStacks, evict, push, sumOf, type TwoStacks } from './two-stacks.ts';

/** Panes of as many readings as divides both the length and the hop. */
export interface Count {
  readonly full: TwoStacks;
  filling: Pane | null;
  /** Readings in the pane that is filling. */
  filled: number;
  /** Panes filled so far. */
  panes: number;
}

/**
 * So many readings, every so many: the first window closes with the reading that makes it full, and one more after every hop.
 * Nothing closes with time: the readings of a key that has gone quiet stay where they are until more come.
 */
export const count = inOrder<CountPlan, Count>({
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
