import { Subject } from 'rxjs';
import { createDecoder } from '../../decode/decode.ts';
import type { JournalRecord } from '../../model/record.ts';
import { consequences } from '../../pipeline.ts';
import { readSnapshot, restore, snapshot } from '../../state/snapshot.ts';
import { createState, type State } from '../../state/state.ts';
import { createCounters } from '../../telemetry.ts';
import { type CaseOutcome, createObserver } from './observe.ts';
import { BROKER, type Stage } from './stage.ts';

/** A case, ready to be played. */
export interface CaseRun {
  readonly stage: Stage;
  /** Milliseconds since the epoch. */
  readonly startAt: number;
  readonly records: readonly JournalRecord[];
}

/** How the records are fed; none of it may make a difference. */
export interface Feeding {
  /** Each record alone. Default: as many as come between two restarts. */
  readonly singly?: boolean;
  /** Goes on from a snapshot behind the record at this index. Default: never. */
  readonly restarts?: (index: number) => boolean;
}

const BROKERS = [BROKER];

/** Plays a case: folds its records and tells what happened. */
export function runCase({ stage, startAt, records }: CaseRun, { singly, restarts }: Feeding = {}): CaseOutcome {
  const observer = createObserver(stage, startAt);
  let state = createState(stage.plan, BROKERS.length);
  let from = 0;
  while (from < records.length) {
    let to = from + 1;
    while (to < records.length && restarts?.(to - 1) !== true) to += 1;
    const part = records.slice(from, to);
    play(stage, state, singly === true ? part.map((record) => [record]) : [part], observer.see);
    if (to < records.length) state = restarted(stage, state);
    from = to;
  }
  return observer.course;
}

/** Folds arrays of records onto a state, which is changed in place. */
function play(
  { plan, streams, maxAheadMs }: Stage,
  state: State,
  arrays: readonly (readonly JournalRecord[])[],
  see: ReturnType<typeof createObserver>['see'],
): void {
  const counters = createCounters();
  const records$ = new Subject<readonly JournalRecord[]>();
  consequences(records$, {
    plan,
    state,
    decoder: createDecoder({ streams, brokers: BROKERS, maxAheadMs, counters }),
    context: { journalId: 'rehearsal', instance: 'rehearsal', database: 'weir' },
    maxBehindMs: maxAheadMs,
    brokers: BROKERS,
    counters,
  }).subscribe((items) => {
    for (const item of items) see(item);
  });
  for (const array of arrays) records$.next(array);
}

/** The state as it comes out of a checkpoint. */
function restarted({ plan }: Stage, state: State): State {
  const lines = snapshot(plan, BROKERS, state).split('\n');
  return restore(plan, BROKERS, readSnapshot(lines)).state;
}
