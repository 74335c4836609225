import type { Plan } from '../model/plan/plan.ts';
import type { State } from '../state/state.ts';
import type { Counters } from '../telemetry.ts';
import { runAlertTimers } from './alert-timers.ts';
import { applyEvaluation, createAlertHandling } from './alert-transitions.ts';
import { followJumps } from './follow-jumps.ts';
import { lift } from './lift.ts';
import { resolveRemovedRules } from './resolve-removed-rules.ts';

/**
 * Moves alerts on by the verdicts about them, and by ticks where time alone does it, and explains every change of state with the
 * facts and conditions of that instant. Says as well what of it is told: again and again, once for many, or not at all.
 * Ends first what a change of the rules has left behind.
 */
export const transition = (plan: Plan, state: State, journalId: string, counters: Counters) => {
  const handling = createAlertHandling(plan, state, journalId, counters);
  const attend = runAlertTimers(handling, journalId);
  const jumps = followJumps(plan, handling);
  return lift((item, out) => {
    resolveRemovedRules(handling, item, out);
    if (item.kind === 'evaluation') {
      applyEvaluation(handling, item, out);
      return;
    }
    out.push(item);
    if (item.kind === 'tick') attend(item, out);
    else if (item.kind === 'mark') jumps.mark(item);
    else if (item.kind === 'reading' && item.jumps !== undefined) jumps.reading(item);
  });
};
