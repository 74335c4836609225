import { filter, mergeMap, type Observable } from 'rxjs';
import type { BatchLimits } from './delivery/batches.ts';
import type { EventContext } from './delivery/event-context.ts';
import type { SentRange } from './delivery/ranges.ts';
import type { Item } from './model/item/item.ts';
import type { Batch, EventOutput } from './model/output.ts';
import type { Plan } from './model/plan/plan.ts';
import type { Reading } from './model/reading.ts';
import type { JournalRecord } from './model/record.ts';
import { batch } from './operators/batch.ts';
import { decode } from './operators/decode.ts';
import type { Decoder } from './operators/decode-message.ts';
import { derivedStreams } from './operators/derived-streams.ts';
import { evaluate } from './operators/evaluate.ts';
import { followClocks } from './operators/follow-clocks.ts';
import { presence } from './operators/presence.ts';
import { publish } from './operators/publish.ts';
import { transition } from './operators/transition.ts';
import { window } from './operators/window.ts';
import type { State } from './state/state.ts';
import type { Counters } from './telemetry.ts';

export interface PipelineOptions {
  readonly plan: Plan;
  /** Everything that the chain remembers. The chain changes it in place. */
  readonly state: State;
  readonly decoder: Decoder;
  /** Names of the brokers, by their index. */
  readonly brokers: readonly string[];
  readonly context: EventContext;
  readonly limits: BatchLimits;
  /** Ranges of rows that an earlier run has sent; their rows go into the same batches again. */
  readonly earlier?: readonly SentRange[];
  /** How far a device's clock may be behind its group's before the group continues without it; milliseconds. */
  readonly maxBehindMs: number;
  /** See `FollowClocksOptions`; only for the log. */
  readonly onJump?: (reading: Reading, from: number) => void;
  readonly counters: Counters;
}

/**
 * The path of a reading, from journal record to batches and events: the pure fold of the whole engine. It is synchronous. The same records give
 * the same outputs, however they are cut into arrays.
 */
export function pipeline(
  records$: Observable<readonly JournalRecord[]>,
  options: PipelineOptions,
): Observable<Batch | EventOutput> {
  return consequences(records$, options).pipe(
    batch(options.plan, options.limits, options.earlier),
    mergeMap((items) => items),
    filter((item) => item.kind === 'batch' || item.kind === 'event'),
  );
}

/**
 * Everything that follows from the records, causes before effects, level by level of the streams: readings, closed windows, results of views,
 * changes of alerts and devices, and their events. The pipeline makes batches of it; tests of rules read it.
 */
export function consequences(
  records$: Observable<readonly JournalRecord[]>,
  { plan, state, decoder, brokers, context, maxBehindMs, onJump, counters }: Omit<PipelineOptions, 'limits'>,
): Observable<readonly Item[]> {
  const levels = Array.from(
    { length: plan.levels },
    (_, level) => (items$: Observable<readonly Item[]>) =>
      items$.pipe(
        derivedStreams(plan, state, level, counters),
        followClocks({ plan, state, level, onJump, counters }),
        window({ plan, state, level, maxBehindMs, counters }),
        evaluate({ plan, state, level, journalId: context.journalId, counters }),
      ),
  );
  return records$.pipe(
    decode({ decoder, plan, state, brokers, counters, maxAheadMs: maxBehindMs }),
    presence(plan, state, counters),
    (items$) => levels.reduce((lower$, level) => level(lower$), items$),
    transition(plan, state, context.journalId, counters),
    publish(plan, context),
  );
}
