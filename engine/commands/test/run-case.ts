import { Subject } from 'rxjs';
import { createDecoder } from '../../decode/decode.ts';
import type { JournalRecord } from '../../model/record.ts';
import { consequences } from '../../pipeline.ts';
import { readSnapshot } from '../../state/read-snapshot.ts';
import { restore, snapshot } from '../../state/snapshot.ts';
import { createState, type State } from '../../state/state.ts';
import { createCounters } from '../../telemetry.ts';
import { BROKER, type CompiledCase } from './compile-case.ts';
import { type CaseOutcome, createObserver } from './observe.ts';

/** A compiled case with the records of its journal. */
export interface CaseRun {
  readonly compiled: CompiledCase;
  /** Milliseconds since the epoch. */
  readonly startAt: number;
  readonly records: readonly JournalRecord[];
}

/** How the records are fed to the fold. It must not affect the outcome. */
export interface Feeding {
  /** Whether to feed each record separately. Default: all records between two restarts together. */
  readonly singly?: boolean;
  /** Whether to restart from a snapshot after the record at this index. Default: never. */
  readonly restarts?: (index: number) => boolean;
}

const BROKERS = [BROKER];

/** Runs a case: folds its records and returns the outcome. */
export function runCase({ compiled, startAt, records }: CaseRun, { singly, restarts }: Feeding = {}): CaseOutcome {
  const observer = createObserver(compiled, startAt);
  let state = createState(compiled.plan, BROKERS.length);
  let from = 0;
  while (from < records.length) {
    let to = from + 1;
    while (to < records.length && restarts?.(to - 1) !== true) to += 1;
    const part = records.slice(from, to);
    foldRecords(compiled, state, singly === true ? part.map((record) => [record]) : [part], observer.see);
    if (to < records.length) state = restarted(compiled, state);
    from = to;
  }
  return observer.outcome;
}

/** Folds arrays of records. It changes the state in place. */
function foldRecords(
  { plan, streams, maxAheadMs }: CompiledCase,
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
    context: { journalId: 'case', instance: 'case', database: 'weir' },
    maxBehindMs: maxAheadMs,
    brokers: BROKERS,
    counters,
  }).subscribe((items) => {
    for (const item of items) see(item);
  });
  for (const array of arrays) records$.next(array);
}

/** The state after a restart: written to a snapshot and restored. */
function restarted({ plan }: CompiledCase, state: State): State {
  return restore(plan, BROKERS, readSnapshot(snapshot(plan, BROKERS, state))).state;
}
