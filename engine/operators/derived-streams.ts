import type { Observable } from 'rxjs';
import type { Item } from '../model/item/item.ts';
import type { Viewed } from '../model/item/window-result.ts';
import type { Plan, StreamPlan } from '../model/plan/plan.ts';
import { madeReading, type Reading } from '../model/reading.ts';
import { forgetIdle, placeReading } from '../state/directory.ts';
import { MOST_DUE, type State } from '../state/state.ts';
import type { Counters } from '../telemetry.ts';
import { joinStreams } from './join-streams.ts';
import { lift } from './lift.ts';

/** Makes the readings of the derived streams of a level from the results of the levels below. */
export const derivedStreams = (plan: Plan, state: State, level: number, counters: Counters) => {
  const views = new Map<number, StreamPlan>();
  for (const stream of plan.streams) {
    if (stream.level === level && stream.origin.kind === 'view') views.set(stream.origin.rule, stream);
  }
  const correlations = joinStreams(plan, state, level, counters);
  const derived = plan.streams.filter((stream) => stream.level === level && stream.origin.kind !== 'devices');
  if (derived.length === 0) return (items$: Observable<readonly Item[]>) => items$;
  return lift((item, out) => {
    out.push(item);
    correlations?.(item, out);
    if (item.kind === 'tick') {
      for (const stream of derived) {
        if (forgetIdle(stream, state.streams[stream.index]!, item, MOST_DUE)) state.hasMoreDue = true;
      }
      return;
    }
    if (item.kind !== 'viewed') return;
    const stream = views.get(item.rule);
    if (stream === undefined) return;
    const reading = readingOf(item, stream.index);
    placeReading(stream, state.streams[stream.index]!, reading);
    out.push(reading);
  });
};

/**
 * Makes a reading of a view's stream from a result of the view. Each key of the view is a device of the stream. The reading's time is the last
 * instant that the window contains, as in Flink, so that a window over the view contains whole windows.
 */
function readingOf(viewed: Viewed, stream: number): Reading {
  const { key, end, inclusive, values } = viewed;
  const time = inclusive ? end : end - 1;
  return madeReading(viewed, { stream, device: key.text, labels: key.parts, time, values }, false, undefined);
}
