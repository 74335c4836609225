import { followHostClock } from '../alerts/clock.ts';
import { restartAlert, shiftSince, shiftWaits } from '../alerts/lifecycle.ts';
import { MAX_GAIN_MS } from '../devices/key-clock.ts';
import type { Plan } from '../model/plan/plan.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import type { Reading } from '../model/reading.ts';
import type { MarkRecord } from '../model/record.ts';
import { placeOf } from '../state/directory.ts';
import { type AlertHandling, settleAlert } from './alert-transitions.ts';

/** Adjusts alerts when the time in which they wait jumps. */
export interface JumpFollower {
  /** Event time has jumped with this reading: the waits of its keys' alerts start again. */
  reading(reading: Reading): void;
  /** Takes what a mark says about the host's clock. If the clock was set forward, waits and silences do not become longer by that. */
  mark(mark: MarkRecord): void;
}

/** Makes the functions that adjust alerts when time jumps. */
export function followJumps(plan: Plan, { rules, state }: AlertHandling): JumpFollower {
  // Silences are measured in receive time, not in event time.
  const evaluated = plan.streams.map(({ index }) => {
    return rules.filter(({ rule }) => rule.stream === index && rule.kind !== 'silence');
  });
  return {
    reading(reading) {
      const { stream, time, jumps = [] } = reading;
      for (const { keying, from } of jumps) {
        const key = placeOf(reading)!.key(keying)!;
        for (const alertRule of evaluated[stream]!) {
          const record = alertRule.rule.keying.index === keying ? key.alerts[alertRule.rule.slot] : undefined;
          if (record === undefined) continue;
          restartAlert(record, from, time);
          settleAlert(alertRule, key, record, state.alerting.clock);
        }
      }
    },
    mark(mark) {
      followHostClock(state.alerting.clock, mark);
      const { steppedMs = 0, at } = mark;
      if (steppedMs > 0) for (const rule of plan.rules) delayAlerts(rule, steppedMs, at);
    },
  };

  function delayAlerts({ kind, stream, keying, slot }: RulePlan, byMs: number, now: number): void {
    const isSilence = kind === 'silence';
    // After a longer step, stamps either do not follow the step, or event time jumps.
    if (!isSilence && byMs > MAX_GAIN_MS) return;
    const { keys, changedKeys } = state.streams[stream]!;
    for (const key of keys[keying.index]!.values()) {
      const record = key.alerts[slot];
      if (record === undefined) continue;
      changedKeys.touch(key);
      shiftWaits(record, byMs);
      if (isSilence) shiftSince(record, byMs, now);
    }
  }
}
