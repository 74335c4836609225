import type { StoredCounts } from './counts.ts';
import { detectExits, type ExitDetector } from './exit-detector.ts';
import { checkRun, type DemoResult } from './result.ts';
import { type DemoParts, DemoRun } from './run.ts';

/** How long to wait for the last rows after the last message. */
const ARRIVAL_DEADLINE_MS = 20_000;

/** The result of a run, and the counts of the rows in ClickHouse. */
export interface CheckedRun {
  readonly result: DemoResult;
  readonly stored: StoredCounts;
}

/**
 * Runs the simulation for the requested time, shows the live view, waits until everything has arrived, stops the engine, and checks
 * the counts. Rejects with PartFailed if the engine or a server exits unexpectedly.
 */
export async function runAndCheck(parts: DemoParts): Promise<CheckedRun> {
  const { engine, display, servers, signal } = parts;
  const run = new DemoRun(parts);
  const exits = detectExits(engine, servers);
  signal.addEventListener('abort', run.stop);
  exits.signal.addEventListener('abort', run.stop);
  if (signal.aborted) run.stop();
  display.show(() => run.view());
  try {
    return await runParts(parts, run, exits);
  } finally {
    signal.removeEventListener('abort', run.stop);
    display.close();
  }
}

async function runParts({ engine, monitor }: DemoParts, run: DemoRun, exits: ExitDetector): Promise<CheckedRun> {
  const startedAt = performance.now();
  const refreshing = run.startRefreshing();
  const report = await run.simulate().finally(refreshing.end);
  run.phase = 'waiting for the last rows';
  await refreshing.ended;
  await monitor.refreshUntil(() => run.hasArrived(report), ARRIVAL_DEADLINE_MS, exits.signal);
  const durationMs = performance.now() - startedAt;
  await exits.disarm();
  run.phase = 'stopping the engine';
  const endedWell = await engine.stop();
  const stored = await monitor.readFinal();
  run.phase = 'done';
  const { alerts, before } = monitor;
  const result = checkRun({ report, engine: monitor.engine, before, after: stored, alerts, durationMs, endedWell });
  return { result, stored };
}
