import type { Plan } from '../model/plan/plan.ts';
import type { State } from '../state/state.ts';
import type { Counters } from '../telemetry.ts';
import { runAlertTimers } from './alert-timers.ts';
import { applyEvaluation, createAlertHandling } from './alert-transitions.ts';
import { followJumps } from './follow-jumps.ts';
import { lift } from './lift.ts';
import { resolveRemovedRules } from './resolve-removed-rules.ts';

/**
 * Changes alerts by evaluations, and by ticks where time alone changes them. Explains each change of state with the facts and conditions of that
 * instant. Decides which changes are published: each one, once for many, again after some time, or not at all. First of all, resolves the
 * alerts of changed and removed rules.
 */
export const transition = (plan: Plan, state: State, journalId: string, counters: Counters) => {
  const handling = createAlertHandling(plan, state, journalId, counters);
  const runTimers = runAlertTimers(handling, journalId);
  const jumps = followJumps(plan, handling);
  return lift((item, out) => {
    resolveRemovedRules(handling, item, out);
    if (item.kind === 'evaluation') {
      applyEvaluation(handling, item, out);
      return;
    }
    out.push(item);
    if (item.kind === 'tick') runTimers(item, out);
    else if (item.kind === 'mark') jumps.mark(item);
    else if (item.kind === 'reading' && item.jumps !== undefined) jumps.reading(item);
  });
};
