import type { WindowPlan } from '../model/plan.ts';
import type { FieldValue, Reading } from '../model/reading.ts';

/** The readings of one stretch of event time [start, start + paneMs), summed up. */
export interface Pane {
  readonly start: number;
  readonly accumulators: unknown[];
}

/** The open panes of one rule for one key, earliest first. Plain data: a snapshot as JSON keeps all of it. */
export interface WindowState {
  readonly panes: Pane[];
  /** Every window that ends at or before this instant has closed. -1 before the first reading. */
  closedUpTo: number;
}

export function createWindowState(): WindowState {
  return { panes: [], closedUpTo: -1 };
}

/**
 * Takes a reading into its pane. False where every window it belongs to has closed already: it is late, and nothing changes.
 * Panes are aligned to the epoch, so that every key's windows have the same bounds.
 */
export function addToPanes(state: WindowState, plan: WindowPlan, reading: Reading): boolean {
  const start = Math.floor(reading.time / plan.paneMs) * plan.paneMs;
  if (start + plan.paneMs * plan.panes <= state.closedUpTo) return false;
  const pane = paneAt(state.panes, start) ?? openPane(state.panes, start, plan);
  const { aggregates } = plan;
  for (let i = 0; i < aggregates.length; i++) {
    const { aggregate, field } = aggregates[i]!;
    const value = field < 0 ? true : reading.values[field];
    if (value !== undefined) aggregate.add(pane.accumulators[i], value, reading.time);
  }
  return true;
}

/** Readings come nearly in order, so the pane is nearly always the last one. */
function paneAt(panes: readonly Pane[], start: number): Pane | undefined {
  for (let i = panes.length - 1; i >= 0; i--) {
    const pane = panes[i]!;
    if (pane.start === start) return pane;
    if (pane.start < start) return undefined;
  }
  return undefined;
}

function openPane(panes: Pane[], start: number, plan: WindowPlan): Pane {
  const pane: Pane = { start, accumulators: plan.aggregates.map(({ aggregate }) => aggregate.create()) };
  let at = panes.length;
  while (at > 0 && panes[at - 1]!.start > start) at -= 1;
  panes.splice(at, 0, pane);
  return pane;
}

/** End of the earliest window that is still open, in event time; Infinity where no pane is open. */
export function nextEnd(state: WindowState, plan: WindowPlan): number {
  const first = state.panes[0];
  if (first === undefined) return Number.POSITIVE_INFINITY;
  const earliest = first.start + plan.paneMs;
  return earliest > state.closedUpTo ? earliest : state.closedUpTo + plan.paneMs;
}

/**
 * Closes the earliest open window: gives its facts and forgets the panes that no later window needs.
 * Call it while `nextEnd(…)` has been passed by the watermark less the lateness.
 */
export function closeNext(
  state: WindowState,
  plan: WindowPlan,
): { start: number; end: number; facts: (FieldValue | undefined)[] } {
  const end = nextEnd(state, plan);
  const start = end - plan.paneMs * plan.panes;
  const facts = plan.panes === 1 ? takeFacts(state, plan) : mergeFacts(state, plan, end);
  state.closedUpTo = end;
  while (state.panes.length > 0 && state.panes[0]!.start + plan.paneMs * plan.panes <= end) state.panes.shift();
  return { start, end, facts };
}

/**
 * Counts every window that ends at or before this instant as closed, also one that no reading has opened yet.
 * Call it when `closeNext` has closed what there was.
 */
export function passTo(state: WindowState, plan: WindowPlan, eventAt: number): void {
  if (eventAt < state.closedUpTo + plan.paneMs) return;
  state.closedUpTo = Math.floor(eventAt / plan.paneMs) * plan.paneMs;
}

function takeFacts(state: WindowState, plan: WindowPlan): (FieldValue | undefined)[] {
  const { accumulators } = state.panes[0]!;
  return plan.aggregates.map(({ aggregate }, i) => aggregate.result(accumulators[i]));
}

function mergeFacts(state: WindowState, plan: WindowPlan, end: number): (FieldValue | undefined)[] {
  return plan.aggregates.map(({ aggregate }, i) => {
    const merged = aggregate.create();
    for (const pane of state.panes) {
      if (pane.start >= end) break;
      aggregate.merge(merged, structuredClone(pane.accumulators[i]));
    }
    return aggregate.result(merged);
  });
}
