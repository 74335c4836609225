import type { StatePlan } from '../model/plan/window-plan.ts';
import { inOrder, type WaitingReading } from './in-order.ts';
import { addValues, createPane, factsOf, type Pane } from './panes.ts';

/** The window that is open. */
export interface Spell {
  open: Pane | null;
}

const OPENS = 1;
const CLOSES = 2;

/**
 * From a reading that meets one condition to the next one that meets another, both included; or for its longest length. The reading
 * that opens a window does not close it, and the one that closes it opens no other.
 */
export const state = inOrder<StatePlan, Spell>({
  create: () => ({ open: null }),
  restart: () => ({ open: null }),
  byArrival: (plan) => plan.byArrival,
  flags: (plan, reading) => (plan.from(reading) ? OPENS : 0) | (plan.until(reading) ? CLOSES : 0),
  take(spell, { aggregates }, entry, out) {
    if (spell.open === null) {
      if (has(entry, OPENS)) spell.open = createPane(aggregates, 0, entry.time, entry.time);
      if (spell.open !== null) addValues(spell.open, aggregates, entry.time, entry.values);
      return;
    }
    const { open } = spell;
    addValues(open, aggregates, entry.time, entry.values);
    if (!has(entry, CLOSES)) return;
    out.closed.push({ start: open.from, end: open.to, inclusive: true, facts: factsOf(open, aggregates) });
    spell.open = null;
  },
  dueAt: ({ open }, { maxMs }) => (open === null ? Number.POSITIVE_INFINITY : open.from + maxMs),
  closeDue(spell, { maxMs, aggregates }, out) {
    const open = spell.open!;
    out.closed.push({ start: open.from, end: open.from + maxMs, inclusive: false, facts: factsOf(open, aggregates) });
    spell.open = null;
  },
});

function has({ flags }: WaitingReading, flag: number): boolean {
  return (flags & flag) !== 0;
}
