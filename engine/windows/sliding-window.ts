import { MAX_PANES, type SlidingPlan } from '../model/plan/window-plan.ts';
import { inOrder } from './in-order.ts';
import { addValues, createPane, factsOf } from './panes.ts';
import { createTwoStacks, evict, push, sumOf, type TwoStacks } from './two-stacks.ts';

/**
 * At each reading, the readings of the window's length: at time `t`, the window is (t − length, t].
 *
 * Readings closer together than a 3,600th of the length share a pane. They leave the window together, when the latest of them does. This bounds
 * the state of a key at any rate. With fewer readings, the window is exact.
 */
export const sliding = inOrder<SlidingPlan, TwoStacks>({
  create: createTwoStacks,
  take(stacks, { sizeMs, aggregates }, { time, values }, out) {
    evict(stacks, aggregates, time - sizeMs);
    const slotMs = sizeMs / MAX_PANES;
    const newest = stacks.back.at(-1);
    if (newest !== undefined && Math.floor(newest.from / slotMs) === Math.floor(time / slotMs)) {
      newest.order = time;
      addValues(newest, aggregates, time, values);
      addValues(stacks.total!, aggregates, time, values);
    } else {
      const pane = createPane(aggregates, time, time, time);
      addValues(pane, aggregates, time, values);
      push(stacks, aggregates, pane);
    }
    const sum = sumOf(stacks, aggregates)!;
    out.closed.push({ start: sum.from, end: time, inclusive: true, facts: factsOf(sum, aggregates) });
  },
});
