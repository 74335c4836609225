import type { HoppingPlan } from '../model/plan/window-plan.ts';
import { addToPane, factsOf, type Pane, withoutFirst } from './panes.ts';
import { addStraggler, createTwoStacks, evict, isEmpty, push, sumOf, type TwoStacks } from './two-stacks.ts';
import type { WindowKind, WindowOutcome } from './window-kind.ts';

/** The state of a hopping window. A pane has the length of a hop, so a reading is added only once, however many windows it belongs to. */
export interface Hopping {
  /** Panes that belong to no closed window, earliest first. */
  ahead: Pane[];
  /** Panes that belong to the last closed window and also to the next one. */
  readonly entered: TwoStacks;
  /** Every window that ends at or before this instant has closed. -1 before the first reading. */
  closedUpTo: number;
}

/**
 * Windows of one length that begin at a fixed interval, aligned to the epoch. The cost of a reading and of closing a window does not depend on
 * how many windows overlap. A reading that is too late for some of its windows is added to the others.
 */
export const hopping: WindowKind<HoppingPlan, Hopping> = {
  create: () => ({ ahead: [], entered: createTwoStacks(), closedUpTo: -1 }),
  dueAt({ ahead, entered, closedUpTo }, { everyMs }) {
    if (!isEmpty(entered)) return closedUpTo + everyMs;
    const first = ahead[0];
    return first === undefined ? Number.POSITIVE_INFINITY : first.order + everyMs;
  },
  close(state, plan, eventAt, out) {
    for (let end = hopping.dueAt(state, plan); end <= eventAt; end = hopping.dueAt(state, plan)) {
      closeNext(state, plan, end, out);
    }
  },
  pass(state, { everyMs }, eventAt) {
    if (eventAt >= state.closedUpTo + everyMs) state.closedUpTo = Math.floor(eventAt / everyMs) * everyMs;
  },
  add(state, { sizeMs, everyMs, aggregates }, reading) {
    const { ahead, entered, closedUpTo } = state;
    const start = Math.floor(reading.time / everyMs) * everyMs;
    if (start + sizeMs <= closedUpTo) return false;
    if (start + everyMs <= closedUpTo) addStraggler(entered, aggregates, start, everyMs, reading);
    else state.ahead = addToPane(ahead, aggregates, start, everyMs, reading);
    return true;
  },
};

function closeNext(
  state: Hopping,
  { sizeMs, everyMs, aggregates }: HoppingPlan,
  end: number,
  out: WindowOutcome,
): void {
  const { ahead, entered } = state;
  if (ahead[0]?.order === end - everyMs) {
    push(entered, aggregates, ahead[0]);
    state.ahead = withoutFirst(ahead);
  }
  const facts = factsOf(sumOf(entered, aggregates)!, aggregates);
  out.closed.push({ start: end - sizeMs, end, inclusive: false, facts });
  state.closedUpTo = end;
  evict(entered, aggregates, end - sizeMs);
}
