import type { StatePlan } from '../model/plan/window-plan.ts';
import { inOrder, type WaitingReading } from './in-order.ts';
import { addValues, createPane, factsOf, type Pane } from './panes.ts';

/** The state of a state window: the open window, if there is one. */
export interface OpenState {
  open: Pane | null;
}

const OPENS = 1;
const CLOSES = 2;

/**
 * From a reading that meets one condition to the next reading that meets another, both included; at most for `maxMs`. The reading
 * that opens a window does not close it, and the reading that closes it opens no other.
 */
export const stateWindow = inOrder<StatePlan, OpenState>({
  create: () => ({ open: null }),
  restart: () => ({ open: null }),
  byArrival: (plan) => plan.byArrival,
  flags: (plan, reading) => (plan.from(reading) ? OPENS : 0) | (plan.until(reading) ? CLOSES : 0),
  take(current, { aggregates }, entry, out) {
    if (current.open === null) {
      if (has(entry, OPENS)) current.open = createPane(aggregates, 0, entry.time, entry.time);
      if (current.open !== null) addValues(current.open, aggregates, entry.time, entry.values);
      return;
    }
    const { open } = current;
    addValues(open, aggregates, entry.time, entry.values);
    if (!has(entry, CLOSES)) return;
    out.closed.push({ start: open.from, end: open.to, inclusive: true, facts: factsOf(open, aggregates) });
    current.open = null;
  },
  dueAt: ({ open }, { maxMs }) => (open === null ? Number.POSITIVE_INFINITY : open.from + maxMs),
  closeDue(current, { maxMs, aggregates }, out) {
    const open = current.open!;
    out.closed.push({ start: open.from, end: open.from + maxMs, inclusive: false, facts: factsOf(open, aggregates) });
    current.open = null;
  },
});

function has({ flags }: WaitingReading, flag: number): boolean {
  return (flags & flag) !== 0;
}
