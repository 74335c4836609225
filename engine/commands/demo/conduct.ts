import { type Alarm, watchOver } from './alarm.ts';
import type { StoredCounts } from './observe.ts';
import { type Cast, Run } from './run.ts';
import { type DemoResult, judge } from './verdict.ts';

/** For the last rows, behind the last message. */
const ARRIVAL_DEADLINE_MS = 20_000;

/** What a run came to, and what ClickHouse holds of it. */
export interface DemoOutcome {
  readonly verdict: DemoResult;
  readonly stored: StoredCounts;
}

/**
 * Publishes for as long as it was asked to, shows what happens, waits until everything has arrived, ends the engine, and judges.
 * Rejects with Broken where the engine or a server ends before its time.
 */
export async function conduct(cast: Cast): Promise<DemoOutcome> {
  const { engine, display, servers, signal } = cast;
  const run = new Run(cast);
  const alarm = watchOver(engine, servers);
  signal.addEventListener('abort', run.stop);
  alarm.signal.addEventListener('abort', run.stop);
  if (signal.aborted) run.stop();
  display.show(() => run.view());
  try {
    return await play(cast, run, alarm);
  } finally {
    signal.removeEventListener('abort', run.stop);
    display.close();
  }
}

async function play({ engine, watch }: Cast, run: Run, alarm: Alarm): Promise<DemoOutcome> {
  const startedAt = performance.now();
  const looking = run.startLooking();
  const report = await run.simulate().finally(looking.end);
  run.phase = 'waiting for the last rows';
  await looking.ended;
  await watch.lookUntil(() => run.hasArrived(report), ARRIVAL_DEADLINE_MS, alarm.signal);
  const durationMs = performance.now() - startedAt;
  await alarm.disarm();
  run.phase = 'stopping the engine';
  const endedWell = await engine.stop();
  const stored = await watch.final();
  run.phase = 'done';
  const { board, before } = watch;
  const verdict = judge({ report, engine: watch.engine, before, after: stored, board, durationMs, endedWell });
  return { verdict, stored };
}
