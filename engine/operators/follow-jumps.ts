import { followHostClock } from '../alerts/clock.ts';
import { restartAlert, shiftSince, shiftWaits } from '../alerts/lifecycle.ts';
import { MAX_GAIN_MS } from '../devices/key-clock.ts';
import type { Plan } from '../model/plan/plan.ts';
import type { RulePlan } from '../model/plan/rule-plan.ts';
import type { Reading } from '../model/reading.ts';
import type { MarkRecord } from '../model/record.ts';
import { type AlertHandling, settleAlert } from './alert-transitions.ts';

/** What alerts do when the time that they wait in jumps. */
export interface JumpFollower {
  /** Event time jumped with a reading: the alerts of its keys wait from the start. */
  reading(reading: Reading): void;
  /** A mark says how the host's clock is. Where it was set forward, nothing has waited for longer, and no silence has lasted for longer. */
  mark(mark: MarkRecord): void;
}

export function followJumps(plan: Plan, { rules, state }: AlertHandling): JumpFollower {
  // Silences go by receive time, whatever stamps say.
  const judging = plan.streams.map(({ index }) => {
    return rules.filter(({ rule }) => rule.stream === index && rule.kind !== 'silence');
  });
  return {
    reading({ stream, time, jumps = [] }) {
      for (const { keying, key: text, from } of jumps) {
        const key = state.streams[stream]!.keys[keying]!.get(text)!;
        for (const of of judging[stream]!) {
          const record = of.rule.keying.index === keying ? key.alerts[of.rule.slot] : undefined;
          if (record === undefined) continue;
          restartAlert(record, from, time);
          settleAlert(of, key, record);
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
    // A longer step leaves stamps alone, or event time jumps with it.
    if (!isSilence && byMs > MAX_GAIN_MS) return;
    for (const { alerts } of state.streams[stream]!.keys[keying.index]!.values()) {
      const record = alerts[slot];
      if (record === undefined) continue;
      shiftWaits(record, byMs);
      if (isSilence) shiftSince(record, byMs, now);
    }
  }
}
