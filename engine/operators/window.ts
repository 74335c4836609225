import type { Plan } from '../model/plan/plan.ts';
import type { State } from '../state/state.ts';
import type { Counters } from '../telemetry.ts';
import { lift } from './lift.ts';
import { forgetKeys } from './window-forget.ts';
import { closeGroups } from './window-groups.ts';
import { takeReading } from './window-readings.ts';
import { createStreamWindows } from './window-rules.ts';
import { closeQuietDevices } from './window-ticks.ts';

/** What the windows of one level of streams need. */
export interface WindowOptions {
  readonly plan: Plan;
  readonly state: State;
  /** See `StreamPlan.level`; readings of other levels pass. */
  readonly level: number;
  /** How far a device's clock may be behind its group's before the group continues without it; milliseconds. */
  readonly maxBehindMs: number;
  readonly counters: Counters;
}

/**
 * Takes readings into the windows of their keys, and closes the windows that the watermark has passed. Readings close a device's own windows;
 * if the device is quiet, ticks do. Ticks close the windows of a group, when its earliest device has passed them.
 * Marks a reading as late if every window that it belongs to has closed; the reading is still stored in its table. A reading that there is no
 * room for is in no window.
 */
export const window = ({ plan, state, level, maxBehindMs, counters }: WindowOptions) => {
  const streams = plan.streams
    .filter((stream) => stream.level === level && stream.windowRules.length > 0)
    .map((stream) => createStreamWindows(stream, state.streams[stream.index]!, maxBehindMs, counters));
  const byStream = plan.streams.map(({ index }) => streams.find(({ plan }) => plan.index === index));
  return lift((item, out) => {
    if (item.kind === 'reading') {
      const windows = byStream[item.stream];
      if (windows !== undefined) takeReading(windows, item, out);
    }
    out.push(item);
    if (item.kind !== 'tick') return;
    for (const windows of streams) {
      forgetKeys(windows, item);
      if (closeQuietDevices(windows, item, out)) state.hasMoreDue = true;
      if (closeGroups(windows, item, out)) state.hasMoreDue = true;
    }
  });
};
